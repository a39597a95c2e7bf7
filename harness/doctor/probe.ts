/** The harness's end of the line to a measuring program in a container; see probe-program.ts. */
import { Writable } from 'node:stream';
import { type Clock, MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Engine } from '../environments/docker/engine.ts';
import { PROBE_PROGRAM } from './probe-program.ts';

const ANSWER_NS = 30 * SECOND;

interface Asked {
  readonly echoes: { to: string; count: number; everyMs: number; waitMs: number };
  readonly speak: { to: string; tag: string; count: number; bytes: number; everyMs: number };
  readonly heard: { tag: string };
  readonly connect: { to: string; port: number; waitMs: number };
  readonly syncs: { count: number };
  readonly disk: object;
  readonly offset: object;
  readonly rate: { ms: number };
  readonly leaps: { ms: number; leapMs: number };
  readonly spin: { ms: number };
  readonly memory: object;
  readonly remember: object;
  readonly damage: object;
  readonly size: { name: string };
  readonly run: { command: readonly string[] };
}

export interface Echoes {
  readonly count: number;
  /** Round-trip times and numbers of the questions, in the order in which answers came. */
  readonly ms: readonly number[];
  readonly order: readonly number[];
}

interface Said {
  readonly echoes: Echoes;
  readonly speak: object;
  /** `bytes` and `ms`: after the first. */
  readonly heard: { readonly count: number; readonly bytes: number; readonly ms: number };
  readonly connect: { readonly how: string; readonly ms: number };
  readonly syncs: { readonly ms: readonly number[] };
  /** `well`, or the error's code. */
  readonly disk: { readonly write: string; readonly read: string };
  readonly offset: { readonly ms: number };
  readonly rate: { readonly rate: number };
  readonly leaps: { readonly leaps: number };
  readonly spin: { readonly share: number; readonly held: number };
  /** -1: no limit. */
  readonly memory: { readonly mb: number };
  readonly remember: { readonly bytes: number };
  readonly damage: { readonly bits: number; readonly gone: number };
  readonly size: { readonly bytes: number };
  readonly run: { readonly ok: boolean; readonly said: string };
}

interface Waiting {
  readonly resolve: (said: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Probe {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #stream: NodeJS.ReadWriteStream;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #rest = '';
  #errors = '';

  /** Resolves when it listens. `env`: `NAME=value`. */
  static async start(engine: Engine, clock: Clock, container: string, env: readonly string[]): Promise<Probe> {
    const exec = await engine.ask(`measuring in ${container}`, (abortSignal) =>
      engine.docker.getContainer(container).exec({
        Cmd: ['node', '-e', PROBE_PROGRAM],
        Env: [...env],
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        abortSignal,
      }),
    );
    const stream = await engine.ask(`measuring in ${container}`, () => exec.start({ hijack: true, stdin: true }));
    const probe = new Probe(container, clock, stream);
    engine.docker.modem.demuxStream(
      stream,
      sink((text) => probe.#hear(text)),
      sink((text) => void (probe.#errors = (probe.#errors + text).slice(-500))),
    );
    await probe.#answer(0, 'begin', ANSWER_NS);
    return probe;
  }

  private constructor(name: string, clock: Clock, stream: NodeJS.ReadWriteStream) {
    this.#name = name;
    this.#clock = clock;
    this.#stream = stream;
    for (const event of ['end', 'close', 'error']) stream.on(event, () => this.#end());
  }

  ask<What extends keyof Asked>(what: What, how: Asked[What], ns: number = ANSWER_NS): Promise<Said[What]> {
    const id = ++this.#number;
    const answer = this.#answer(id, what, ns);
    this.#stream.write(`${JSON.stringify({ id, what, how })}\n`);
    return answer as Promise<Said[What]>; // its own word for it
  }

  close(): void {
    this.#stream.end();
  }

  #answer(id: number, what: string, ns: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.timer(this.#clock.now() + ns, () => {
        this.#waiting.delete(id);
        reject(new Error(`the probe in ${this.#name} did not say '${what}' within ${Math.round(ns / MILLISECOND)} ms`));
      });
      this.#waiting.set(id, {
        resolve: (said) => {
          cancel();
          resolve(said);
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      });
    });
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const { id, ok, error } = JSON.parse(line) as { id: number; ok?: unknown; error?: string }; // its own word
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(ok);
      else waiting?.reject(new Error(`the probe in ${this.#name}: ${error}`));
    }
  }

  #end(): void {
    const words = this.#errors.trim().split('\n').at(-1) ?? '';
    for (const { reject } of this.#waiting.values())
      reject(new Error(`the probe in ${this.#name} has ended: ${words}`));
    this.#waiting.clear();
  }
}

function sink(take: (text: string) => void): Writable {
  const decoder = new TextDecoder();
  return new Writable({
    write(bytes: Buffer, _, done) {
      take(decoder.decode(bytes, { stream: true }));
      done();
    },
  });
}
