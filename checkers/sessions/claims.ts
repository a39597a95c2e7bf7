/**
 * Versions and positions are what a store says of itself: claims, that are held against one another, against the values and against
 * time. Claims that cannot all be true are an anomaly of their own, so that a lying server does not pass; and what they say is
 * used for nothing else, so that no other anomaly rests on them.
 *
 * What must hold: one version belongs to one write, and one write has one version; a read's value is that of its version; within one
 * term, what was asked for after a version was told, by an acknowledgement or a read, has a higher one; and a position is one state of one log
 * (position-claims.ts). Across terms versions may contradict time: a deposed leader may go on acknowledging what will be
 * undone, and that is for `fenced` and `durable` to say.
 */
import { type History, NEVER, NONE, OK, READ, TRANSACTION } from '../../history/history.ts';
import { type Places, termOf } from '../positions.ts';
import { Pairs } from './pairs.ts';
import { positionClaims } from './position-claims.ts';
import type { Registers } from './registers.ts';
import { gather, type Lists, sortByPlace } from './states.ts';

export interface FalseClaim {
  readonly type:
    | 'one version, two writes'
    | 'version of another write'
    | 'two versions, one write'
    | 'order against real time'
    | 'version above its position'
    | 'two values at one position'
    | 'write missing at a position';
  /**
   * The rows that say so. Of two writes, or a write and a read, the one that the other contradicts comes first; third comes the read that
   * told the version of the first, where no acknowledgement did. For a position the read comes first, then the write it returned, if it
   * is one, and last the write that it should have shown.
   */
  readonly rows: readonly number[];
}

export interface Verified {
  readonly claims: readonly FalseClaim[];
  /** Versions of writes, less those that are contradicted by anything but time. */
  readonly timeless: Places;
  /** By row: 1 where the position of a read is contradicted. Absent where none is. */
  readonly doubtful: Uint8Array | undefined;
  /** What versions of different terms say of a key against time, by key: one of the words below. Absent where they never do. */
  readonly crossed: Uint8Array | undefined;
  /**
   * Whether all is as it is in a log that nobody ever changed: every write that happened has a version of its own in one term, in an
   * order that time allows, no read shows what was asked for only later, and whoever names a position there shows exactly the
   * writes up to it.
   */
  readonly settled: boolean;
}

/** Whether claims are false whatever order there was in time. */
export function contradicts(claims: readonly FalseClaim[]): boolean {
  return claims.some(({ type }) => type !== 'order against real time');
}

/** Whether a position is what is contradicted. */
export function isOfPosition({ type }: FalseClaim): boolean {
  return type.endsWith('position');
}

/**
 * Each claim with rows that may be blamed for it, where there are such: of three writes with one version, two may be, and not the first.
 */
export function claimsToBlame(
  claims: readonly FalseClaim[],
  isBlamed: (row: number) => boolean,
): readonly FalseClaim[] {
  /** By the write that had a version first, the first of the others that is to blame. */
  const seconds = new Map<number, number>();
  return claims.map((claim) => {
    const [first, row] = claim.rows;
    if (claim.type !== 'one version, two writes' || isBlamed(first) || !isBlamed(row)) return claim;
    const second = seconds.get(first);
    if (second === undefined) seconds.set(first, row);
    return second === undefined ? claim : { ...claim, rows: [second, row] };
  });
}

/** Versions of two terms contradict time; and a read returned the write that by its version is the older one. */
export const CROSSED = 1;
export const CROSSED_AND_SEEN = 2;

/** Writes with versions, by replication group and term (or other history): each list in the order of versions. */
export interface Versioned {
  readonly lists: Lists;
  /** Whether every write that happened has a version, and it is known which happened. */
  readonly isComplete: boolean;
  /** The number of a list, or of an empty one. */
  of(group: number, history: number): number;
}

/**
 * Looks for all contradictions but those that placing the reads has found, and withdraws what is contradicted: the versions of those
 * writes are as if nobody had told them.
 */
export function verify(registers: Registers, found: readonly FalseClaim[], isVersioned: boolean): Verified {
  const { history, versions } = registers;
  const isPositioned = hasPositions(history);
  if (!isVersioned && !isPositioned) {
    return { claims: found, timeless: versions, doubtful: undefined, crossed: undefined, settled: false };
  }
  withdraw(registers, versions, found);
  const versioned = writesByVersion(registers);
  const early = ordersAgainstTime(registers, versioned);
  const timeless = early.length === 0 ? versions : { ...versions, group: versions.group.slice() };
  withdraw(registers, versions, early);
  const {
    claims: late,
    doubtful,
    settled,
  } = isPositioned ? positionClaims(registers, versioned) : { claims: [], doubtful: undefined, settled: true };
  withdraw(registers, versions, late);
  if (timeless !== versions) withdraw(registers, timeless, late);
  const claims = [...found, ...early, ...late];
  const { lists, isComplete } = versioned;
  return {
    claims,
    timeless,
    doubtful,
    crossed: crossedKeys(registers, versioned),
    settled:
      settled &&
      !registers.hasEarly &&
      claims.length === 0 &&
      isComplete &&
      lists.count === 1 &&
      isOrderInTime(registers, lists.rows) &&
      !hasTransactions(history),
  };
}

