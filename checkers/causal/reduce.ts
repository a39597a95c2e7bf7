/**
 * What an anomaly shows, confirmed and made as small as it can be: the operations shown are judged again, as a history of their own.
 * They must be wrong in the same way without any of the others; and then one unit after the other is left out (a read, a failed cas, or a
 * write with all that found its value), and stays out if what is left is still wrong in that way. Delta debugging (Zeller 1999), where
 * there are many at first.
 *
 * What is left out this way takes demands away and adds none, with one exception: a failed cas that does not say what it found needs the
 * writes that may explain it. With it, these stay.
 */
import type { History, Operation } from '../../history/history.ts';
import { INFO, NONE, READ } from '../../history/history.ts';
import { historyOf } from '../../history/table.ts';
import type { Anomaly, Budget, Semantics, Verdict } from '../checker.ts';
import { DENIES, found, READS, reference, SWAPS } from '../linearizable/register.ts';
import { type Units, unitOf, unitsOf } from './units.ts';

/** How many rows may be judged again, all anomalies together: about a second. */
const ROWS_JUDGED = 2_000_000;
/** So much a judgement costs besides its rows. */
const ROWS_A_JUDGEMENT = 200;
/** Up to how many rows all of a history is tried, where nothing less does. */
const WHOLE_MAX = 4000;
/** From how many rows on an anomaly is not as short as it should be; how many rows before its last are tried instead. */
const SHOWN_MANY = 60;
const WINDOWS = [200, 1000, 5000, 25_000] as const;
/** A failed cas keeps at most so many writes beside it. */
const WITNESSES_MAX = 40;

export type Judge = (history: History, budget: Budget, semantics: Semantics) => Verdict;

/** The verdict of `judge`, its anomalies made small. */
export function smallest(history: History, budget: Budget, semantics: Semantics, judge: Judge): Verdict {
  const verdict = judge(history, budget, semantics);
  if (verdict.type !== 'invalid') return verdict;
  const reducer = new Reducer(history, budget, semantics, judge, verdict.anomalies);
  const [first, ...rest] = verdict.anomalies;
  return { ...verdict, anomalies: [reducer.reduce(first), ...rest.map((anomaly) => reducer.reduce(anomaly))] };
}

/** Rows of a history that are wrong, and how. */
interface Wrong {
  readonly rows: readonly number[];
  readonly anomaly: Anomaly;
}

class Reducer {
  readonly #history: History;
  readonly #budget: Budget;
  readonly #semantics: Semantics;
  readonly #judge: Judge;
  readonly #units: Units;
  /** By the index that operations of anomalies have. */
  readonly #rowsAt = new Map<number, number[]>();
  /** By key and value; only where it is needed. */
  #writesByPair: Map<number, number[]> | undefined;
  #left = ROWS_JUDGED;

  constructor(history: History, budget: Budget, semantics: Semantics, judge: Judge, anomalies: readonly Anomaly[]) {
    this.#history = history;
    this.#budget = budget;
    this.#semantics = semantics;
    this.#judge = judge;
    this.#units = unitsOf(history, semantics);
    for (const { operations } of anomalies) for (const { index } of operations) this.#rowsAt.set(index, []);
    const { call, eventIndex } = history;
    for (let row = 0; row < history.length; row++) {
      this.#rowsAt.get(eventIndex === undefined ? call[row] : eventIndex[call[row]])?.push(row);
    }
  }

