/**
 * The clients' lines to the nodes. They are like TCP connections: nothing is lost, doubled or overtaken, and faults between
 * nodes leave them alone. A node that goes down breaks the lines of the requests it holds.
 */
import type { Instant } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type { Connection } from '../environment.ts';
import { ANSWER, type EventQueue, REQUEST } from './events.ts';
import type { Regions } from './network.ts';

/** A request on its way, at its node, or on its way back. */
export interface Pending {
  readonly number: number;
  readonly node: number;
  readonly line: Line;
  readonly body: unknown;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: LineError) => void;
  end: { readonly response: unknown } | LineError | undefined;
}

/**
 * `definite`: the request was never delivered, so it has not taken effect and never will.
 * There is one of each code: a stack trace for every request that a dead node refuses would cost more than the request.
 */
export class LineError extends Error {
  override readonly name = 'LineError';
  readonly code: 'CONNECTION_LOST' | 'CONNECTION_REFUSED';
  readonly definite: boolean;
  constructor(code: 'CONNECTION_LOST' | 'CONNECTION_REFUSED') {
    super(code);
    this.code = code;
    this.definite = code === 'CONNECTION_REFUSED';
  }
}

export const CONNECTION_LOST = new LineError('CONNECTION_LOST');
export const CONNECTION_REFUSED = new LineError('CONNECTION_REFUSED');

export class Lines {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #regions: Regions;
  readonly #now: () => Instant;
  #requests = 0;
  /** Requests whose end their clients still wait for. */
  waiting = 0;
  refused = 0;
  broken = 0;

  constructor(queue: EventQueue, regions: Regions, now: () => Instant, random: Random) {
    this.#queue = queue;
    this.#regions = regions;
    this.#now = now;
    this.#random = random;
  }

  get requests(): number {
    return this.#requests;
  }

  dial(node: number, regionOfNode: number, home: number): Connection {
    return new Line(this, node, home, regionOfNode);
  }

  depart(line: Line, body: unknown): Promise<unknown> {
    this.waiting++;
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        number: ++this.#requests,
        node: line.node,
        line,
        body,
        resolve,
        reject,
        end: undefined,
      };
      line.outDue = Math.max(line.outDue, this.#now() + this.#latency(line));
      this.#queue.push(line.outDue, REQUEST, line.node, 0, pending);
    });
  }

  /** Sends a request's end back to its client. */
  conclude(pending: Pending, end: { readonly response: unknown } | LineError, at: Instant): void {
    const { line } = pending;
    if (line.closed) return;
    if (end instanceof LineError) {
      if (end.definite) this.refused++;
      else this.broken++;
    }
    pending.end = end;
    line.inDue = Math.max(line.inDue, at + this.#latency(line));
    this.#queue.push(line.inDue, ANSWER, pending.node, 0, pending);
  }

  /** A request's end has reached its client; false when that has hung up. */
  arrive(pending: Pending): boolean {
    const { line, end } = pending;
    if (line.closed || end === undefined) return false;
    line.outstanding--;
    this.waiting--;
    if (end instanceof LineError) pending.reject(end);
    else pending.resolve(end.response);
    return true;
  }

  #latency(line: Line): number {
    const jitter = this.#regions.jitterNs(line.home, line.region);
    return this.#regions.baseNs(line.home, line.region) + this.#random.below(jitter + 1);
  }
}

/** After `close` no request is ever settled: whoever closes has stopped listening. */
export class Line implements Connection {
  readonly #lines: Lines;
  readonly node: number;
  readonly home: number;
  readonly region: number;
  outDue: Instant = 0;
  inDue: Instant = 0;
  outstanding = 0;
  closed = false;

  constructor(lines: Lines, node: number, home: number, region: number) {
    this.#lines = lines;
    this.node = node;
    this.home = home;
    this.region = region;
  }

  request(body: unknown): Promise<unknown> {
    if (this.closed) return Promise.reject(new Error('a request on a line that was closed'));
    this.outstanding++;
    return this.#lines.depart(this, body);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#lines.waiting -= this.outstanding;
    this.outstanding = 0;
  }
}
