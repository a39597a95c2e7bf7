/** The cluster at each moment at which something about it changed: who led, who was down, which links carried what. */
import type { Instant, NodeId } from '../../history/operation.ts';
import type { FailoverRecord, PullRecord, RunRecord, StandingRecord } from '../../results/record.ts';

export type NodeRole = StandingRecord['role'] | 'unknown';

export interface NodeState {
  readonly role: NodeRole;
  readonly term: number | undefined;
  /** It led, and is down, does not answer, or does not know yet that another one leads. */
  readonly isFallen: boolean;
  /** What a fault does to it, in a word or two; or nothing. */
  readonly hurt: string;
}

/**
 * Of two nodes, the first by number and the second. `to`: the first replicates to the second, `from`: the other way; `slow-…`:
 * over a link that a fault makes worse. `cut-to`: the second does not hear the first.
 */
export const LINK_STATES = ['idle', 'to', 'from', 'slow-to', 'slow-from', 'cut', 'cut-to', 'cut-from'] as const;
export type LinkState = (typeof LINK_STATES)[number];

export interface GroupState {
  readonly nodes: readonly NodeState[];
  /** Of each pair: (0,1), (0,2), …, (1,2), … */
  readonly links: readonly LinkState[];
}

export interface Moment {
  readonly at: Instant;
  /** In the order of `Cluster.groups`. */
  readonly groups: readonly GroupState[];
  /** Names of the faults in force. */
  readonly faults: readonly string[];
}

export interface Cluster {
  readonly nodes: readonly NodeId[];
  readonly groups: readonly string[];
  /** How the cluster stood from then on, by the run's time. `change`: the failover to tell of, where several meet in one instant. */
  at(time: Instant, change?: FailoverRecord): Moment;
  /** When something changed, ascending; close ones as one where there are very many. */
  readonly changes: readonly Instant[];
}

const NODES_MAX = 9;
const GROUPS_MAX = 4;
const CHANGES_MAX = 1200;

/** Undefined where nobody said who led. */
export function clusterOf(record: RunRecord): Cluster | undefined {
  const { standings = [], pulls = [], faults, failovers, virtualNs } = record;
  if (standings.length === 0) return undefined;
  const groups = [...new Set(standings.map(({ group }) => group))].slice(0, GROUPS_MAX);
  const nodes = [...new Set(standings.map(({ node }) => node))].sort(byNumber).slice(0, NODES_MAX);
  const moments = new Set([0]);
  for (const { from, until } of [...standings, ...pulls, ...faults]) {
    moments.add(from);
    if (until < virtualNs) moments.add(until);
  }
  for (const { start, electedNs = 0 } of failovers) moments.add(start).add(start + electedNs);
  const at = (time: Instant, change?: FailoverRecord): Moment => ({
    at: time,
    groups: groups.map((group) => groupAt(record, group, nodes, time, change)),
    faults: [...new Set(faults.filter(({ from, until }) => from <= time && time < until).map(({ fault }) => fault))],
  });
  return {
    nodes,
    groups,
    at,
    changes: thinned(
      [...moments].sort((a, b) => a - b),
      virtualNs,
    ),
  };
}

