/** The harness's end of the line to an agent: its stdin and stdout, as the engine carries them, or SSH. */
import { Writable } from 'node:stream';
import { type Clock, MILLISECOND, SECOND } from '../../../history/clock.ts';
import { type Answered, type Answers, type Event, lines, type Numbered, type Request } from './agent/protocol.ts';

const ANSWER_NS = 15 * SECOND;
/** What is asked, for who does not know an agent's words. */
const DEEDS: Partial<Readonly<Record<Request['do'], string>>> = {
  stand: 'say how it stands',
  pressure: 'say what it went short of',
  perform: 'carry out a command',
  'cut-power': 'lose its power',
  cut: 'cut its links',
  mend: 'mend its links',
  'cut-clients': 'cut off its clients',
  'mend-clients': 'let its clients in again',
  bend: 'change how its packets travel',
  straighten: 'let its packets travel as before',
  disk: 'change what its disk does',
  clock: 'change what its clock says',
  damage: 'damage its files',
};

export interface LinkOptions {
  readonly clock: Clock;
  readonly node: string;
  /** What has ended where the line breaks: 'its container' if not given. */
  readonly where?: string;
  /** The container's attached stream, of both directions. */
  readonly stream: NodeJS.ReadWriteStream;
  readonly demux: (stream: NodeJS.ReadWriteStream, out: NodeJS.WritableStream, err: NodeJS.WritableStream) => void;
  readonly log: (bytes: Buffer) => void;
  readonly told: (event: Event) => void;
  /** The line is broken: the container has ended, or the engine. Not called after `close`. */
  readonly broken: () => void;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class AgentLink {
  readonly #options: LinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #over = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { stream, demux, log } = options;
    const hear = lines((line) => this.#take(line));
    const decoder = new TextDecoder();
    demux(
      stream,
      sink((bytes) => hear(decoder.decode(bytes, { stream: true }))),
      sink(log),
    );
    for (const event of ['end', 'close', 'error']) stream.on(event, () => this.#break());
  }

  /** Rejects when the agent could not do it, did not answer in time, or is gone. */
  ask<R extends Request>(request: R, ns: number = ANSWER_NS): Promise<Answers[R['do']]> {
    const { clock, node, stream } = this.#options;
    if (this.#over) return Promise.reject(new Error(`${node} is gone: it cannot ${deedOf(request)}`));
    const id = ++this.#number;
    return new Promise((resolve, reject) => {
      const cancel = clock.timer(clock.now() + ns, () => {
        this.#waiting.delete(id);
        reject(new Error(`${node} did not ${deedOf(request)} within ${Math.round(ns / MILLISECOND)} ms`));
      });
      this.#waiting.set(id, {
        resolve: (answer) => {
          cancel();
          resolve(answer as Answers[R['do']]); // the agent's own word for this request
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      });
      const numbered: Numbered = { ...request, id };
      stream.write(`${JSON.stringify(numbered)}\n`);
    });
  }

  /** From now on nobody is told anything. */
  close(): void {
    this.#end('the cluster is being removed');
    this.#options.stream.end();
  }

  #take(line: string): void {
    const message = JSON.parse(line) as Answered | Event; // the agent's own word
    if ('event' in message) {
      if (!this.#over) this.#options.told(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('ok' in message) waiting?.resolve(message.ok);
    else waiting?.reject(new Error(`${this.#options.node}: ${message.error}`));
  }

  #break(): void {
    if (this.#over) return;
    this.#end(`${this.#options.where ?? 'its container'} has ended`);
    this.#options.broken();
  }

  #end(why: string): void {
    this.#over = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.#options.node} is gone: ${why}`));
    this.#waiting.clear();
  }
}

function deedOf(request: Request): string {
  return DEEDS[request.do] ?? request.do;
}

function sink(take: (bytes: Buffer) => void): Writable {
  return new Writable({
    write(bytes: Buffer, _, done) {
      take(bytes);
      done();
    },
  });
}
