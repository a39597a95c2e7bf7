/**
 * The routing client of the reference store: finds the leader, picks the nearest follower, carries the session's token.
 *
 * It vouches only for what it knows. A request is sent again only after a definite refusal (the node said no, or the
 * request never reached it), so a write is in the log once at most. A read changes nothing: it is asked of another node
 * after a broken line too.
 */
import type {
  Acknowledgement,
  Key,
  NodeId,
  Position,
  ReadPath,
  RefusalCode,
  Request,
  Response,
  Value,
} from '../core/types.ts';

/** A line to one node. Rejects when it breaks; `definite` on the error says that the request was never delivered. */
export interface Line {
  request(body: Request): Promise<Response>;
  close(): void;
}

export interface ClientConfig {
  /** Every node, the nearest to the client first. */
  readonly nodes: readonly NodeId[];
  readonly readPath: ReadPath;
  readonly acknowledgement: Acknowledgement;
  /** Ask this node and no other. */
  readonly only?: NodeId;
  /** Which of the nodes to believe in first when looking for the leader: a successor begins elsewhere. */
  readonly firstGuess: number;
  readonly tokens?: Tokens;
  dial(node: NodeId): Line;
  nowMs(): number;
  sleepMs(duration: number): Promise<void>;
}

/**
 * What a session has seen. `read` was served as committed and can't be undone; `write` was acknowledged and, under
 * leader-ack, may have been undone since. They are kept apart so that losing the one does not forget the other.
 */
export interface Tokens {
  readonly read?: Position;
  readonly write?: Position;
}

/** A definite refusal by every node that was asked. */
export class RefusedByStore extends Error {
  readonly code: RefusalCode | 'CONNECTION_REFUSED';
  constructor(code: RefusalCode | 'CONNECTION_REFUSED') {
    super(code);
    this.code = code;
  }
}

/** It may have happened, or may yet. */
export class Indeterminate extends Error {}

/*
 * One error serves every request that meets the same fate: errors say nothing but their message, of which there are few,
 * and to take a stack trace costs more than the request did. A cluster without a leader refuses by the thousand.
 */
const refusals = new Map<string, RefusedByStore>();
const doubts = new Map<string, Indeterminate>();

function refusal(code: RefusalCode | 'CONNECTION_REFUSED'): RefusedByStore {
  const error = refusals.get(code) ?? new RefusedByStore(code);
  refusals.set(code, error);
  return error;
}

function doubt(message: string): Indeterminate {
  const error = doubts.get(message) ?? new Indeterminate(message);
  doubts.set(message, error);
  return error;
}

/** A definite refusal, for the time being. */
interface Rebuff {
  readonly code: RefusalCode | 'CONNECTION_REFUSED';
  /** Nobody leads, as far as the node knows that was asked: the others will hardly know better right now. */
  readonly nobodyLeads: boolean;
}

/** An answer, and the node that gave it. */
export type From<T extends Response['type']> = Extract<Response, { type: T }> & { readonly node: NodeId };

/** Pause before asking again once every node has refused: doubled each time, up to the longest. */
const RETRY_PAUSE_MS = 20;
const RETRY_PAUSE_MS_MAX = 160;
/** How long a node that would not serve a read is passed over. */
const AVOID_MS = 500;
/** How much of the remaining time a follower may wait for a token's place before another node is asked. */
const TOKEN_WAIT_SHARE = 0.5;

export class RoutingClient {
  readonly #config: ClientConfig;
  readonly #lines = new Map<NodeId, Line>();
  /** Nodes that would not serve a read, and until when (ms) the next nearest is asked instead. */
  readonly #avoided = new Map<NodeId, number>();
  #leader: NodeId | undefined;
  /** Whom to ask for the leader while nobody knows. */
  #guess: number;
  #readToken: Position | undefined;
  #writeToken: Position | undefined;

  constructor(config: ClientConfig) {
    this.#config = config;
    this.#guess = config.firstGuess;
    this.#readToken = config.tokens?.read;
    this.#writeToken = config.tokens?.write;
  }

