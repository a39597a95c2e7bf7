/** What `--set` may change in the reference store and its clients. */
import type { NodeId } from '../../history/operation.ts';
import { type Routing, routings } from '../../reference-impl/client/routes.ts';
import { defects } from '../../reference-impl/core/defects.ts';
import { BadInput, unknownName } from '../errors.ts';
import type { NodeSpec } from '../environments/environment.ts';
import type { Setting } from '../setting.ts';
import { writePaths } from './paths.ts';

export type Settings = ReadonlyMap<string, string>;

const NEVER = 'never';

const heartbeatMs = wholeNumber('heartbeat-ms', 50, 1, 'how often a leader is heard, ms');
const electionMs = wholeNumber('election-ms', 300, 1, 'shortest election timeout, ms; the longest is twice that');
const groups = wholeNumber('groups', 1, 1, 'replication groups that the keys are spread over', 64);
const learners = wholeNumber(
  'learners',
  0,
  0,
  'nodes, the last ones, that replicate and serve reads without a vote',
  8,
);
const snapshotEntries = wholeNumber(
  'snapshot-entries',
  500,
  1,
  'entries between two snapshots, after which the log is cut',
);
const originsKept = wholeNumber('origins-kept', 5_000, 1, 'entries for which a request is remembered');
const leaseDrift = wholeNumber(
  'lease-drift',
  1000,
  0,
  'drift of clocks that leases and bounded reads allow for, ppm',
  999_999,
);
const silentMs = limit(
  'serve-silent-ms',
  2000,
  'a follower stops serving when its leader was not heard for so long, ms',
);
const lagEntries = limit('serve-lag', 5000, 'a follower stops serving when it is so many entries behind');
const diskMs = limit('serve-disk-ms', 2000, 'a follower stops serving when a sync takes so long, ms');
const windowMs = wholeNumber(
  'leader-window-ms',
  1000,
  1,
  'for how long after a write leader-window reads from the leader, ms',
);
const acknowledgement = oneOf(
  'acknowledgement',
  'quorum-ack',
  writePaths.map(({ name }) => name),
  "the cluster's own: writes of this path do not say how they want to be acknowledged",
);
const election = oneOf(
  'election',
  'built-in',
  ['built-in', 'external'],
  'who may stand: whoever is voted for, or whom an external core names',
);
const preferred = oneOf(
  'preferred-leaders',
  'off',
  ['on', 'off'],
  'groups hand over to the node that is to lead them, so that leaders are spread',
);
const repeats = oneOf('repeats', 'on', ['on', 'off'], 'clients send a write again when nobody knows what became of it');
const routing = oneOf('routing', 'nearest', [...routings, 'fastest-published'], 'which follower a client asks');

const defect: Setting = {
  name: 'defect',
  about: 'a deliberate bug of the reference store, by name',
  values: defects,
  check(value) {
    const names = defects.map(({ name }) => name);
    if (!names.includes(value as (typeof names)[number])) throw unknownName('defect', value, names); // any text may be asked for
  },
};

export const settings: readonly Setting[] = [
  defect,
  heartbeatMs,
  electionMs,
  groups,
  learners,
  snapshotEntries,
  originsKept,
  leaseDrift,
  silentMs,
  lagEntries,
  diskMs,
  windowMs,
  acknowledgement,
  election,
  preferred,
  repeats,
  routing,
];

export function cannot(fault: string, given: Settings): string | undefined {
  if (fault !== 'switchover' || election.of(given) !== 'external') return undefined;
  return 'with election=external it is the external core that decides who leads';
}

/** What a node is started with. */
export function nodeSpec(nodes: readonly NodeId[], given: Settings): NodeSpec {
  const electionMinMs = electionMs.of(given);
  const defectName = given.get('defect');
  const count = groups.of(given);
  return {
    program: 'tidemark-store',
    options: {
      nodes,
      learners: learnersOf(nodes, given),
      heartbeatMs: heartbeatMs.of(given),
      electionMinMs,
      electionMaxMs: electionMinMs * 2,
      requestTimeoutMs: 900,
      acknowledgement: acknowledgement.of(given),
      clockDriftPpmMax: leaseDrift.of(given),
      serving: serving(given),
      originsKept: originsKept.of(given),
      snapshotEntries: snapshotEntries.of(given),
      election: election.of(given),
      ...(count > 1 && { groups: count }),
      spreadLeaders: preferred.of(given) === 'on',
      ...(defectName !== undefined && { defect: defectName }),
    },
  };
}

export function clockDriftPpmMax(given: Settings): number {
  return leaseDrift.of(given);
}

function serving(given: Settings): Readonly<Record<string, number>> {
  const [leaderSilentMs, lag, disk] = [silentMs.of(given), lagEntries.of(given), diskMs.of(given)];
  return {
    ...(leaderSilentMs !== undefined && { leaderSilentMs }),
    ...(lag !== undefined && { lagEntries: lag }),
    ...(disk !== undefined && { diskMs: disk }),
  };
}

/** At least one node votes. */
export function learnersOf(nodes: readonly NodeId[], given: Settings): readonly NodeId[] {
  const count = learners.of(given);
  if (count >= nodes.length)
    throw new BadInput(`--set learners=${count}: of ${nodes.length} nodes at least one must vote.`);
  return count === 0 ? [] : nodes.slice(-count);
}

/** How the clients of this run go about it. */
export interface ClientSettings {
  readonly groups: number;
  readonly repeats: boolean;
  readonly routing: Routing;
  readonly latencies: 'own' | 'published';
  readonly leaderWindowMs: number;
  /** Writes of this path leave it to the cluster how they are acknowledged; undefined: all say. */
  readonly unsaid: string | undefined;
}

export function clientSettings(given: Settings): ClientSettings {
  const wanted = routing.of(given);
  return {
    groups: groups.of(given),
    repeats: repeats.of(given) === 'on',
    routing: wanted === 'fastest-published' ? 'fastest' : (wanted as Routing), // one of `routings`, the only others
    latencies: wanted === 'fastest-published' ? 'published' : 'own',
    leaderWindowMs: windowMs.of(given),
    unsaid: given.has('acknowledgement') ? acknowledgement.of(given) : undefined,
  };
}

interface Known<T> extends Setting {
  /** The value given, or the default. */
  of(given: Settings): T;
}

function wholeNumber(name: string, initial: number, least: number, about: string, most = 9_999_999): Known<number> {
  return {
    name,
    about: `${about} (default ${initial})`,
    check(value) {
      const n = Number(value);
      if (!/^\d{1,7}$/.test(value) || n < least || n > most)
        throw new BadInput(`--set ${name}=${value}: a whole number from ${least} to ${most} is needed.`);
    },
    of: (given) => Number(given.get(name) ?? initial),
  };
}

/** A limit that may be `never`. */
function limit(name: string, initial: number, about: string): Known<number | undefined> {
  const number = wholeNumber(name, initial, 1, `${about}; or never`);
  return {
    ...number,
    check(value) {
      if (value === NEVER) return;
      if (!/^\d/.test(value)) throw unknownName(`value of ${name}`, value, [NEVER, 'a whole number']);
      number.check(value);
    },
    of: (given) => (given.get(name) === NEVER ? undefined : number.of(given)),
  };
}

function oneOf(name: string, initial: string, names: readonly string[], about: string): Known<string> {
  return {
    name,
    about: `${about}: ${names.join(', ')} (default ${initial})`,
    check(value) {
      if (!names.includes(value)) throw unknownName(`value of ${name}`, value, names);
    },
    of: (given) => given.get(name) ?? initial,
  };
}
