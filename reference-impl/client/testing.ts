/** A world for tests of the client: nodes that answer as a script says, and a clock that runs when nothing else does. */
import type { NodeId, Request, Response } from '../core/types.ts';
import type { Line, Surroundings } from './line.ts';

/**
 * What becomes of a request: answered; never answered; `lost`: the line breaks, and the node may have taken it;
 * `unreachable`: it never came to the node.
 */
export type Fate = Response | 'silent' | 'lost' | 'unreachable' | { readonly afterMs: number; readonly fate: Fate };

export interface Asked {
  readonly node: NodeId;
  readonly body: Request;
  readonly atMs: number;
}

/** One way; a request that is answered at once takes two of them. */
export const TRIP_MS = 5;

class BrokenLine extends Error {
  readonly definite: boolean;
  constructor(definite: boolean) {
    super(definite ? 'CONNECTION_REFUSED' : 'CONNECTION_LOST');
    this.definite = definite;
  }
}

interface Timer {
  readonly atMs: number;
  readonly fire: () => void;
}

export class World implements Surroundings {
  readonly asked: Asked[] = [];
  readonly closed: NodeId[] = [];
  #now = 0;
  #timers: Timer[] = [];
  readonly #script: (asked: Asked, number: number) => Fate;

  /** `script` is told how many requests came before. */
  constructor(script: (asked: Asked, number: number) => Fate) {
    this.#script = script;
  }

  readonly nowMs = (): number => this.#now;

  readonly timer = (delayMs: number, fire: () => void): (() => void) => {
    const timer = { atMs: this.#now + delayMs, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  readonly dial = (node: NodeId): Line => {
    let isClosed = false;
    return {
      request: (body) => {
        const asked = { node, body, atMs: this.#now };
        const fate = this.#script(asked, this.asked.length);
        this.asked.push(asked);
        return new Promise((resolve, reject) => {
          const end = (then: () => void): void => {
            if (!isClosed) then();
          };
          const come = (afterMs: number, of: Fate): void => {
            if (of === 'silent') return;
            if (typeof of === 'object' && 'fate' in of) return come(afterMs + of.afterMs, of.fate);
            this.timer(afterMs, () =>
              end(() => (typeof of === 'string' ? reject(new BrokenLine(of === 'unreachable')) : resolve(of))),
            );
          };
          come(2 * TRIP_MS, fate);
        });
      },
      close: () => {
        isClosed = true;
        this.closed.push(node);
      },
    };
  };

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Lets time pass until the promise is settled, and says how; `pending` when nothing is left to happen. */
  async settle<T>(promise: Promise<T>): Promise<T | Error | 'pending'> {
    let settled: { readonly value: T | Error } | undefined;
    promise.then(
      (value) => (settled = { value }),
      (error: unknown) => (settled = { value: error instanceof Error ? error : new Error(String(error)) }),
    );
    for (;;) {
      await jobs();
      if (settled !== undefined) return settled.value;
      if (!this.#fireNext(Number.POSITIVE_INFINITY)) return 'pending';
    }
  }

  /** Lets so much time pass. */
  async pass(durationMs: number): Promise<void> {
    const until = this.#now + durationMs;
    do await jobs();
    while (this.#fireNext(until));
    this.#now = until;
  }

  #fireNext(untilMs: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
    if (next === undefined || next.atMs > untilMs) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.#now = Math.max(this.#now, next.atMs);
    next.fire();
    return true;
  }
}

/** Lets all that follows from what has happened follow. */
async function jobs(): Promise<void> {
  for (let i = 0; i < 64; i++) await Promise.resolve();
}

export function written(index: number, rest: Partial<Extract<Response, { type: 'written' }>> = {}): Response {
  return { type: 'written', version: { term: 1, index }, role: 'leader', ...rest };
}

export function readAnswer(index: number, rest: Partial<Extract<Response, { type: 'read' }>> = {}): Response {
  const position = { term: 1, index };
  return { type: 'read', values: [index], versions: [position], position, role: 'follower', ...rest };
}

export function refused(
  code: Extract<Response, { type: 'refused' }>['code'],
  rest: Partial<Extract<Response, { type: 'refused' }>> = {},
): Response {
  return { type: 'refused', code, ...rest };
}