  reduce(anomaly: Anomaly): Anomaly {
    const shown = this.#rowsOf(anomaly);
    for (const candidate of this.#candidates(shown)) {
      if (this.#lacksWitnesses(candidate)) return anomaly;
      if (this.#left < candidate.length || candidate.length === 0) continue;
      const part = partOf(this.#history, candidate);
      const all = Array.from({ length: part.length }, (_, row) => row);
      const found = this.#wrong(part, all, anomaly.kind);
      if (found === undefined) continue;
      const { rows, anomaly: said } = this.#shrink(part, found);
      return { ...anomaly, sentence: said.sentence, operations: rows.map((row) => part.operation(row)) };
    }
    return anomaly;
  }

  /** Rows that may be enough, fewer first. */
  *#candidates(shown: readonly number[]): Generator<readonly number[]> {
    const { history, active } = this.#units;
    if (shown.length > SHOWN_MANY) {
      // More than were found to be needed: the last of them hardly needs more than what came shortly before it.
      const last = Math.max(...shown);
      for (const size of WINDOWS) {
        const window: number[] = [];
        for (let row = Math.max(0, last - size); row <= last; row++) {
          if (active[unitOf(history, row)] === 1) window.push(row);
        }
        yield this.#closed(window);
      }
    }
    yield this.#closed(shown);
    const keys = new Set(shown.map((row) => history.key[row]));
    const onKeys = (row: number): boolean => keys.has(history.key[row]) && active[unitOf(history, row)] === 1;
    if (this.#left > history.length) {
      const writes: number[] = [];
      for (let row = 0; row < history.length; row++) if (onKeys(row) && this.#leaves(row)) writes.push(row);
      yield this.#closed([...shown, ...writes]);
    }
    if (history.length <= WHOLE_MAX) yield Array.from({ length: history.length }, (_, row) => row);
  }

  #rowsOf({ operations }: Anomaly): readonly number[] {
    const { history } = this.#units;
    const text = ({ key, value }: Operation): string => JSON.stringify([key, value]);
    const rows = new Set<number>();
    for (const operation of operations) {
      // Those of a transaction share an index.
      for (const row of this.#rowsAt.get(operation.index) ?? []) {
        if (text(history.operation(row)) === text(operation)) rows.add(row);
      }
    }
    return [...rows].sort((a, b) => a - b);
  }

  #leaves(row: number): boolean {
    const { f, outcome } = this.#history;
    return f[row] !== 0 && outcome[row] !== 1;
  }

  /** With the writes that were read, proof that what is unknown happened, and what may explain a refusal. */
  #closed(shown: readonly number[]): readonly number[] {
    const { history, source, deeds, active } = this.#units;
    const rows = new Set(shown);
    const left = [...rows];
    const add = (row: number): void => {
      if (rows.has(row)) return;
      rows.add(row);
      left.push(row);
    };
    for (let row = left.pop(); row !== undefined; row = left.pop()) {
      if (source[row] >= 0) add(source[row]);
      // With fewer writes of its value, it would be known which of them it read.
      if (source[row] === NONE && this.#units.doubt !== undefined) {
        for (const other of this.#alike(row)) add(other);
      }
      if (deeds[row] === DENIES) {
        for (const other of this.#witnesses(row)) add(other);
      }
      const unit = unitOf(history, row);
      if (
        history.outcome[unit] === INFO &&
        active[unit] === 1 &&
        ![...rows].some((other) => this.#proves(other, unit))
      ) {
        const proof = this.#proofOf(unit);
        if (proof !== NONE) add(proof);
      }
    }
    return [...rows].sort((a, b) => a - b);
  }

  /** The writes that a read can have found. */
  #alike(read: number): readonly number[] {
    const { history } = this.#units;
    const what = pairFound(this.#units, read);
    if (what === undefined) return [];
    if (this.#writesByPair === undefined) {
      this.#writesByPair = new Map();
      for (let row = 0; row < history.length; row++) {
        if (!this.#leaves(row)) continue;
        const pair = pairLeft(this.#units, row);
        const rows = this.#writesByPair.get(pair) ?? [];
        rows.push(row);
        this.#writesByPair.set(pair, rows);
      }
    }
    return this.#writesByPair.get(what) ?? [];
  }

  /** The writes that may be what a refused cas found, unless they are too many. */
  #witnesses(denial: number): readonly number[] {
    const { history, writesOf } = this.#units;
    const key = history.key[denial];
    if (writesOf[key] > WITNESSES_MAX) return [];
    const writes: number[] = [];
    for (let row = 0; row < history.length; row++) if (history.key[row] === key && this.#leaves(row)) writes.push(row);
    return writes;
  }

  #lacksWitnesses(rows: readonly number[]): boolean {
    const { history, deeds, writesOf } = this.#units;
    return rows.some((row) => deeds[row] === DENIES && writesOf[history.key[row]] > WITNESSES_MAX);
  }

  #proves(row: number, unit: number): boolean {
    const { history, source } = this.#units;
    return source[row] >= 0 && unitOf(history, source[row]) === unit && history.outcome[row] !== INFO;
  }

  /** A row that found what a unit wrote: one that was answered, if there is any. */
  #proofOf(unit: number): number {
    const { history, source } = this.#units;
    let best = NONE;
    for (let row = 0; row < history.length; row++) {
      if (this.#proves(row, unit)) return row;
      if (best === NONE && source[row] >= 0 && unitOf(history, source[row]) === unit) best = row;
    }
    return best;
  }

  /** What is left when nothing more can be left out. */
  #shrink(part: History, whole: Wrong): Wrong {
    const units = unitsOf(part, this.#semantics);
    let known = whole;
    for (let size = Math.max(1, known.rows.length >> 1); size >= 1; size >>= 1) {
      for (let from = 0; from < known.rows.length && this.#left > 0; ) {
        const gone = withReaders(units, known.rows, known.rows.slice(from, from + size));
        const rest = known.rows.filter((row) => !gone.has(row));
        const less = keepsWitnesses(units, known.rows, rest) ? this.#wrong(part, rest, known.anomaly.kind) : undefined;
        if (less === undefined) from += size;
        else known = less;
        // What could not go before may go now.
        if (less !== undefined && size === 1) from = 0;
      }
    }
    return known;
  }

  #wrong(part: History, rows: readonly number[], kind: string): Wrong | undefined {
    this.#left -= rows.length + ROWS_A_JUDGEMENT;
    if (rows.length === 0 || this.#budget.spent() !== undefined) return undefined;
    const kept = new Set(rows);
    const verdict = this.#judge(
      rows.length === part.length ? part : part.filter((row) => kept.has(row)),
      this.#budget,
      this.#semantics,
    );
    if (verdict.type !== 'invalid') return undefined;
    const anomaly = verdict.anomalies.find((one) => one.kind === kind);
    return anomaly === undefined ? undefined : { rows, anomaly };
  }
}

/** These rows as a history, with no other keys than theirs. */
function partOf(history: History, rows: readonly number[]): History {
  const kept = new Set(rows);
  const part = history.filter((row) => kept.has(row));
  const numbers = new Map<number, number>();
  const key = part.key.map((k) => {
    const number = numbers.get(k) ?? numbers.size;
    numbers.set(k, number);
    return number;
  });
  return historyOf({ ...part, key, keys: [...numbers.keys()].map((k) => history.keys[k]) });
}

/** These rows, and whatever found what they wrote, or may have; of cas, what found what those wrote, too. */
function withReaders(units: Units, rows: readonly number[], some: readonly number[]): ReadonlySet<number> {
  const { history, source, doubt } = units;
  const gone = new Set(some);
  const mayHaveFound = (other: number, row: number): boolean =>
    doubt !== undefined &&
    source[other] === NONE &&
    history.f[row] !== READ &&
    pairFound(units, other) === pairLeft(units, row);
  // A set grows while it is gone through.
  for (const row of gone) {
    for (const other of rows) if (source[other] === row || mayHaveFound(other, row)) gone.add(other);
  }
  return gone;
}

/** What a row found, as a number of key and value; undefined where it says nothing of that. */
function pairFound({ history, reading, deeds }: Units, row: number): number | undefined {
  if (deeds[row] === READS) return pairOf(history.key[row], found(history, reading, row));
  return deeds[row] === SWAPS ? pairOf(history.key[row], reference(reading, history.expected[row])) : undefined;
}

function pairLeft({ history, reading }: Units, row: number): number {
  return pairOf(history.key[row], reference(reading, history.value[row]));
}

function pairOf(key: number, ref: number): number {
  return key * 2 ** 32 + (ref >>> 0);
}

/** Whether each failed cas that does not say what it found still has the writes that may explain it. */
function keepsWitnesses({ history, deeds }: Units, rows: readonly number[], rest: readonly number[]): boolean {
  const left = new Set(rest);
  return rest.every((denial) => {
    if (deeds[denial] !== DENIES) return true;
    const isWitness = (row: number): boolean =>
      history.key[row] === history.key[denial] && history.f[row] !== 0 && history.outcome[row] !== 1;
    return rows.every((row) => left.has(row) || !isWitness(row));
  });
}
