/**
 * Every failover of a history taken apart: why the leader changed, how long it took until there was a leader again, a first
 * write, a first follower that knew, and which acknowledged writes were lost.
 *
 * Leaders are known from sightings (`cluster`/`sighting` with role leader) and from the writes that they acknowledged.
 *
 * A failover starts when its leader was lost:
 * - with the earliest fault that struck the leader, and had an effect, after the last write that it acknowledged and that was not
 *   undone was asked for. (An isolated leader may go on to acknowledge writes, and to say that it leads: neither is leading.)
 * - If there is none, with the latest such fault that it had not recovered from: a leader was seen, or wrote, after a heal.
 * - If there is none, when it went down; if it did not, with the last write that it acknowledged.
 *
 * No fault counts that was injected when the leader was down already. Its own killing does, though the note of an injection
 * follows the injection: the first one that struck it within a second after it went down. The cause is all faults with an
 * effect that were in force between the start and the moment when the leader went down or, where it stayed up, another led.
 */
import { type History, METHODS, NONE, OK, READ, ROLES } from '../history/history.ts';
import type { Instant, NodeId } from '../history/operation.ts';
import { termOf } from './positions.ts';
import { changesByNode, epilogueOf, type FaultSpan, faultSpans, faultsWithin, sightingsOf } from './sessions/notes.ts';
import { undoneWrites } from './sessions/survival.ts';

export interface Failover {
  readonly group: string;
  readonly fromTerm: number;
  readonly toTerm: number;
  readonly from?: NodeId;
  readonly to: NodeId;
  /** Names of the faults in force between the start and the loss of the leader, or `none`. */
  readonly cause: string;
  /** When the old leader was lost: see the head of this file. */
  readonly start: Instant;
  /** Nanoseconds after `start`; absent where it never came. */
  readonly electedNs?: number;
  readonly firstWriteNs?: number;
  /**
   * Answered to the load by a follower from a state, or with a write, of the new term or a later one. Absent also where no
   * follower was asked, or no answer tells of terms.
   */
  readonly firstFreshFollowerReadNs?: number;
  /** Acknowledged writes that did not survive it, by write path. */
  readonly lostWrites: Readonly<Record<string, number>>;
}

/** A fault this long before the last sign of the leader may have been the end of it. */
const CAUSE_WINDOW_NS = 10e9;
/** The injection of a kill is noted this long after the node went down, at most. */
const KILL_NOTED_NS = 1e9;

/** One leadership, as far as it was seen. */
interface Reign {
  readonly group: string;
  readonly term: number;
  readonly leader: NodeId;
  readonly since: Instant;
  lastSeen: Instant;
  /** When it was seen to lead, writes aside. */
  readonly sightings: Instant[];
}

/** In order of terms, group by group. `undone` is computed where it is not given: see `undoneWrites`. */
export function analyseFailovers(
  history: History,
  undone: ReadonlySet<number> = undoneWrites(history),
): readonly Failover[] {
  const faults = faultSpans(history).filter(({ hadEffect }) => hadEffect);
  const lives = changesByNode(history);
  const groups = reignsByGroup(history);
  return groups.flatMap((reigns) => {
    const evidence = new TermEvidence(history, reigns, { undone, isOnlyGroup: groups.length === 1 });
    const changes = reigns.slice(1).map((now, i) => ({ before: reigns[i], now }));
    const losses = lossesByFailover(history, changes, undone);
    return changes.map(({ before, now }, i): Failover => {
      const down = downAt(evidence, before, now, lives.get(before.leader) ?? []);
      const possible = faults.filter(couldEnd(before, down, faults));
      const start = startOf(evidence, before, now, possible, down);
      const causes = faultsWithin(possible, start, down === undefined ? now.since : down + KILL_NOTED_NS);
      const after = (time: Instant | undefined): number | undefined =>
        time === undefined ? undefined : Math.max(0, time - start);
      const firstWriteNs = after(evidence.firstWrite(now.term));
      const firstFreshFollowerReadNs = after(evidence.firstFollowerRead(now.term));
      return {
        group: now.group,
        fromTerm: before.term,
        toTerm: now.term,
        from: before.leader,
        to: now.leader,
        cause: causes.length === 0 ? 'none' : causes.join(', '),
        start,
        electedNs: Math.max(0, now.since - start),
        ...(firstWriteNs !== undefined && { firstWriteNs }),
        ...(firstFreshFollowerReadNs !== undefined && { firstFreshFollowerReadNs }),
        lostWrites: losses[i],
      };
    });
  });
}

