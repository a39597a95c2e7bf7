/** What clients ask of the nodes of {@link Chaos}: every path, and requests again whose answers they may have missed. */
import type { CasRequest, NodeId, NoteRequest, ReadRequest, Request, WriteRequest } from '../types.ts';
import type { Observer } from './observer.ts';

const USERS = ['ann', 'bob'];
const CLIENTS = ['c1', 'c2', 'c3'];
/** Attempts at one request, the first included. */
const ATTEMPTS_MAX = 4;

export interface Asking {
  readonly node: NodeId;
  readonly body: Request;
}

export class Clients {
  readonly #random: () => number;
  readonly #observer: Observer;
  readonly #keys: readonly string[];
  readonly #sent: { readonly body: WriteRequest | CasRequest; attempts: number }[] = [];
  #value = 0;
  #sequence = 0;

  constructor(random: () => number, observer: Observer, keys: readonly string[]) {
    this.#random = random;
    this.#observer = observer;
    this.#keys = keys;
  }

  /** Whom to ask what. Some clients still believe in an old leader, and some ask anybody. */
  next(nodes: readonly NodeId[], leaders: readonly NodeId[], nowMs: number): Asking {
    const draw = this.#random();
    const node = draw < 0.65 && leaders.length > 0 ? this.#pick(leaders) : this.#pick(nodes);
    if (draw < 0.42) return { node, body: this.#random() < 0.2 ? this.#repeat(nowMs) : this.#write(nowMs) };
    if (draw < 0.65) return { node, body: this.#read(this.#random() < 0.5 ? 'leader' : 'leader-lease') };
    if (draw < 0.7) return { node, body: this.#note() };
    return { node, body: this.#readAnywhere(nowMs) };
  }

  #write(nowMs: number): Request {
    const ack = this.#pick(['leader-ack', 'quorum-ack', 'quorum-ack', 'all-ack', 'all-applied'] as const);
    const key = this.#pick(this.#keys);
    const origin = { client: this.#pick(CLIENTS), sequence: ++this.#sequence, since: this.#observer.commit };
    const common = { ack, key, ...(this.#random() < 0.8 ? { origin } : undefined), stampMs: nowMs };
    const value = ++this.#value;
    const body: WriteRequest | CasRequest =
      this.#random() < 0.75
        ? { type: 'write', ...common, value }
        : { type: 'cas', ...common, expected: value - Math.floor(this.#random() * 4), next: value };
    if (common.origin !== undefined) this.#sent.push({ body, attempts: 1 });
    return body;
  }

  /** A late one, or one that was answered long ago, perhaps under another acknowledgement. */
  #repeat(nowMs: number): Request {
    const from = Math.max(0, this.#sent.length - 1 - Math.floor(this.#random() ** 3 * 60));
    const sent = this.#sent[from];
    if (sent === undefined || sent.attempts >= ATTEMPTS_MAX) return this.#write(nowMs);
    sent.attempts++;
    if (this.#random() < 0.7) return sent.body;
    return { ...sent.body, ack: this.#pick(['leader-ack', 'quorum-ack', 'all-ack', 'all-applied']) };
  }

  #read(path: ReadRequest['path']): ReadRequest {
    return { type: 'read', path, keys: this.#keys, waitMs: this.#random() < 0.2 ? 0 : this.#random() * 200 };
  }

  #readAnywhere(nowMs: number): ReadRequest {
    const { tokens } = this.#observer;
    const draw = this.#random();
    if (draw < 0.05) return this.#read('local');
    if (draw < 0.2) return this.#read('follower');
    if (draw < 0.35) return this.#read('follower-linearizable');
    if (draw < 0.5) return { ...this.#read('bounded'), boundMs: 30 + this.#random() * 400 };
    if (draw < 0.58) return { ...this.#read('region'), user: this.#pick(USERS) };
    if (draw < 0.63) return { ...this.#read('follower+timestamp'), notBeforeMs: nowMs - this.#random() * 200 };
    const token = tokens[tokens.length - 1 - Math.floor(this.#random() * Math.min(30, tokens.length))];
    return token === undefined ? this.#read('follower') : { ...this.#read('follower+token'), token };
  }

  #note(): NoteRequest | ReadRequest {
    const token = this.#observer.tokens.at(-1);
    if (token === undefined) return this.#read('follower');
    return { type: 'note', user: this.#pick(USERS), token: { group: 'g0', ...token } };
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)];
  }
}
