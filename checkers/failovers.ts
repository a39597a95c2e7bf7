/**
 * Every failover of a history taken apart: why the leader changed, how long it took until there was a leader again, a first
 * write, a first follower that knew, and which acknowledged writes were lost.
 *
 * Leaders are known from sightings (`cluster`/`sighting` with role leader) and from the writes that they acknowledged: reigns.ts.
 *
 * A failover starts when its leader was lost:
 * - with the earliest fault that struck the leader, and had an effect, after the last write that it acknowledged and that was not
 *   undone was asked for. (An isolated leader may go on to acknowledge writes, and to say that it leads: neither is leading.)
 * - If there is none, with the latest such fault that it had not recovered from: a leader was seen, or wrote, after a heal.
 * - If there is none, with the latest such fault, if the leader stayed up and acknowledged what was asked for after another led: what
 *   it did after the heal is then no sign that it led.
 * - If there is none, when it went down; if it did not, with the last write that it acknowledged.
 *
 * No fault counts that was injected when the leader was down already. Its own killing does, though the note of an injection
 * follows the injection: the first one that struck it within a second after it went down. A node that was stopped in order was lost
 * when it was told to stop, or to the last write that it acknowledged thereafter, not when it had ended. The cause is all faults with an
 * effect that were in force between the start and the moment when the leader went down or, where it stayed up, another led.
 */
import { type History, NONE, OK, READ, ROLES } from '../history/history.ts';
import type { Instant, NodeId } from '../history/operation.ts';
import { defaultSemantics } from './checker.ts';
import { termOf } from './positions.ts';
import { type Reign, Reigns, writeTerm } from './reigns.ts';
import { changesByNode, epilogueOf, type FaultSpan, faultSpans, faultsWithin } from './sessions/notes.ts';
import { Registers } from './sessions/registers.ts';
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
   * Answered to the load by a follower from a state, or with a write, of the new term or a later one. Answers that tell no term
   * show one by a value that one acknowledged write alone wrote. Absent also where no follower was asked, or no answer tells.
   */
  readonly firstFreshFollowerReadNs?: number;
  /** Acknowledged writes that did not survive it, by write path. */
  readonly lostWrites: Readonly<Record<string, number>>;
}

/** A fault this long before the last sign of the leader may have been the end of it. */
const CAUSE_WINDOW_NS = 10e9;
/** The injection of a kill is noted this long after the node went down, at most. */
const KILL_NOTED_NS = 1e9;