function hasPositions({ positionGroup, length }: History): boolean {
  for (let row = 0; row < length; row++) if (positionGroup[row] !== NONE) return true;
  return false;
}

/** Their reads show what they wrote themselves, whatever the position. */
function hasTransactions({ flags, length }: History): boolean {
  for (let row = 0; row < length; row++) if ((flags[row] & TRANSACTION) !== 0) return true;
  return false;
}

function withdraw({ source }: Registers, { group }: Places, claims: readonly FalseClaim[]): void {
  for (const { rows } of claims) {
    for (const row of rows) {
      group[row] = NONE;
      if (source[row] >= 0) group[source[row]] = NONE;
    }
  }
}

function writesByVersion(registers: Registers): Versioned {
  const { history, versions, done } = registers;
  const { length, groups } = history;
  const { group, at } = versions;
  const numbers = new Pairs(groups.length, 2 ** 32, 0);
  const lists = oneList(registers, numbers) ?? gather(listsOf(registers, numbers), numbers.count);
  for (let one = 0; one < lists.count; one++) {
    sortByPlace(lists.rows.subarray(lists.start[one], lists.start[one + 1]), at);
  }
  let isComplete = !registers.hasAmbiguous;
  for (let row = 0; row < length && isComplete; row++) isComplete = done[row] === NEVER || group[row] !== NONE;
  return { lists, isComplete, of: (ofGroup, history) => numbers.of(ofGroup, history) };
}

/** The writes with versions, where all are of one group and term, as mostly. */
function oneList({ history, versions, done }: Registers, numbers: Pairs): Lists | undefined {
  const { length } = history;
  const { group, history: term } = versions;
  const rows = new Int32Array(length);
  let count = 0;
  for (let row = 0; row < length; row++) {
    if (done[row] === NEVER || group[row] === NONE) continue;
    rows[count++] = row;
    if (group[row] !== group[rows[0]] || term[row] !== term[rows[0]]) return undefined;
  }
  if (count === 0) return undefined;
  numbers.of(group[rows[0]], term[rows[0]]);
  return { rows: rows.subarray(0, count), start: Int32Array.of(0, count), count: 1 };
}

/** For each row the number of its list, or NONE. */
function listsOf({ history, versions, done }: Registers, numbers: Pairs): Int32Array {
  const { length } = history;
  const { group, history: term } = versions;
  const of = new Int32Array(length).fill(NONE);
  let last = NONE;
  for (let row = 0; row < length; row++) {
    if (done[row] === NEVER || group[row] === NONE) continue;
    const isAlike = last !== NONE && group[last] === group[row] && term[last] === term[row];
    of[row] = isAlike ? of[last] : numbers.of(group[row], term[row]);
    last = row;
  }
  return of;
}

/**
 * Within one term, pairs of writes of which the version of the first was told before the second, of a lower version, was asked for. Of two
 * sets of writes that explain them all, those that came too high and those that came too low, the smaller: one false version is one claim.
 */
function ordersAgainstTime(registers: Registers, { lists }: Versioned): FalseClaim[] {
  const { call, ret } = registers.history;
  const { at } = registers.versions;
  const claims: FalseClaim[] = [];
  let tellers: Int32Array | undefined;
  for (let one = 0; one < lists.count; one++) {
    const rows = lists.rows.subarray(lists.start[one], lists.start[one + 1]);
    if (agreesWithTime(registers, rows)) continue;
    const told = (tellers ??= tellersOf(registers));
    const end = (write: number): number => (told[write] === NONE ? NEVER : ret[told[write]]);
    const claim = (write: number, later: number): FalseClaim => {
      const rows = told[write] === write ? [write, later] : [write, later, told[write]];
      return { type: 'order against real time', rows };
    };
    const high: FalseClaim[] = [];
    // Of lower versions, the write that was asked for last.
    eachWithExtreme(
      rows,
      at,
      (a, b) => (call[a] > call[b] ? a : b),
      (row, latest) => {
        if (end(row) < call[latest]) high.push(claim(row, latest));
      },
    );
    const low: FalseClaim[] = [];
    eachWithExtreme(
      rows.slice().reverse(),
      at,
      (a, b) => (end(a) < end(b) ? a : b),
      (row, soonest) => {
        if (end(soonest) < call[row]) low.push(claim(soonest, row));
      },
    );
    for (const one of low.length < high.length ? low : high) claims.push(one);
  }
  return claims;
}

/**
 * For each write the row whose answer told its version first: its own, or that of a read; or NONE. A read that showed it with another version,
 * or without, tells nothing: it may have been written in an older term first.
 */
