/**
 * Clusters: each write of a value that is written once, with the operations that found that value (Gibbons and Korach,
 * Testing Shared Memories, 1997). A cluster is named by the row of its write; the cluster of the initial value of key k,
 * written before everything, by `history.length + k`.
 */
import { NEVER, NONE, NULL_REF, READ } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { ABSURD, READS, SILENT, SWAPS, found } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';
import { WriteTable } from './write-table.ts';

/** What is wrong, by rows and clusters; `explain.ts` makes sentences of it. */
export type Finding = { readonly key: number } & (
  | { readonly type: 'never written'; readonly row: number }
  | { readonly type: 'read before write'; readonly row: number; readonly cluster: number }
  | { readonly type: 'refused without cause'; readonly row: number }
  | { readonly type: 'swapped twice'; readonly row: number; readonly other: number }
  | { readonly type: 'swapped in a circle'; readonly rows: readonly number[] }
  /** `later` follows `earlier` by a chain of cas, yet an operation of `later` returned before one of `earlier` was called. */
  | {
      readonly type: 'chain against time';
      readonly earlier: number;
      readonly later: number;
      readonly chain: readonly number[];
    }
  /** Each of two chains (most are single clusters) would have to come before the other. */
  | { readonly type: 'crossing'; readonly one: readonly number[]; readonly other: readonly number[] }
  | { readonly type: 'refused in the midst'; readonly row: number; readonly cluster: number }
);

const FINDINGS_KEPT = 10;

/** Anomalies so far: all are counted by key, the first are kept. */
export class Findings {
  readonly perKey: Int32Array;
  readonly first: Finding[] = [];

  constructor(keys: number) {
    this.perKey = new Int32Array(keys);
  }

  /** A chain is as long as the history, and findings may be as many: what is not kept is not made. */
  add(key: number, finding: () => Finding): void {
    if (this.perKey[key]++ === 0 && this.first.length < FINDINGS_KEPT) this.first.push(finding());
  }
}

export interface Clusters {
  /** Per key: 1 where a value is written twice, or is the initial value; such keys have no clusters. */
  readonly repeated: Uint8Array;
  /** Per cluster: the earliest return of its operations (-1: before everything; NEVER) and the latest call. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** The cluster of a value; NONE where nothing wrote it. */
  of(key: number, ref: number): number;
  /** Operations that returned and overlapped another of their key that returned. */
  readonly concurrent: number;
}

/** Without what only the caller knows. */
type Ends = Pick<Clusters, 'repeated' | 'first' | 'last' | 'concurrent'>;

export function cluster(history: History, reading: RegisterReading, survey: Survey, findings: Findings): Clusters {
  const { length } = history;
  const { initial } = reading;
  const { deeds, foreign } = survey;
  const table = new WriteTable(history.key, survey.writesOf, survey.lowest, survey.highest);
  const waiting = new RowList();
  const ends = gather(history, reading, deeds, table, waiting);
  for (let k = 0; k < foreign.length; k++) if (foreign[k] !== NONE) ends.repeated[k] = 1;
  const of = (k: number, ref: number): number => (ref === initial ? length + k : table.get(k, ref));
  const clusters = { ...ends, of };
  for (const row of waiting.rows()) judgeWaiting(history, reading, clusters, deeds[row], row, findings);
  return clusters;
}

/**
 * One pass: a read mostly finds the write of its value among those called before it. The few that do not wait until all writes are
 * known. What the table would look up directly is looked up here, for this is where most of the time goes.
 */
function gather(
  history: History,
  reading: RegisterReading,
  deeds: Uint8Array,
  table: WriteTable,
  waiting: RowList,
): Ends {
  const { length, key, call, ret, value, actual, f } = history;
  const { initial, nullRead } = reading;
  const { slots, base, lowest, span, isShared } = table;
  const keys = history.keys.length;
  const first = new Int32Array(length + keys);
  const last = new Int32Array(length + keys);
  first.fill(-1, length);
  last.fill(-1, length);
  const repeated = new Uint8Array(keys);
  // Per key: the latest return so far, and that of the operation before, or -1 once that one has been counted.
  const latest = new Int32Array(keys).fill(-1);
  const uncounted = new Int32Array(keys).fill(-1);
  let concurrent = 0;
  for (let row = 0; row < length; row++) {
    const what = deeds[row];
    if (what === SILENT) continue;
    const k = key[row];
    const began = call[row];
    const ended = ret[row];
    if (what <= SWAPS) {
      let ref = what === READS && f[row] !== READ ? actual[row] : value[row];
      if (ref === NULL_REF && what === READS) ref = nullRead;
      const place = ref - lowest[k];
      const at = place >= 0 && place < span[k] ? base[k] + place : NONE;
      if (what === READS) {
        let c = at === NONE ? NONE : slots[at] - 1;
        if (ref === initial) c = length + k;
        else if (span[k] === 0 || (isShared && c !== NONE && key[c] !== k)) c = table.get(k, ref);
        if (c === NONE) waiting.add(row);
        else {
          // The smaller one, without a branch that nobody could predict. Rows are in the order of their calls.
          const sooner = (ended - first[c]) | 0;
          first[c] += sooner & (sooner >> 31);
          last[c] = began;
        }
      } else {
        if (at !== NONE && slots[at] === 0) slots[at] = row + 1;
        else if (!table.add(k, ref, row)) repeated[k] = 1;
        if (ref === initial) repeated[k] = 1;
        first[row] = ended;
        last[row] = began;
      }
    } else if (what === ABSURD) {
      waiting.add(row);
    }
    if (ended === NEVER) continue;
    if (began < uncounted[k]) concurrent++;
    if (began < latest[k]) {
      concurrent++;
      uncounted[k] = -1;
    } else {
      uncounted[k] = ended;
    }
    if (ended > latest[k]) latest[k] = ended;
  }
  return { repeated, first, last, concurrent };
}

/** A read that found no write of its value before it, or a refusal without cause. */
function judgeWaiting(
  history: History,
  reading: RegisterReading,
  { repeated, first, last, of }: Clusters,
  what: number,
  row: number,
  findings: Findings,
): void {
  const { length, call, ret } = history;
  const key = history.key[row];
  if (repeated[key] === 1) return;
  if (what === ABSURD) {
    findings.add(key, () => ({ type: 'refused without cause', key, row }));
    return;
  }
  const c = of(key, found(history, reading, row));
  if (c === NONE) {
    findings.add(key, () => ({ type: 'never written', key, row }));
    return;
  }
  if (c < length && ret[row] < call[c]) {
    findings.add(key, () => ({ type: 'read before write', key, row, cluster: c }));
  }
  if (ret[row] < first[c]) first[c] = ret[row];
  if (call[row] > last[c]) last[c] = call[row];
}

/** Row numbers, as many as come. */
class RowList {
  #rows = new Int32Array(256);
  #count = 0;

  add(row: number): void {
    if (this.#count === this.#rows.length) {
      const wider = new Int32Array(2 * this.#count);
      wider.set(this.#rows);
      this.#rows = wider;
    }
    this.#rows[this.#count++] = row;
  }

  rows(): Int32Array {
    return this.#rows.subarray(0, this.#count);
  }
}