/** In order of terms, group by group. `undone` is computed where it is not given: see `undoneWrites`. */
export function analyseFailovers(
  history: History,
  undone: ReadonlySet<number> = undoneWrites(history),
): readonly Failover[] {
  const faults = faultSpans(history).filter(({ hadEffect }) => hadEffect);
  const lives = changesByNode(history);
  const known = new Reigns(history);
  return known.groups.flatMap((reigns) => {
    const evidence = new TermEvidence(history, known, { group: reigns[0].group, undone });
    const changes = reigns.slice(1).map((now, i) => ({ before: reigns[i], now }));
    const losses = lossesByFailover(history, known, changes, undone);
    return changes.map(({ before, now }, i): Failover => {
      const down = downAt(evidence, before, now, lives.get(before.leader) ?? []);
      const killer = down === undefined ? undefined : killerOf(before, down, faults);
      const possible = faults.filter((fault) => down === undefined || fault.from <= down || fault === killer);
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

/** What was noted within a second after a leader went down at `down`, and struck it: to be taken for what brought it down. */
function killerOf(before: Reign, down: Instant, faults: readonly FaultSpan[]): FaultSpan | undefined {
  const killer = faults.find((fault) => fault.from >= down && strikes(fault, before.leader));
  return killer !== undefined && killer.from <= down + KILL_NOTED_NS ? killer : undefined;
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
  const near = possible.filter(
    (fault) =>
      fault.from >= earliest && fault.from <= now.since && fault.until > fault.from && strikes(fault, before.leader),
  );
  const struck = near.filter(({ until }) => until > Math.min(sign, down ?? sign));
  const led = evidence.lastLed(before, now.since);
  const unaware = down === undefined && evidence.isWrittenAfter(before.term, now.since) ? near : [];
  const first = struck.find(({ from }) => led !== undefined && from >= led) ?? struck.at(-1) ?? unaware.at(-1);
  if (first !== undefined && (down === undefined || first.from < down)) return first.from;
  if (first !== undefined && down !== undefined)
    return Math.max(down - first.endingNs, evidence.lastWriteUntil(before.term, down)?.told ?? before.since);
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
  #registers: Registers | undefined;

  constructor(
    history: History,
    reigns: Reigns,
    { group: name, undone }: { readonly group: string; readonly undone: ReadonlySet<number> },
  ) {
    const group = history.groups.indexOf(name);
    const epilogue = epilogueOf(history) ?? Number.POSITIVE_INFINITY;
    const byName = history.paths.map((path) => path.startsWith('node:'));
    const firstRead = new Map<number, Instant>();
    for (let row = 0; row < history.length; row++) {
      const time = history.retTime[row];
      if (writeTerm(history, row) !== undefined && history.versionGroup[row] !== group) continue;
      const term = reigns.termOf(row);
      if (term !== undefined) {
        const write = { asked: history.callTime[row], told: time, isUndone: undone.has(history.call[row]) };
        const writes = this.#writes.get(term);
        if (writes === undefined) this.#writes.set(term, [write]);
        else writes.push(write);
      }
      if (history.f[row] !== READ || history.outcome[row] !== OK || ROLES[history.role[row]] !== 'follower') continue;
      // The harness's own reads tell how long the harness took.
      if (history.call[row] >= epilogue || (history.path[row] !== NONE && byName[history.path[row]])) continue;
      const shown = newestTerm(history, row, group) ?? this.#termOfValue(history, row, group, reigns);
      if (shown !== undefined) firstRead.set(shown, Math.min(firstRead.get(shown) ?? time, time));
    }
    for (const writes of this.#writes.values()) writes.sort((a, b) => a.told - b.told);
    this.#followerReads = [...firstRead].map(([term, time]) => ({ term, time }));
  }

  /** Where neither the state that a read came from nor its value tells a term, the write of that value may. */
  #termOfValue(history: History, read: number, group: number, reigns: Reigns): number | undefined {
    this.#registers ??= new Registers(history, defaultSemantics);
    const write = this.#registers.source[read];
    if (write < 0 || (writeTerm(history, write) !== undefined && history.versionGroup[write] !== group))
      return undefined;
    return reigns.termOf(write);
  }

  firstWrite(term: number): Instant | undefined {
    return this.#writes.get(term)?.[0]?.told;
  }

  lastWriteUntil(term: number, until: Instant): Acknowledged | undefined {
    return this.#writes.get(term)?.findLast(({ told }) => told <= until);
  }

  /** Whether a write that was asked for after `since` was acknowledged in this term. */
  isWrittenAfter(term: number, since: Instant): boolean {
    return this.#writes.get(term)?.some(({ asked }) => asked > since) ?? false;
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

function newestTerm(history: History, row: number, group: number): number | undefined {
  const position = history.positionGroup[row] === group ? termOf(history.positionHistory[row]) : Number.NaN;
  const version = history.versionGroup[row] === group ? termOf(history.versionHistory[row]) : Number.NaN;
  const terms = [position, version].filter((term) => !Number.isNaN(term));
  return terms.length === 0 ? undefined : Math.max(...terms);
}

/** A write is lost to the first change of leader after its term; where nothing tells its term, after its acknowledgement. */
function lossesByFailover(
  history: History,
  reigns: Reigns,
  changes: readonly { readonly before: Reign; readonly now: Reign }[],
  undone: ReadonlySet<number>,
): readonly Readonly<Record<string, number>>[] {
  const losses = changes.map((): Record<string, number> => ({}));
  if (changes.length === 0) return losses;
  for (let row = 0; row < history.length; row++) {
    if (history.f[row] === READ || history.outcome[row] !== OK || !undone.has(history.call[row])) continue;
    const group = history.versionGroup[row] === NONE ? undefined : history.groups[history.versionGroup[row]];
    if (group !== undefined && group !== changes[0].now.group) continue;
    const term = reigns.termOf(row);
    const change = changes.findIndex(({ now }) =>
      term === undefined ? now.since >= history.retTime[row] : now.term > term,
    );
    if (change === -1) continue;
    const path = history.path[row] === NONE ? '' : history.paths[history.path[row]];
    losses[change][path] = (losses[change][path] ?? 0) + 1;
  }
  return losses;
}