  tokens(): Tokens {
    return {
      ...(this.#readToken && { read: this.#readToken }),
      ...(this.#writeToken && { write: this.#writeToken }),
    };
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
    this.#lines.clear();
  }

  /** Throws {@link RefusedByStore} or, when nobody knows, {@link Indeterminate}. */
  write(key: Key, value: Value, deadlineMs: number): Promise<From<'written'>> {
    const body = { type: 'write', ack: this.#config.acknowledgement, key, value } as const;
    return this.#ask(body, deadlineMs) as Promise<From<'written'>>; // #learn sees to it
  }

  compareAndSet(key: Key, expected: Value, next: Value, deadlineMs: number): Promise<From<'written' | 'mismatch'>> {
    const body = { type: 'cas', ack: this.#config.acknowledgement, key, expected, next } as const;
    return this.#ask(body, deadlineMs) as Promise<From<'written' | 'mismatch'>>; // likewise
  }

  read(keys: readonly Key[], deadlineMs: number): Promise<From<'read'>> {
    const path = this.#config.readPath;
    if (path === 'follower+token') return this.#readWithToken(keys, deadlineMs);
    return this.#ask({ type: 'read', path, keys, waitMs: 0 }, deadlineMs) as Promise<From<'read'>>; // likewise
  }

  async #readWithToken(keys: readonly Key[], deadlineMs: number): Promise<From<'read'>> {
    const path = 'follower+token';
    for (;;) {
      const token = this.#writeToken ?? this.#readToken;
      const waitMs = token ? Math.max(0, (deadlineMs - this.#config.nowMs()) * TOKEN_WAIT_SHARE) : 0;
      const request: Request = token
        ? { type: 'read', path, keys, token, waitMs }
        : { type: 'read', path, keys, waitMs };
      let answer: From<'read'>;
      try {
        answer = (await this.#ask(request, deadlineMs)) as From<'read'>; // likewise
      } catch (error) {
        // The acknowledged write is gone for good: further reads can only be asked to see what was read before.
        if (error instanceof RefusedByStore && error.code === 'TOKEN_UNDONE') this.#writeToken = undefined;
        throw error;
      }
      // The write's place was reached; what this session has read before must be reached as well.
      if (this.#readToken && precedes(answer.position, this.#readToken)) {
        await this.#pause(RETRY_PAUSE_MS, deadlineMs, 'OFFSET_NOT_AVAILABLE');
        continue;
      }
      this.#readToken = answer.position;
      if (this.#writeToken === token) this.#writeToken = undefined;
      return answer;
    }
  }

  /**
   * Asks one node after another until one answers other than by a definite refusal. The first is asked here: it mostly
   * answers, and the frame of an async function would be half of what such a request costs.
   */
  #ask(body: Request, deadlineMs: number): Promise<From<'read' | 'written' | 'mismatch'>> {
    const node = this.#target(body);
    return this.#line(node)
      .request(body)
      .then(
        (answer) =>
          answer.type === 'refused'
            ? this.#askOthers(body, deadlineMs, this.#refused(node, answer))
            : this.#learn(node, body, answer),
        (error: unknown) => this.#askOthers(body, deadlineMs, this.#broken(node, body, error)),
      );
  }

  async #askOthers(body: Request, deadlineMs: number, first: Rebuff): Promise<From<'read' | 'written' | 'mismatch'>> {
    const { nodes, only } = this.#config;
    let pauseMs = RETRY_PAUSE_MS;
    let rebuff = first;
    for (let attempt = 1; ; attempt++) {
      if (rebuff.nobodyLeads || only !== undefined || attempt % nodes.length === 0) {
        await this.#pause(pauseMs, deadlineMs, rebuff.code);
        pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MS_MAX);
      } else if (this.#config.nowMs() >= deadlineMs) throw refusal(rebuff.code);
      const node = this.#target(body);
      let answer: Response;
      try {
        answer = await this.#line(node).request(body);
      } catch (error) {
        rebuff = this.#broken(node, body, error);
        continue;
      }
      if (answer.type !== 'refused') return this.#learn(node, body, answer);
      rebuff = this.#refused(node, answer);
    }
  }

  #refused(node: NodeId, { code, leader }: Extract<Response, { type: 'refused' }>): Rebuff {
    if (code === 'TOKEN_UNDONE') throw refusal(code);
    this.#redirect(node, leader);
    return { code, nobodyLeads: code === 'NOT_LEADER' && leader === undefined };
  }

  #broken(node: NodeId, body: Request, error: unknown): Rebuff {
    this.#lines.get(node)?.close();
    this.#lines.delete(node);
    if (body.type !== 'read' && !neverDelivered(error)) throw doubt('CONNECTION_LOST');
    this.#redirect(node, undefined);
    return { code: 'CONNECTION_REFUSED', nobodyLeads: false };
  }

  /** What an answer that is no refusal tells of its node and of the log. Throws when it is none to this request. */
  #learn(
    node: NodeId,
    body: Request,
    answer: Exclude<Response, { type: 'refused' }>,
  ): From<'read' | 'written' | 'mismatch'> {
    if (answer.type === 'unknown') {
      const waitingFor = answer.waitingFor?.length ? `: waiting for ${answer.waitingFor.join(', ')}` : '';
      throw doubt(`${answer.code}${waitingFor}`);
    }
    if (answer.type === 'done') throw new Indeterminate('unexpected answer done');
    if (answer.role === 'leader') this.#leader = node;
    else if (this.#leader === node) this.#leader = undefined;
    const { role } = answer;
    switch (answer.type) {
      case 'read': {
        if (body.type !== 'read') break;
        const { values, versions, position } = answer;
        return { type: 'read', values, versions, position, role, node };
      }
      case 'written':
        if (body.type === 'read') break;
        this.#writeToken = later(this.#writeToken, answer.version);
        return { type: 'written', version: answer.version, role, node };
      case 'mismatch':
        if (body.type !== 'cas') break;
        return { type: 'mismatch', actual: answer.actual, version: answer.version, role, node };
    }
    throw new Indeterminate(`unexpected answer ${answer.type}`);
  }

  /** Throws at once when the pause would outlast the deadline. */
  #pause(durationMs: number, deadlineMs: number, code: RefusalCode | 'CONNECTION_REFUSED'): Promise<void> {
    if (this.#config.nowMs() + durationMs >= deadlineMs) throw refusal(code);
    return this.#config.sleepMs(durationMs);
  }

  /** `node` refused: follow its hint, or believe in the next one. */
  #redirect(node: NodeId, hint: NodeId | undefined): void {
    const { nodes, nowMs } = this.#config;
    this.#avoided.set(node, nowMs() + AVOID_MS);
    this.#leader = hint !== undefined && hint !== node && nodes.includes(hint) ? hint : undefined;
    this.#guess = (nodes.indexOf(node) + 1) % nodes.length;
  }

  #target(body: Request): NodeId {
    if (this.#config.only !== undefined) return this.#config.only;
    if (body.type !== 'read' || body.path === 'leader') return this.#likelyLeader();
    return this.#nearest(body.path === 'local' ? undefined : this.#leader);
  }

  #likelyLeader(): NodeId {
    return this.#leader ?? this.#config.nodes[this.#guess % this.#config.nodes.length];
  }

  /** The nearest node that served when last asked, and is not the one to be spared. */
  #nearest(spared: NodeId | undefined): NodeId {
    const now = this.#config.nowMs();
    for (const node of this.#config.nodes) if (node !== spared && (this.#avoided.get(node) ?? 0) <= now) return node;
    // All refused lately: the one that did so longest ago, the leader among them.
    return this.#config.nodes.reduce((a, b) => ((this.#avoided.get(b) ?? 0) < (this.#avoided.get(a) ?? 0) ? b : a));
  }

  #line(node: NodeId): Line {
    let line = this.#lines.get(node);
    if (line === undefined) {
      line = this.#config.dial(node);
      this.#lines.set(node, line);
    }
    return line;
  }
}

function neverDelivered(error: unknown): boolean {
  return error instanceof Error && 'definite' in error && error.definite === true;
}

/** By term, then by index: the order of the log among entries that were committed. */
export function precedes(a: Position, b: Position): boolean {
  return a.term < b.term || (a.term === b.term && a.index < b.index);
}

function later(a: Position | undefined, b: Position): Position {
  return a === undefined || precedes(a, b) ? b : a;
}