function reignsByGroup(history: History): readonly (readonly Reign[])[] {
  const groups = new Map<string, Map<number, Reign>>();
  const seen = (group: string, term: number, leader: NodeId, time: Instant): void => {
    const reigns = groups.get(group) ?? new Map<number, Reign>();
    groups.set(group, reigns);
    const known = reigns.get(term);
    // Whoever was seen first: two leaders of one term are for another checker to report.
    if (known === undefined || time < known.since) {
      const sightings = known?.leader === leader ? known.sightings : [];
      reigns.set(term, {
        group,
        term,
        leader,
        since: time,
        lastSeen: Math.max(time, known?.lastSeen ?? time),
        sightings,
      });
    } else if (known.leader === leader) known.lastSeen = Math.max(known.lastSeen, time);
  };
  for (const { node, role, term, group, time } of sightingsOf(history)) {
    if (role !== 'leader') continue;
    seen(group, term, node, time);
    const reign = groups.get(group)?.get(term);
    if (reign?.leader === node) reign.sightings.push(time);
  }
  for (let row = 0; row < history.length; row++) {
    const term = writeTerm(history, row);
    if (term === undefined || history.node[row] === NONE || ROLES[history.role[row]] !== 'leader') continue;
    seen(history.groups[history.versionGroup[row]], term, history.nodes[history.node[row]], history.retTime[row]);
  }
  return [...groups.values()].map((reigns) => [...reigns.values()].sort((a, b) => a.term - b.term));
}

/** The term in which a write was acknowledged; undefined for anything else. */
function writeTerm(history: History, row: number): number | undefined {
  if (history.f[row] === READ || history.outcome[row] !== OK || history.versionGroup[row] === NONE) return undefined;
  const term = termOf(history.versionHistory[row]);
  return Number.isNaN(term) ? undefined : term;
}

/** When the old leader went down for good, as far as this failover goes; undefined where it stayed up, or led again. */
function downAt(
  evidence: TermEvidence,
  before: Reign,
  now: Reign,
  lives: readonly { readonly time: Instant; readonly up: boolean }[],
): Instant | undefined {
  const within = lives.filter(({ time }) => time > before.since && time <= now.since);
  const sign = lastSign(evidence, before, now);
  const ledAgain = within.findLastIndex(({ up, time }) => up && time < sign);
  return within.find(({ up }, i) => !up && i > ledAgain)?.time;
}

/** When the old leader was last seen, or acknowledged a write, before the new one led. */
function lastSign(evidence: TermEvidence, before: Reign, now: Reign): Instant {
  const seen = before.sightings.findLast((time) => time <= now.since) ?? before.since;
  return Math.max(seen, evidence.lastWriteUntil(before.term, now.since)?.told ?? seen);
}

/** Whether a fault could be what ended a leader that went down at `down`, if it did. */
function couldEnd(
  before: Reign,
  down: Instant | undefined,
  faults: readonly FaultSpan[],
): (fault: FaultSpan) => boolean {
  if (down === undefined) return () => true;
  const killer = faults.find((fault) => fault.from >= down && strikes(fault, before.leader));
  return (fault) => fault.from <= down || (fault === killer && fault.from <= down + KILL_NOTED_NS);
}

function strikes({ targets }: FaultSpan, node: NodeId): boolean {
  return targets.length === 0 || targets.includes(node);
}

function startOf(
  evidence: TermEvidence,
  before: Reign,
  now: Reign,
  possible: readonly FaultSpan[],
  down: Instant | undefined,
): Instant {
  const sign = lastSign(evidence, before, now);
  const earliest = Math.max(before.since, Math.min(sign, down ?? sign) - CAUSE_WINDOW_NS);
  const struck = possible.filter(
    (fault) =>
      fault.from >= earliest &&
      fault.from <= now.since &&
      fault.until > fault.from &&
      fault.until > Math.min(sign, down ?? sign) &&
      strikes(fault, before.leader),
  );
  const led = evidence.lastLed(before, now.since);
  const first = struck.find(({ from }) => led !== undefined && from >= led) ?? struck[struck.length - 1];
  if (first !== undefined) return Math.min(first.from, down ?? first.from);
  return down ?? evidence.lastWriteUntil(before.term, now.since)?.told ?? Math.min(before.lastSeen, now.since);
}

/** A write that was acknowledged. */
interface Acknowledged {
  readonly asked: Instant;
  readonly told: Instant;
  readonly isUndone: boolean;
}

/** When each term showed itself in answers. */
class TermEvidence {
  readonly #writes = new Map<number, Acknowledged[]>();
  readonly #followerReads: { readonly term: number; readonly time: Instant }[] = [];