/** `n2` before `n10`. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

function thinned(moments: readonly Instant[], endNs: Instant): readonly Instant[] {
  if (moments.length <= CHANGES_MAX) return moments;
  const step = endNs / CHANGES_MAX;
  let last = Number.NEGATIVE_INFINITY;
  return moments.filter((at) => {
    if (at - last < step) return false;
    last = at;
    return true;
  });
}

function groupAt(
  record: RunRecord,
  group: string,
  nodes: readonly NodeId[],
  time: Instant,
  told: FailoverRecord | undefined,
): GroupState {
  const { standings = [], pulls = [], faults } = record;
  const now = pulls.filter(({ from, until }) => from <= time && time < until);
  const mine = standings.filter((one) => one.group === group && one.from <= time);
  const standing = nodes.map((node) => mine.find((one) => one.node === node && time < one.until));
  const change = told?.group === group ? told : lastChange(record, group, time);
  const elected = change === undefined ? Number.POSITIVE_INFINITY : electedAt(change);
  const rules = (node: NodeId): boolean => time >= elected && change?.to === node;
  // Of all who led so far, the last.
  const led = mine.filter(({ role }) => role === 'leader');
  const last: { readonly node: NodeId; readonly term: number } | undefined = led.reduce<
    { readonly node: NodeId; readonly term: number } | undefined
  >(
    (a, { node, term = 0 }) => ((a?.term ?? -1) > term ? a : { node, term }),
    time >= elected && change !== undefined ? { node: change.to, term: change.toTerm } : undefined,
  );
  const states = nodes.map((node, i): NodeState => {
    const said = standing[i];
    const isLeader = rules(node) && !hasSteppedDown(said, elected);
    const role = isLeader ? 'leader' : (said?.role ?? 'unknown');
    const term = isLeader ? change?.toTerm : said?.term;
    const isGone = role === 'down' || role === 'silent' || role === 'unknown';
    const fell =
      change?.from === node && (time < elected || (!rules(node) && !hasReturned(mine, node, change.toTerm, elected)));
    const isFallen =
      fell || (last !== undefined && (role === 'leader' ? (term ?? 0) < last.term : isGone && last.node === node));
    const struck =
      record.pulls === undefined
        ? faults.find((one) => one.from <= time && time < one.until && one.targets.includes(node))?.fault
        : undefined;
    return { role, term, isFallen, hurt: struck ?? hurtBy(now, node) };
  });
  const links = nodes.flatMap((a, i) =>
    nodes.slice(i + 1).map((b, rest) => linkOf(now, [a, b], [states[i], states[i + 1 + rest]])),
  );
  return { nodes: states, links };
}

/** Of the changes of leader that began by then, the last. */
function lastChange({ failovers }: RunRecord, group: string, time: Instant): FailoverRecord | undefined {
  return failovers
    .filter((one) => one.group === group && one.start <= time)
    .reduce<FailoverRecord | undefined>(
      (a, b) => (a === undefined || b.start > a.start || (b.start === a.start && b.toTerm > a.toTerm) ? b : a),
      undefined,
    );
}

export function electedAt({ start, electedNs }: FailoverRecord): Instant {
  return start + (electedNs ?? Number.POSITIVE_INFINITY);
}

/** A new leader that nobody asked, or that was asked last before its election, leads all the same: others were told of it. */
function hasSteppedDown(said: StandingRecord | undefined, elected: Instant): boolean {
  return said !== undefined && said.from > elected && said.role !== 'leader' && said.role !== 'silent';
}

/** Where no term is told, whatever it says of itself after the election counts. */
function hasReturned(mine: readonly StandingRecord[], node: NodeId, toTerm: number, elected: Instant): boolean {
  const back = ['leader', 'follower', 'learner'];
  return mine.some(
    (one) =>
      one.node === node &&
      back.includes(one.role) &&
      (one.term === undefined ? one.from > elected : one.term >= toTerm),
  );
}

function linkOf(
  pulls: readonly PullRecord[],
  [a, b]: readonly [NodeId, NodeId],
  [first, second]: readonly [NodeState, NodeState],
): LinkState {
  const isOn = (levers: readonly string[], from: NodeId, to: NodeId): boolean =>
    pulls.some((pull) => levers.includes(pull.lever) && pull.links.some((link) => link[0] === from && link[1] === to));
  const [there, back] = [isOn(['cut'], a, b), isOn(['cut'], b, a)];
  if (there && back) return 'cut';
  if (there) return 'cut-to';
  if (back) return 'cut-from';
  const isSlow = isOn(['shape', 'throttle'], a, b) || isOn(['shape', 'throttle'], b, a);
  const leads = ({ role, isFallen }: NodeState): boolean => role === 'leader' && !isFallen;
  const hears = ({ role }: NodeState): boolean => role === 'follower' || role === 'learner' || role === 'candidate';
  if (leads(first) && hears(second)) return isSlow ? 'slow-to' : 'to';
  if (leads(second) && hears(first)) return isSlow ? 'slow-from' : 'from';
  return 'idle';
}

const HURTS: Readonly<Record<string, string>> = {
  kill: 'killed',
  stop: 'stopped',
  cutPower: 'no power',
  pause: 'paused',
  clock: 'clock off',
  slowDisk: 'slow disk',
  fillDisk: 'disk full',
  stallDisk: 'disk stalls',
  failDisk: 'disk errors',
  corruptDisk: 'disk damaged',
  squeeze: 'squeezed',
  cutClients: 'no clients',
};

function hurtBy(pulls: readonly PullRecord[], node: NodeId): string {
  const hurts = pulls.filter(({ nodes }) => nodes.includes(node)).map(({ lever }) => HURTS[lever] ?? lever);
  return [...new Set(hurts)].join(', ');
}
