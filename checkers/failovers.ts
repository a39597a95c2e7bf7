/**
 * Every failover of a history taken apart: why the leader changed, how long it took until there was a leader again, a first
 * write, a first follower that knew, and which acknowledged writes were lost.
 *
 * Leaders are known from sightings (`cluster`/`sighting` with role leader) and from the writes that they acknowledged.
 */
import { type History, NONE, OK, READ, ROLES } from '../history/history.ts';
import type { Instant, NodeId } from '../history/operation.ts';
import { termOf } from './positions.ts';
import { type FaultSpan, faultSpans, faultsWithin, sightingsOf } from './sessions/notes.ts';
import { undoneWrites } from './sessions/survival.ts';

export interface Failover {
  readonly group: string;
  readonly fromTerm: number;
  readonly toTerm: number;
  readonly from?: NodeId;
  readonly to: NodeId;
  /** Names of the faults in force between the start and the election, or `none`. */
  readonly cause: string;
  /** When the fault struck the old leader; where none did, its last acknowledgement. */
  readonly start: Instant;
  /** Nanoseconds after `start`; absent where it never came. */
  readonly electedNs?: number;
  readonly firstWriteNs?: number;
  /** Answered by a follower from a state, or with a write, of the new term or a later one. */
  readonly firstFreshFollowerReadNs?: number;
  /** Acknowledged writes that did not survive it, by write path. */
  readonly lostWrites: Readonly<Record<string, number>>;
}

/** A fault this long before the election may have been its cause. */
const CAUSE_WINDOW_NS = 10e9;

/** One leadership, as far as it was seen. */
interface Reign {
  readonly group: string;
  readonly term: number;
  readonly leader: NodeId;
  readonly since: Instant;
  lastSeen: Instant;
}

/** In order of terms, group by group. `undone` is computed where it is not given: see `undoneWrites`. */
export function analyseFailovers(
  history: History,
  undone: ReadonlySet<number> = undoneWrites(history),
): readonly Failover[] {
  const faults = faultSpans(history);
  return reignsByGroup(history).flatMap((reigns) => {
    const evidence = new TermEvidence(history, reigns);
    const changes = reigns.slice(1).map((now, i) => ({ before: reigns[i], now }));
    const losses = lossesByFailover(history, changes, undone);
    return changes.map(({ before, now }, i): Failover => {
      const start = startOf(evidence, before, now, faults);
      const causes = faultsWithin(faults, start, now.since);
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
      reigns.set(term, { group, term, leader, since: time, lastSeen: Math.max(time, known?.lastSeen ?? time) });
    } else if (known.leader === leader) known.lastSeen = Math.max(known.lastSeen, time);
  };
  for (const { node, role, term, group, time } of sightingsOf(history)) {
    if (role === 'leader') seen(group, term, node, time);
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

function startOf(evidence: TermEvidence, before: Reign, now: Reign, faults: readonly FaultSpan[]): Instant {
  const struck = faults.filter(
    ({ targets, from, until }) =>
      from >= Math.max(before.since, now.since - CAUSE_WINDOW_NS) &&
      from <= now.since &&
      until > from &&
      (targets.length === 0 || targets.includes(before.leader)),
  );
  const latest = struck[struck.length - 1];
  if (latest !== undefined) return latest.from;
  return evidence.lastWriteUntil(before.term, now.since) ?? Math.min(before.lastSeen, now.since);
}

/** When each term showed itself in answers. */
class TermEvidence {
  readonly #writes = new Map<number, Instant[]>();
  readonly #followerReads: { readonly term: number; readonly time: Instant }[] = [];

  constructor(history: History, reigns: readonly Reign[]) {
    const group = history.groups.indexOf(reigns[0].group);
    const firstRead = new Map<number, Instant>();
    for (let row = 0; row < history.length; row++) {
      const time = history.retTime[row];
      const term = writeTerm(history, row);
      if (term !== undefined && history.versionGroup[row] === group) {
        const times = this.#writes.get(term);
        if (times === undefined) this.#writes.set(term, [time]);
        else times.push(time);
      }
      if (history.f[row] !== READ || history.outcome[row] !== OK || ROLES[history.role[row]] !== 'follower') continue;
      const shown = newestTerm(history, row, group);
      if (shown !== undefined) firstRead.set(shown, Math.min(firstRead.get(shown) ?? time, time));
    }
    for (const times of this.#writes.values()) times.sort((a, b) => a - b);
    this.#followerReads = [...firstRead].map(([term, time]) => ({ term, time }));
  }

  firstWrite(term: number): Instant | undefined {
    return this.#writes.get(term)?.[0];
  }

  lastWriteUntil(term: number, until: Instant): Instant | undefined {
    return this.#writes.get(term)?.findLast((time) => time <= until);
  }

  firstFollowerRead(term: number): Instant | undefined {
    const times = this.#followerReads.filter((read) => read.term >= term).map(({ time }) => time);
    return times.length === 0 ? undefined : Math.min(...times);
  }
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
