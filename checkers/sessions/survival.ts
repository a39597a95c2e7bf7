/**
 * Which writes are in the final state, and which were lost.
 *
 * A write is lost if the final read of its key shows an older one: then neither it nor anything after it is there. Where a newer write
 * covers it, positions may still tell. Terms never fall along a log, so two places of the final log confine the terms of all
 * places between: a write acknowledged at (2,118) is lost if the final log holds (3,115), and is there if the final log holds
 * (2,110) and (2,130).
 */
import { type History, NONE, OK, READ } from '../../history/history.ts';
import { defaultSemantics, type Semantics } from '../checker.ts';
import { positionsOf, termOf } from '../positions.ts';
import { isOfPosition } from './claims.ts';
import { epilogueOf } from './notes.ts';
import { INITIAL, Registers, UNWRITTEN } from './registers.ts';

export const SURVIVED = 1;
export const LOST = 2;
/** Newer writes of its key cover it, and no position tells. */
export const COVERED = 3;
/** Its key has no answered final read that was asked for after it had taken effect, and no position tells. */
export const NOT_READ_BACK = 4;

export interface Survival {
  /** For each key the row of its last answered final read, or NONE. */
  readonly finals: Int32Array;
  /** For each row, if it is a write that may have happened; else 0. An unacknowledged one is LOST only where it is proven to be undone. */
  readonly fate: Uint8Array;
  /** For each lost write the final read that shows it. */
  readonly proof: Int32Array;
}

/** `undefined` where the history has no final reads. */
export function survivalOf(history: History, registers: Registers): Survival | undefined {
  const epilogue = epilogueOf(history);
  if (epilogue === undefined) return undefined;
  const finals = finalReads(history, epilogue);
  if (finals.every((row) => row === NONE)) return undefined;
  const fate = new Uint8Array(history.length);
  const proof = new Int32Array(history.length).fill(NONE);
  const attempts = new Int32Array(history.keys.length);
  for (let row = 0; row < history.length; row++) if (registers.isWrite(row)) attempts[history.key[row]]++;
  const log = registers.falseClaims.every(isOfPosition) ? new FinalLog(registers, finals) : undefined;
  for (let row = 0; row < history.length; row++) {
    if (!registers.isWrite(row)) continue;
    const final = finals[history.key[row]];
    const shown = final === NONE ? UNWRITTEN : registers.source[final];
    if (shown === row) {
      fate[row] = SURVIVED;
      continue;
    }
    // What had not certainly taken effect when it was asked for need not be in its answer.
    const isAsked = final !== NONE && registers.done[row] < history.call[final];
    const missing =
      isAsked &&
      (shown === INITIAL ||
        (shown >= 0 && registers.older(shown, row)) ||
        (shown === UNWRITTEN && attempts[history.key[row]] === 1));
    // One of unknown outcome may simply never have happened.
    const known = registers.isAcknowledged(row) || registers.seen[row] === 1;
    const told = missing ? { fate: LOST, read: final } : log?.fateOf(row);
    if (told !== undefined && (known || told.fate === SURVIVED)) {
      fate[row] = told.fate;
      proof[row] = told.read;
    } else fate[row] = isAsked ? COVERED : NOT_READ_BACK;
  }
  return { finals, fate, proof };
}

/**
 * The writes that were undone, whether acknowledged or only seen, as event positions of their invocations: these stay the same in
 * every filtered part of a history. Empty without final reads.
 */
export function undoneWrites(history: History, semantics: Semantics = defaultSemantics): ReadonlySet<number> {
  const undone = new Set<number>();
  if (epilogueOf(history) === undefined) return undone;
  const survival = survivalOf(history, new Registers(history, semantics));
  survival?.fate.forEach((fate, row) => {
    if (fate === LOST) undone.add(history.call[row]);
  });
  return undone;
}

/** The last answered read of each key after the epilogue began; reads of one node by name are not among them. */
function finalReads(history: History, epilogue: number): Int32Array {
  const finals = new Int32Array(history.keys.length).fill(NONE);
  const byName = history.paths.map((path) => path.startsWith('node:'));
  for (let row = 0; row < history.length; row++) {
    if (history.f[row] !== READ || history.outcome[row] !== OK || history.call[row] < epilogue) continue;
    if (history.path[row] === NONE || !byName[history.path[row]]) finals[history.key[row]] = row;
  }
  return finals;
}

interface Place {
  readonly at: number;
  readonly term: number;
  readonly read: number;
}

/** What final reads tell of the log that survived. */
class FinalLog {
  readonly #registers: Registers;
  /** By group: places of the log in ascending order, with the highest term up to each and the lowest from each on. */
  readonly #groups = new Map<
    number,
    { readonly places: readonly Place[]; readonly highest: Place[]; readonly lowest: Place[] }
  >();

  constructor(registers: Registers, finals: Int32Array) {
    this.#registers = registers;
    const { history, versions } = registers;
    const positions = positionsOf(history);
    const byGroup = new Map<number, Place[]>();
    const put = (group: number, place: Place): void => {
      if (group === NONE || Number.isNaN(place.term)) return;
      const list = byGroup.get(group);
      if (list === undefined) byGroup.set(group, [place]);
      else list.push(place);
    };
    for (const read of finals) {
      if (read === NONE) continue;
      const write = registers.source[read];
      if (write >= 0)
        put(versions.group[write], { at: versions.at[write], term: termOf(versions.history[write]), read });
      if (registers.doubtful?.[read] === 1) continue;
      // A position bounds what comes after it. What lies at it may be of an older term where a store names its current one.
      put(positions.group[read], { at: positions.at[read] + 0.5, term: termOf(positions.history[read]), read });
    }
    for (const [group, places] of byGroup) {
      places.sort((a, b) => a.at - b.at || a.term - b.term);
      const highest = running(places, (a, b) => a.term > b.term);
      // Terms never fall along one log, and no place of it is two: places that say so are not all of the one that survived.
      if (places.some(({ term }, i) => term < highest[i].term) || places.some(isTaken)) continue;
      const lowest = running([...places].reverse(), (a, b) => a.term < b.term).reverse();
      this.#groups.set(group, { places, highest, lowest });
    }
  }

  /** Undefined where the final log does not tell. */
  fateOf(write: number): { readonly fate: number; readonly read: number } | undefined {
    const { versions } = this.#registers;
    const group = this.#groups.get(versions.group[write]);
    const term = termOf(versions.history[write]);
    if (group === undefined || Number.isNaN(term)) return undefined;
    const { places, highest, lowest } = group;
    const at = versions.at[write];
    const after = firstAbove(places, at);
    const below = after === 0 ? undefined : highest[after - 1];
    let from = after;
    while (from > 0 && places[from - 1].at === at) from--;
    const above = lowest[from];
    if (below !== undefined && below.term > term) return { fate: LOST, read: below.read };
    if (above !== undefined && above.term < term) return { fate: LOST, read: above.read };
    return below?.term === term && above?.term === term ? { fate: SURVIVED, read: above.read } : undefined;
  }
}

/** Whether the place before, in their order, is the same one in another term; positions lie between places. */
function isTaken({ at, term }: Place, i: number, places: readonly Place[]): boolean {
  return i > 0 && places[i - 1].at === at && places[i - 1].term !== term && Number.isInteger(at);
}

function running(places: readonly Place[], better: (a: Place, b: Place) => boolean): Place[] {
  let best = places[0];
  return places.map((place) => (best = better(place, best) ? place : best));
}

/** The number of places up to and including `at`. */
function firstAbove(places: readonly Place[], at: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle].at <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
