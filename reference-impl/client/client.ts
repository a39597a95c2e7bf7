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
  async write(key: Key, value: Value, deadlineMs: number): Promise<From<'written'>> {
    const answer = await this.#ask({ type: 'write', ack: this.#config.acknowledgement, key, value }, deadlineMs, () =>
      this.#likelyLeader(),
    );
    if (answer.type !== 'written') throw new Indeterminate(`unexpected answer ${answer.type}`);
    this.#writeToken = later(this.#writeToken, answer.version);
    return answer;
  }

  async compareAndSet(
    key: Key,
    expected: Value,
    next: Value,
    deadlineMs: number,
  ): Promise<From<'written' | 'mismatch'>> {
    const answer = await this.#ask(
      { type: 'cas', ack: this.#config.acknowledgement, key, expected, next },
      deadlineMs,
      () => this.#likelyLeader(),
    );
    if (answer.type === 'read') throw new Indeterminate('unexpected answer read');
    if (answer.type === 'written') this.#writeToken = later(this.#writeToken, answer.version);
    return answer;
  }

  async read(keys: readonly Key[], deadlineMs: number): Promise<From<'read'>> {
    const path = this.#config.readPath;
    for (;;) {
      const token = path === 'follower+token' ? (this.#writeToken ?? this.#readToken) : undefined;
      const waitMs = token ? Math.max(0, (deadlineMs - this.#config.nowMs()) * TOKEN_WAIT_SHARE) : 0;
      const request: Request = token
        ? { type: 'read', path, keys, token, waitMs }
        : { type: 'read', path, keys, waitMs };
      const target =
        path === 'leader'
          ? () => this.#likelyLeader()
          : path === 'local'
            ? () => this.#nearest()
            : () => this.#nearestFollower();
      let answer: From<'read' | 'written' | 'mismatch'>;
      try {
        answer = await this.#ask(request, deadlineMs, target);
      } catch (error) {
        // The acknowledged write is gone for good: further reads can only be asked to see what was read before.
        if (error instanceof RefusedByStore && error.code === 'TOKEN_UNDONE') this.#writeToken = undefined;
        throw error;
      }
      if (answer.type !== 'read') throw new Indeterminate(`unexpected answer ${answer.type}`);
      if (path !== 'follower+token') return answer;
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

  /** Asks one node after another until one answers other than by a definite refusal. */
  async #ask(body: Request, deadlineMs: number, target: () => NodeId): Promise<From<'read' | 'written' | 'mismatch'>> {
    const { nodes, only } = this.#config;
    let pauseMs = RETRY_PAUSE_MS;
    for (let attempt = 1; ; attempt++) {
      const node = only ?? target();
      let code: RefusalCode | 'CONNECTION_REFUSED';
      let rest = only !== undefined || attempt % nodes.length === 0;
      try {
        const answer = await this.#line(node).request(body);
        if (answer.type === 'unknown')
          throw new Indeterminate(
            answer.waitingFor?.length ? `${answer.code}: waiting for ${answer.waitingFor.join(', ')}` : answer.code,
          );
        if (answer.type !== 'refused') {
          if (answer.role === 'leader') this.#leader = node;
          else if (this.#leader === node) this.#leader = undefined;
          return { ...answer, node };
        }
        code = answer.code;
        if (code === 'TOKEN_UNDONE') throw new RefusedByStore(code);
        this.#redirect(node, answer.leader);
        // Nobody leads, as far as that node knows: the others will hardly know better right now.
        if (code === 'NOT_LEADER' && answer.leader === undefined) rest = true;
      } catch (error) {
        if (error instanceof Indeterminate || error instanceof RefusedByStore) throw error;
        this.#lines.get(node)?.close();
        this.#lines.delete(node);
        if (body.type !== 'read' && !neverDelivered(error)) throw new Indeterminate('CONNECTION_LOST');
        code = 'CONNECTION_REFUSED';
        this.#redirect(node, undefined);
      }
      if (rest) {
        await this.#pause(pauseMs, deadlineMs, code);
        pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MS_MAX);
      } else if (this.#config.nowMs() >= deadlineMs) throw new RefusedByStore(code);
    }
  }

  async #pause(durationMs: number, deadlineMs: number, code: RefusalCode | 'CONNECTION_REFUSED'): Promise<void> {
    if (this.#config.nowMs() + durationMs >= deadlineMs) throw new RefusedByStore(code);
    await this.#config.sleepMs(durationMs);
  }

  /** `node` refused: follow its hint, or believe in the next one. */
  #redirect(node: NodeId, hint: NodeId | undefined): void {
    const { nodes, nowMs } = this.#config;
    this.#avoided.set(node, nowMs() + AVOID_MS);
    this.#leader = hint !== undefined && hint !== node && nodes.includes(hint) ? hint : undefined;
    this.#guess = (nodes.indexOf(node) + 1) % nodes.length;
  }

  #likelyLeader(): NodeId {
    return this.#leader ?? this.#config.nodes[this.#guess % this.#config.nodes.length];
  }

  /** The nearest node that served when last asked. */
  #nearest(): NodeId {
    return this.#nearestOf(this.#config.nodes);
  }

  /** The nearest node that did not last say it leads. */
  #nearestFollower(): NodeId {
    return this.#nearestOf(this.#config.nodes.filter((node) => node !== this.#leader));
  }

  #nearestOf(nodes: readonly NodeId[]): NodeId {
    const now = this.#config.nowMs();
    const serving = nodes.find((node) => (this.#avoided.get(node) ?? 0) <= now);
    if (serving !== undefined) return serving;
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
