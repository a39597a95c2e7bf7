import { MILLISECOND } from '../../history/clock.ts';
import type { Guarantee } from '../../history/guarantee.ts';
import type { NodeId, Position, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, Refused, type Token } from '../../history/store.ts';
import {
  type From,
  type Line,
  RefusedByStore,
  RoutingClient,
  type Tokens,
} from '../../reference-impl/client/client.ts';
import { defects } from '../../reference-impl/core/defects.ts';
import type {
  Acknowledgement,
  Position as CorePosition,
  ReadPath,
  ReplicaEvent,
  Role,
  Status,
} from '../../reference-impl/core/types.ts';
import { BadInput, unknownName } from '../errors.ts';
import type { Deployment } from '../environments/environment.ts';
import type { Setting } from '../setting.ts';
import type { Path, System } from '../system.ts';

/** One replication group so far. */
const GROUP = 'g0';

const writePaths: readonly [Path, ...Path[]] = [
  { name: 'leader-ack', about: 'acknowledged once the leader has it on disk (asynchronous)', thread: 'session' },
  { name: 'quorum-ack', about: 'acknowledged once a quorum has it on disk: committed', thread: 'session' },
  { name: 'all-ack', about: 'acknowledged once every voter has it on disk (synchronous)', thread: 'session' },
];

const readPaths: readonly [Path, ...Path[]] = [
  { name: 'leader', about: 'read index: the leader asks a quorum whether it still leads', thread: 'session' },
  { name: 'follower', about: "the nearest follower's committed state, however old", thread: 'session' },
  { name: 'local', about: "the nearest node's log, uncommitted entries included", thread: 'session' },
  { name: 'follower+token', about: 'the nearest follower, once it has what this device has seen', thread: 'device' },
];

/**
 * What each pair claims, and why. A leader read is of committed state, so after a leader-ack write it may not show that
 * write yet, and after a failover never will: of the session guarantees only those about what was *read* are left. A
 * follower's committed state is a prefix of the log, so that order within one state holds without any token. A state that
 * may contain uncommitted entries promises nothing.
 */
function promises(writePath: string, readPath: string): readonly Guarantee[] {
  const committed = writePath !== 'leader-ack';
  switch (readPath) {
    case 'leader':
      return committed
        ? ['linearizable', 'read-your-writes', 'monotonic-reads', 'monotonic-writes', 'writes-follow-reads']
        : ['monotonic-reads', 'writes-follow-reads'];
    case 'follower+token':
      return committed
        ? ['read-your-writes', 'monotonic-reads', 'monotonic-writes', 'writes-follow-reads']
        : ['monotonic-reads', 'writes-follow-reads'];
    case 'follower':
      return committed ? ['monotonic-writes', 'writes-follow-reads'] : ['writes-follow-reads'];
    default:
      return [];
  }
}

const settings: readonly Setting[] = [
  {
    name: 'defect',
    about: 'a deliberate bug of the reference store, by name',
    values: defects,
    check: (value) => {
      if (!defects.some((defect) => defect.name === value))
        throw unknownName(
          'defect',
          value,
          defects.map((defect) => defect.name),
        );
    },
  },
  positiveInteger('heartbeat-ms', 'how often a leader is heard, ms (default 50)'),
  positiveInteger('snapshot-entries', 'entries that a group commits between two snapshots (default 500)'),
  positiveInteger('election-ms', 'shortest election timeout, ms; the longest is twice that (default 300)'),
];

function positiveInteger(name: string, about: string): Setting {
  return {
    name,
    about,
    check: (value) => {
      if (!/^[1-9]\d{0,6}$/.test(value))
        throw new BadInput(`--set ${name}=${value}: a whole number from 1 to 9999999 is needed.`);
    },
  };
}

