/**
 * Clusters: each write of a value that is written once, with the operations that found that value (Gibbons and Korach,
 * Testing Shared Memories, 1997). A cluster is named by the row of its write; the cluster of the initial value of key k,
 * written before everything, by `history.length + k`.
 */
import { NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { ABSURD, READS, SWAPS, WRITES, found, reference } from './register.ts';
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

  add(finding: Finding): void {
    if (this.perKey[finding.key]++ === 0 && this.first.length < FINDINGS_KEPT) this.first.push(finding);
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
}

export function cluster(history: History, reading: RegisterReading, survey: Survey, findings: Findings): Clusters {
  const { length, key, call, ret, value, keys } = history;
  const { deeds } = survey;
  const first = new Int32Array(length + keys.length);
  const last = new Int32Array(length + keys.length);
  first.fill(-1, length);
  last.fill(-1, length);
  const table = new WriteTable(survey.writesOf, survey.lowest, survey.highest);
  const repeated = new Uint8Array(keys.length);
  for (let row = 0; row < length; row++) {
    const what = deeds[row];
    if (what !== WRITES && what !== SWAPS) continue;
    const ref = reference(reading, value[row]);
    if (ref === reading.initial || !table.add(key[row], ref, row)) repeated[key[row]] = 1;
    first[row] = ret[row];
    last[row] = call[row];
  }
  const of = (k: number, ref: number): number => (ref === reading.initial ? length + k : table.get(k, ref));
  for (let row = 0; row < length; row++) {
    const what = deeds[row];
    if (what !== READS && what !== ABSURD) continue;
    const k = key[row];
    if (repeated[k] === 1 || survey.foreign[k] !== NONE) continue;
    if (what === ABSURD) {
      findings.add({ type: 'refused without cause', key: k, row });
      continue;
    }
    const c = of(k, found(history, reading, row));
    if (c === NONE) {
      findings.add({ type: 'never written', key: k, row });
      continue;
    }
    if (c < length && ret[row] < call[c]) findings.add({ type: 'read before write', key: k, row, cluster: c });
    if (ret[row] < first[c]) first[c] = ret[row];
    if (call[row] > last[c]) last[c] = call[row];
  }
  for (let k = 0; k < keys.length; k++) if (survey.foreign[k] !== NONE) repeated[k] = 1;
  return { repeated, first, last, of };
}