function tellersOf({ history: { length, f, outcome, ret, call, ...told }, source, versions }: Registers): Int32Array {
  const { versionGroup, versionHistory, versionAt } = told;
  const tellers = new Int32Array(length).fill(NONE);
  for (let row = 0; row < length; row++) {
    if (outcome[row] !== OK || versionGroup[row] === NONE) continue;
    const write = f[row] === READ ? source[row] : row;
    if (write < 0 || ret[row] < call[write] || (tellers[write] !== NONE && ret[tellers[write]] < ret[row])) continue;
    const { group, history, at } = versions;
    const isIts = group[write] === versionGroup[row] && history[write] === versionHistory[row];
    if (isIts && at[write] === versionAt[row]) tellers[write] = row;
  }
  return tellers;
}

/** Whether no write of a higher version was done, by its answer or a read, before one of a lower version was asked for. */
function agreesWithTime({ history, versions, done }: Registers, rows: Int32Array): boolean {
  const { call } = history;
  const { at } = versions;
  /** When the last of the lower versions was asked for, and of those no higher. */
  let lower: number = NONE;
  let noHigher: number = NONE;
  let place = Number.NaN;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (at[row] !== place) {
      lower = noHigher;
      place = at[row];
    }
    if (done[row] < lower) return false;
    if (call[row] > noHigher) noHigher = call[row];
  }
  return true;
}

/** Whether versions are all different, and no write was done, by its answer or a read, before one of a lower version was asked for. */
function isOrderInTime({ history, versions, done }: Registers, rows: Int32Array): boolean {
  const { call } = history;
  const { at } = versions;
  let latest: number = NONE;
  let place = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (done[row] < latest || !(at[row] > place)) return false;
    place = at[row];
    if (call[row] > latest) latest = call[row];
  }
  return true;
}

/** Calls `look` for each row with the extreme one among those before it whose versions are not the same. */
function eachWithExtreme(
  rows: Int32Array,
  at: Float64Array,
  extreme: (a: number, b: number) => number,
  look: (row: number, best: number) => void,
): void {
  let best = NONE;
  let from = 0;
  for (let i = 0; i < rows.length; i++) {
    for (; at[rows[from]] !== at[rows[i]]; from++) best = best === NONE ? rows[from] : extreme(best, rows[from]);
    if (best !== NONE) look(rows[i], best);
  }
}

/** Keys of which a write of a lower term was asked for after one of a higher term had taken effect. */
function crossedKeys(registers: Registers, { lists }: Versioned): Uint8Array | undefined {
  const { history, versions, done, seen } = registers;
  const { key, call, keys } = history;
  if (lists.count < 2) return undefined;
  const terms = termsOf(versions, lists);
  if (terms.length < 2) return undefined;
  let crossed: Uint8Array | undefined;
  /** By key: when the last one of a lower term was asked for, and the last one that was read. */
  const latest = new Int32Array(keys.length).fill(NONE);
  const latestSeen = new Int32Array(keys.length).fill(NONE);
  const note = (list: number): void => {
    for (let i = lists.start[list]; i < lists.start[list + 1]; i++) {
      const row = lists.rows[i];
      if (versions.group[row] === NONE) continue; // withdrawn
      latest[key[row]] = Math.max(latest[key[row]], call[row]);
      if (seen[row] === 1) latestSeen[key[row]] = Math.max(latestSeen[key[row]], call[row]);
    }
  };
  const look = (list: number): void => {
    for (let i = lists.start[list]; i < lists.start[list + 1]; i++) {
      const row = lists.rows[i];
      const k = key[row];
      if (versions.group[row] === NONE || done[row] >= latest[k]) continue;
      crossed ??= new Uint8Array(keys.length);
      if (crossed[k] !== CROSSED_AND_SEEN) crossed[k] = done[row] < latestSeen[k] ? CROSSED_AND_SEEN : CROSSED;
    }
  };
  let noted = 0;
  terms.forEach(({ list, group }, i) => {
    if (i > 0 && terms[i - 1].group !== group) {
      latest.fill(NONE);
      latestSeen.fill(NONE);
      noted = i;
    }
    for (; terms[noted].term < terms[i].term; noted++) note(terms[noted].list);
    look(list);
  });
  return crossed;
}

/** The lists of writes whose histories are numbered, by group, and there by term. */
function termsOf({ group, history }: Places, { rows, start, count }: Lists) {
  const terms: { readonly list: number; readonly group: number; readonly term: number }[] = [];
  for (let list = 0; list < count; list++) {
    const first = rows.subarray(start[list], start[list + 1]).find((row) => group[row] !== NONE);
    const term = first === undefined ? Number.NaN : termOf(history[first]);
    if (first !== undefined && !Number.isNaN(term)) terms.push({ list, group: group[first], term });
  }
  return terms.sort((a, b) => a.group - b.group || a.term - b.term);
}
