/**
 * The routing client of the reference store: finds the leader, picks the follower, carries the session's tokens.
 *
 * It vouches only for what it knows (`calls.ts`): what it says was refused has not happened and never will. Keys that begin
 * with `~` are a user's like any other; what the client itself keeps in the store lies apart from them (`keys.ts`).
 */
import type {
  Acknowledgement,
  CasRequest,
  GroupId,
  Key,
  NodeId,
  Position,
  Role,
  Value,
  WriteRequest,
} from '../core/types.ts';
import { groupName, groupOf } from '../core/slots.ts';
import type { Answered } from './answers.ts';
import { Calls } from './calls.ts';
import { refusal } from './errors.ts';
import { Heartbeats } from './heartbeats.ts';
import { groupOfAll, storedKey } from './keys.ts';
import type { Surroundings } from './line.ts';
import { type ReadPathOptions, strategyNamed } from './paths.ts';
import { Repeats } from './repeats.ts';
import { Routes, type Routing } from './routes.ts';
import { type Carried, Session } from './session.ts';
import type { Strategy } from './strategies.ts';

export interface ClientConfig extends Surroundings, ReadPathOptions {
  /** Every node, the nearest to the client first. */
  readonly nodes: readonly NodeId[];
  /** Those that may be asked to read, in the same order; all if not given. */
  readonly readers?: readonly NodeId[];
  /** What nodes without a vote serve is not taken for an answer; for writes that every voter is to serve. */
  readonly votersOnly?: boolean;
  /** Replication groups that the keys are spread over; 1 if not given. */
  readonly groups?: number;
  /** One of the names in `paths.ts`. Throws when it is none. */
  readonly readPath: string;
  /** The cluster's own if not given. */
  readonly acknowledgement?: Acknowledgement;
  /** Which of the nodes that may serve a read is asked; the nearest if not given. */
  readonly routing?: Routing;
  /** For `fastest`: measured by this client if not given. */
  readonly latencies?: 'own' | 'published';
  /** The client's region; names the table of published latencies. */
  readonly region?: string;
  /** Ask this node and no other. */
  readonly only?: NodeId;
  /** Which of the nodes to believe in first when looking for the leader; 0 if not given. */
  readonly firstGuess?: number;
  /** A name that no other client has had or will have. */
  readonly name?: string;
  /** Writes are sent again when nobody knows what became of them; needs a name. Not if not given. */
  readonly sendsAgain?: boolean;
  /** After so long without an answer, what may be asked twice is asked of another node, ms; 400 if not given. */
  readonly attemptMs?: number;
  /** What the predecessor of this client had seen. */
  readonly carried?: Carried;
}

export interface ReadAnswer {
  readonly values: readonly Value[];
  /** Position of the write behind each value; undefined where nothing was ever written. */
  readonly versions: readonly (Position | undefined)[];
  readonly position: Position;
  readonly group: GroupId;
  readonly role: Role;
  readonly node: NodeId;
}

export type WriteAnswer = Answered<'written'>;
export type CasAnswer = Answered<'written' | 'mismatch'>;

/** A request in the making. */
type Writing =
  | { -readonly [K in keyof WriteRequest]: WriteRequest[K] }
  | { -readonly [K in keyof CasRequest]: CasRequest[K] };

const ATTEMPT_MS = 400;
const AVOID_MS = 500;
const HEARTBEAT_MS = 1000;

export class RoutingClient {
  readonly #config: ClientConfig;
  readonly #groups: number;
  readonly #session: Session;
  readonly #repeats: Repeats;
  readonly #calls: Calls;
  readonly #heartbeats: Heartbeats | undefined;
  readonly #strategy: Strategy;