/** The store that this project ships: harness/systems is the only place that knows both it and the harness. */
export default {
  name: 'reference',
  about: "Tidemark's own leader/follower store",
  methods: ['read', 'readMany', 'write', 'cas'],
  readPaths,
  writePaths,
  strongestReadPath: 'leader',
  stateReadPath: 'follower',
  settings,
  promises,
  promisesOfWrites: (writePath) => (writePath === 'leader-ack' ? [] : ['durable', 'fenced']),
  always: ['convergent', 'one-leader-per-term'],

  node(_self, nodes, chosen) {
    const electionMinMs = Number(chosen.get('election-ms') ?? 300);
    const defect = chosen.get('defect');
    return {
      program: 'tidemark-store',
      options: {
        nodes,
        heartbeatMs: Number(chosen.get('heartbeat-ms') ?? 50),
        electionMinMs,
        electionMaxMs: electionMinMs * 2,
        requestTimeoutMs: 900,
        snapshotEntries: Number(chosen.get('snapshot-entries') ?? 500),
        ...(defect !== undefined && { defect }),
      },
    };
  },

  connect: (cluster, options) => Promise.resolve(adapt(cluster, options)),

  async sight(cluster, node) {
    const status = (await cluster.status(node)) as NodeStatus | undefined; // program tidemark-store answers with that
    if (status === undefined) return [];
    return (status.groups ?? [status]).map(({ group, role, term, commit, applied, members }) => ({
      node,
      role,
      term,
      commit: position(commit, group),
      applied: position(applied, group),
      members: [...members.voters, ...members.learners],
    }));
  },

  interpret(node, event) {
    const told = event as ReplicaEvent; // what program tidemark-store tells
    switch (told.type) {
      case 'role':
        return { sighting: { node, role: told.role, term: told.term, group: told.group ?? GROUP } };
      case 'truncated':
        return { counts: { truncations: 1, 'entries undone': told.entries.length } };
      case 'token-undone':
        return { counts: { 'undone tokens refused': 1 } };
      default:
        return {};
    }
  },
} satisfies System;

/** Of the first group; where there are several, of all of them in `groups`. */
type NodeStatus = Status & { readonly groups?: readonly Status[] };

function position(place: CorePosition, group = GROUP): Position {
  return { group, history: place.term, at: place.index };
}

/** The nodes, nearest to `home` first; among equals in the order of their names. */
function byDistance(cluster: Deployment, home: string): NodeId[] {
  return [...cluster.nodes].sort((a, b) => cluster.distanceNs(home, a) - cluster.distanceNs(home, b));
}

function adapt(cluster: Deployment, options: ClientOptions): Client {
  const { clock } = cluster;
  const client = new RoutingClient({
    nodes: byDistance(cluster, options.home),
    readPath: options.readPath as ReadPath, // checked against readPaths before the run
    acknowledgement: options.writePath as Acknowledgement, // likewise
    firstGuess: options.attempt,
    ...(options.node !== undefined && { only: options.node }),
    ...(options.token !== undefined && { tokens: options.token as unknown as Tokens }), // made by token() below
    dial: (node) => cluster.dial(node, options.home) as Line, // the store's own protocol
    nowMs: () => clock.now() / MILLISECOND,
    sleepMs: (duration) => clock.sleepUntil(clock.now() + Math.ceil(duration * MILLISECOND)),
  });
  const toMs = (deadline: number): number => deadline / MILLISECOND;
  return {
    read: ({ key }, deadline) => client.read([key], toMs(deadline)).then(toRead, rethrow),
    readMany: ({ keys }, deadline) => client.read(keys, toMs(deadline)).then(toReadMany, rethrow),
    write: ({ key, value }, deadline) => client.write(key, value, toMs(deadline)).then(toWrite, rethrow),
    compareAndSet: ({ key, expected, next }, deadline) =>
      client.compareAndSet(key, expected, next, toMs(deadline)).then(toCompareAndSet, rethrow),
    token: () => client.tokens() as Token,
    close: () => Promise.resolve(client.close()),
  };
}

// The store's answers in the harness's words. ---------------------------------------------------------------------------

function toRead(answer: From<'read'>): Answer<{ value: Value }> {
  const version = answer.versions[0];
  const value = answer.values[0];
  const servedBy = served(answer);
  const place = position(answer.position);
  return version
    ? { value, servedBy, version: position(version), position: place }
    : { value, servedBy, position: place };
}

function toReadMany(answer: From<'read'>): Answer<{ values: readonly Value[]; versions: (Position | null)[] }> {
  return {
    values: answer.values,
    versions: answer.versions.map((version) => (version ? position(version) : null)),
    servedBy: served(answer),
    position: position(answer.position),
  };
}

function toWrite(answer: From<'written'>): Answer {
  return { servedBy: served(answer), version: position(answer.version) };
}

function toCompareAndSet(answer: From<'written' | 'mismatch'>): Answer<{ swapped: boolean; actual?: Value }> {
  const servedBy = served(answer);
  const version = position(answer.version);
  return answer.type === 'written'
    ? { swapped: true, servedBy, version }
    : { swapped: false, actual: answer.actual, servedBy, version };
}

function served(answer: From<'read' | 'written' | 'mismatch'>): { node: NodeId; role: Role } {
  return { node: answer.node, role: answer.role };
}

/** One for each code: a refusal says nothing else, and stack traces are dear where thousands are refused. */
const refusals = new Map<string, Refused>();

/** The store's refusals in the harness's words; its doubts are errors like any other. */
function rethrow(error: unknown): never {
  if (!(error instanceof RefusedByStore)) throw error;
  const refused = refusals.get(error.code) ?? new Refused(error.code);
  refusals.set(error.code, refused);
  throw refused;
}