  constructor(
    history: History,
    reigns: readonly Reign[],
    { undone, isOnlyGroup }: { readonly undone: ReadonlySet<number>; readonly isOnlyGroup: boolean },
  ) {
    const group = history.groups.indexOf(reigns[0].group);
    const epilogue = epilogueOf(history) ?? Number.POSITIVE_INFINITY;
    const byName = history.paths.map((path) => path.startsWith('node:'));
    const firstRead = new Map<number, Instant>();
    for (let row = 0; row < history.length; row++) {
      const time = history.retTime[row];
      let term = writeTerm(history, row);
      if (term !== undefined && history.versionGroup[row] !== group) continue;
      if (isOnlyGroup) term ??= termByNode(history, row, reigns);
      if (term !== undefined) {
        const write = { asked: history.callTime[row], told: time, isUndone: undone.has(history.call[row]) };
        const writes = this.#writes.get(term);
        if (writes === undefined) this.#writes.set(term, [write]);
        else writes.push(write);
      }
      if (history.f[row] !== READ || history.outcome[row] !== OK || ROLES[history.role[row]] !== 'follower') continue;
      // The harness's own reads tell how long the harness took.
      if (history.call[row] >= epilogue || (history.path[row] !== NONE && byName[history.path[row]])) continue;
      const shown = newestTerm(history, row, group);
      if (shown !== undefined) firstRead.set(shown, Math.min(firstRead.get(shown) ?? time, time));
    }
    for (const writes of this.#writes.values()) writes.sort((a, b) => a.told - b.told);
    this.#followerReads = [...firstRead].map(([term, time]) => ({ term, time }));
  }

  firstWrite(term: number): Instant | undefined {
    return this.#writes.get(term)?.[0]?.told;
  }

  lastWriteUntil(term: number, until: Instant): Acknowledged | undefined {
    return this.#writes.get(term)?.findLast(({ told }) => told <= until);
  }

  /**
   * When the last write of a leader that was not undone was asked for; where it had none, when it began to lead. Undefined if
   * no answer of any write tells who led.
   */
  lastLed({ term, since }: Reign, until: Instant): Instant | undefined {
    if (this.#writes.size === 0) return undefined;
    const writes = (this.#writes.get(term) ?? []).filter(({ told, isUndone }) => told <= until && !isUndone);
    return writes.reduce((last, { asked }) => Math.max(last, asked), since);
  }

  firstFollowerRead(term: number): Instant | undefined {
    const times = this.#followerReads.filter((read) => read.term >= term).map(({ time }) => time);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

/** Of a write whose answer tells no term: that of the node that answered, if it led when it was asked. */
function termByNode(history: History, row: number, reigns: readonly Reign[]): number | undefined {
  const method = METHODS[history.f[row]];
  if (method === 'read' || method === 'poll' || history.outcome[row] !== OK || history.node[row] === NONE)
    return undefined;
  const role = ROLES[history.role[row]] ?? 'leader';
  const node = history.nodes[history.node[row]];
  const asked = history.callTime[row];
  const reign = reigns.findLast(({ since }) => since <= asked);
  return role === 'leader' && reign?.leader === node ? reign.term : undefined;
}

function newestTerm(history: History, row: number, group: number): number | undefined {
  const position = history.positionGroup[row] === group ? termOf(history.positionHistory[row]) : Number.NaN;
  const version = history.versionGroup[row] === group ? termOf(history.versionHistory[row]) : Number.NaN;
  const terms = [position, version].filter((term) => !Number.isNaN(term));
  return terms.length === 0 ? undefined : Math.max(...terms);
}

/** A write is lost to the first change of leader after its term; without a term, after its acknowledgement. */
function lossesByFailover(
  history: History,
  changes: readonly { readonly before: Reign; readonly now: Reign }[],
  undone: ReadonlySet<number>,
): readonly Readonly<Record<string, number>>[] {
  const losses = changes.map((): Record<string, number> => ({}));
  if (changes.length === 0) return losses;
  for (let row = 0; row < history.length; row++) {
    if (history.f[row] === READ || history.outcome[row] !== OK || !undone.has(history.call[row])) continue;
    const group = history.versionGroup[row] === NONE ? undefined : history.groups[history.versionGroup[row]];
    if (group !== undefined && group !== changes[0].now.group) continue;
    const term = writeTerm(history, row);
    const change = changes.findIndex(({ now }) =>
      term === undefined ? now.since >= history.retTime[row] : now.term > term,
    );
    if (change === -1) continue;
    const path = history.path[row] === NONE ? '' : history.paths[history.path[row]];
    losses[change][path] = (losses[change][path] ?? 0) + 1;
  }
  return losses;
}
