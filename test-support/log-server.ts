/** A small server of logs, registers and one-shot transactions, for drivers in tests to stand in front of; with flaws to be found. */
import { createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { MILLISECOND, realClock } from '../history/clock.ts';
import type { Value } from '../history/operation.ts';
import type { Step } from '../history/store.ts';

/** Of a poll: so many entries at most. */
const PAGE = 7;
const ANSWER_NS = 6 * MILLISECOND;
const clock = realClock();

export type Flaw = 'none' | 'forgets' | 'repeats' | 'reads nothing';

interface Request {
  readonly f: string;
  readonly key: string;
  readonly value: Value;
}

/** Keeps logs and registers in memory, for whoever connects. */
export class LogServer {
  readonly #logs = new Map<string, (Value | undefined)[]>();
  readonly #registers = new Map<string, Value>();
  readonly #server: Server;
  readonly #flaw: Flaw;
  #sends = 0;

  constructor(flaw: Flaw) {
    this.#flaw = flaw;
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined);
      createInterface(socket).on('line', (line) => {
        const request = JSON.parse(line) as Request; // of our own driver
        const answer = `${JSON.stringify(this.#answer(request))}\n`;
        // So that operations are under way at the same time.
        clock.timer(clock.now() + ANSWER_NS, () => socket.write(answer));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
  }

  #answer({ f, key, value }: Request): object {
    const log = this.#logs.get(key) ?? [];
    this.#logs.set(key, log);
    switch (f) {
      case 'send': {
        const forgets = this.#flaw === 'forgets' && ++this.#sends % 20 === 0;
        log.push(forgets ? undefined : value);
        return { offset: log.length - 1 };
      }
      case 'poll':
        return { value: this.#page(log, Number(value)) };
      case 'txn':
        return { value: (value as readonly Step[]).map((step) => this.#step(step)) };
      case 'write':
        this.#registers.set(key, value);
        return {};
      default:
        return { value: this.#registers.get(key) ?? null };
    }
  }

  #page(log: readonly (Value | undefined)[], from: number): readonly (readonly [number, Value | undefined])[] {
    const page = log
      .map((one, offset) => [offset, one] as const)
      .filter(([offset, one]) => offset >= from && one !== undefined)
      .slice(0, PAGE);
    return this.#flaw === 'repeats' && page.length > 1 ? [...page, page[0]] : page;
  }

  #step([f, key, value]: Step): Step {
    if (f === 'w') this.#registers.set(String(key), value);
    const held = this.#registers.get(String(key)) ?? null;
    return [f, key, f === 'w' ? value : this.#flaw === 'reads nothing' ? null : held];
  }
}