  constructor(config: ClientConfig) {
    this.#config = config;
    this.#groups = config.groups ?? 1;
    this.#session = new Session(config.carried);
    this.#repeats = new Repeats(config.sendsAgain === true ? config.name : undefined);
    const { nodes, readers, routing = 'nearest', only, nowMs } = config;
    const heartbeats = routing === 'fastest' ? new Heartbeats(heartbeatsConfig(config)) : undefined;
    this.#heartbeats = heartbeats;
    const routes = new Routes({
      nodes,
      routing,
      firstGuess: config.firstGuess ?? 0,
      avoidMs: AVOID_MS,
      nowMs,
      latencyMs: (node) => heartbeats?.latencyMs(node),
      ...(readers !== undefined && { readers }),
      ...(only !== undefined && { only }),
    });
    this.#calls = new Calls({
      routes,
      repeats: this.#repeats,
      attemptMs: config.attemptMs ?? ATTEMPT_MS,
      votersOnly: config.votersOnly === true,
      dial: config.dial,
      nowMs,
      timer: config.timer,
      ...(heartbeats && { timed: (node, latencyMs) => heartbeats.answered(node, latencyMs) }),
    });
    heartbeats?.attach(this.#calls);
    const means = { calls: this.#calls, session: this.#session, nowMs };
    this.#strategy = strategyNamed(config.readPath, means, {
      ...config,
      groups: this.#groups,
      repeats: this.#repeats,
    });
  }

  /** What a successor on the same device is to be given. */
  carried(): Carried {
    return this.#session.carried();
  }

  /** Ends what waits: definitely refused (`CANCELLED`) where that is certain, otherwise in doubt. The client goes on. */
  cancel(): void {
    this.#calls.cancel();
  }

  /** The same, and for good (`CLOSED`). */
  close(): void {
    this.#calls.close();
  }

  /**
   * All keys out of one state, so they must be of one group: `WRONG_GROUP` otherwise, for states of several groups that
   * were put together would be none. Rejects with RefusedByStore.
   */
  read(keys: readonly Key[], deadlineMs: number): Promise<ReadAnswer> {
    const stored = keys.map(storedKey);
    const group = groupOfAll(stored, this.#groups);
    if (group === undefined) return Promise.reject(refusal('WRONG_GROUP'));
    this.#heartbeats?.beat();
    const answer = this.#strategy.read(stored, group, deadlineMs);
    return this.#groups === 1 ? answer : answer.then((read) => this.#sawAcross(read));
  }

  /** Rejects with RefusedByStore or, when nobody knows, with Indeterminate. */
  write(key: Key, value: Value, deadlineMs: number): Promise<WriteAnswer> {
    return this.#write({ type: 'write', key: storedKey(key), value }, deadlineMs) as Promise<WriteAnswer>; // never mismatches
  }

  /** Likewise. */
  compareAndSet(key: Key, expected: Value, next: Value, deadlineMs: number): Promise<CasAnswer> {
    return this.#write({ type: 'cas', key: storedKey(key), expected, next }, deadlineMs);
  }

  /** Adds to the body what goes with every write. */
  async #write(body: Writing, deadlineMs: number): Promise<CasAnswer> {
    const { acknowledgement } = this.#config;
    const group = groupName(groupOf(body.key, this.#groups));
    const origin = this.#repeats.next(group);
    const after = this.#groups === 1 ? undefined : this.#session.seenOutside(group);
    // Not spread: this is on the way of every write, and what is not given must not be there.
    if (acknowledgement !== undefined) body.ack = acknowledgement;
    if (origin !== undefined) body.origin = origin;
    if (after !== undefined) body.after = after;
    this.#strategy.writes?.(body.key);
    const answer = (await this.#calls.ask({ body, target: 'leader', group, deadlineMs })) as CasAnswer; // answered by nothing else
    // Under the cluster's own acknowledgement nobody here knows whether it is committed.
    const committed = acknowledgement !== undefined && acknowledgement !== 'leader-ack';
    this.#session.learned(group, answer.version, committed);
    if (answer.type === 'mismatch') return answer;
    this.#session.wroteAtMs = this.#config.nowMs();
    const { stampMs } = answer;
    if (stampMs !== undefined) this.#session.stampMs = Math.max(stampMs, this.#session.stampMs ?? stampMs);
    if (this.#strategy.wrote !== undefined) await this.#strategy.wrote(group, answer.version, deadlineMs);
    return answer;
  }

  #sawAcross(answer: Answered<'read'>): Answered<'read'> {
    this.#session.sawVersions(answer.group, answer.versions);
    if (answer.after !== undefined) this.#session.heard(answer.after);
    return answer;
  }
}

function heartbeatsConfig({
  nodes,
  latencies,
  region,
  name,
  groups,
  nowMs,
}: ClientConfig): ConstructorParameters<typeof Heartbeats>[0] {
  return {
    nodes,
    from: latencies ?? 'own',
    region: region ?? '',
    client: name ?? '',
    groups: groups ?? 1,
    everyMs: HEARTBEAT_MS,
    nowMs,
  };
}
