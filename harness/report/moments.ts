/** The cluster at each moment at which something about it changed: who led, who was down, which links carried what. */
import type { Instant, NodeId } from '../../history/operation.ts';
import type { PullRecord, RunRecord, StandingRecord } from '../../results/record.ts';

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
  /** How the cluster stood from then on, by the run's time. */
  at(time: Instant): Moment;
  /** When something changed, ascending; close ones as one where there are very many. */
  readonly changes: readonly Instant[];
}

const NODES_MAX = 9;
const GROUPS_MAX = 4;
const CHANGES_MAX = 1200;

/** Undefined where nobody said who led. */
export function clusterOf(record: RunRecord): Cluster | undefined {
  const { standings = [], pulls = [], faults, virtualNs } = record;
  if (standings.length === 0) return undefined;
  const groups = [...new Set(standings.map(({ group }) => group))].slice(0, GROUPS_MAX);
  const nodes = [...new Set(standings.map(({ node }) => node))].sort(byNumber).slice(0, NODES_MAX);
  const moments = new Set([0]);
  for (const { from, until } of [...standings, ...pulls, ...faults]) {
    moments.add(from);
    if (until < virtualNs) moments.add(until);
  }
  const at = (time: Instant): Moment => ({
    at: time,
    groups: groups.map((group) => groupAt(record, group, nodes, time)),
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

function groupAt(record: RunRecord, group: string, nodes: readonly NodeId[], time: Instant): GroupState {
  const { standings = [], pulls = [], faults } = record;
  const now = pulls.filter(({ from, until }) => from <= time && time < until);
  const mine = standings.filter((one) => one.group === group && one.from <= time);
  const standing = nodes.map((node) => mine.find((one) => one.node === node && time < one.until));
  // Of all who led so far, the last.
  const led = mine.filter(({ role }) => role === 'leader');
  const last = led.reduce<StandingRecord | undefined>((a, b) => ((a?.term ?? -1) > (b.term ?? 0) ? a : b), undefined);
  const states = nodes.map((node, i): NodeState => {
    const role = standing[i]?.role ?? 'unknown';
    const term = standing[i]?.term;
    const isGone = role === 'down' || role === 'silent' || role === 'unknown';
    const isFallen =
      last !== undefined && (role === 'leader' ? (term ?? 0) < (last.term ?? 0) : isGone && last.node === node);
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
