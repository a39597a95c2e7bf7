/** The operations that convince: what explanations are made of. */
import type { Anomaly } from '../checker.ts';
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { pendingBetween } from '../explain/nearby.ts';
import type { Whole } from '../explain/whole.ts';
import type { Clusters } from './clusters.ts';
import { READS, SILENT, SWAPS, found, reference } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';
import { capital, deedOf, legible } from './words.ts';

export interface Explainer {
  readonly history: History;
  readonly reading: RegisterReading;
  readonly survey: Survey;
  readonly ends: Pick<Clusters, 'first' | 'last'>;
}

export function anomaly(
  history: History,
  kind: string,
  sentence: string,
  rows: Iterable<number>,
  whole: Pick<Whole, 'operation'> = history,
): Anomaly {
  const ascending = [...new Set(rows)].filter((row) => row < history.length).sort((a, b) => a - b);
  return { kind, sentence: legible(capital(sentence)), operations: ascending.map((row) => whole.operation(row)) };
}

/** The operation that returned first and the one called last among those of some clusters of one key. */
export function extremes(
  explainer: Explainer,
  key: number,
  clusters: readonly number[],
): { first: number; last: number } {
  const { history, reading } = explainer;
  const { length, ret, call } = history;
  let [first, last] = [NONE, NONE];
  let foundNothing = true;
  const values = new Set<number>();
  for (const c of clusters) {
    values.add(c < length ? reference(reading, history.value[c]) : reading.initial);
    if (c < length) continue;
    first = c;
    foundNothing = false;
  }
  for (const row of rowsAbout(explainer, key, values, clusters)) {
    if (foundNothing && (first === NONE || ret[row] < ret[first])) first = row;
    if (last === NONE || call[row] > call[last]) last = row;
  }
  return { first, last };
}

/** Rows of a key that wrote or found one of these values, those of `clusters`; ascending. */
export function rowsAbout(
  { history, reading, survey, ends }: Explainer,
  key: number,
  values: Pick<ReadonlySet<number>, 'has'> & Iterable<number>,
  clusters: readonly number[],
): number[] {
  const { value, key: keyOf } = history;
  const { deeds } = survey;
  // Most are told apart by one comparison: a set is asked about those between the lowest and the highest value only.
  let [low, high] = [0x7fffffff, -0x80000000];
  for (const ref of values) {
    if (ref < low) low = ref;
    if (ref > high) high = ref;
  }
  // All of a cluster is called by its latest call, and returns no sooner than its earliest return.
  let [since, latest] = [NEVER, -1];
  for (const c of clusters) {
    if (ends.first[c] < since) since = ends.first[c];
    if (ends.last[c] > latest) latest = ends.last[c];
  }
  const rows: number[] = [];
  pendingBetween(history, since, latest + 1, (row) => {
    const what = deeds[row];
    if (what === SILENT || what > SWAPS || keyOf[row] !== key) return;
    const ref = what === READS ? found(history, reading, row) : reference(reading, value[row]);
    if (ref >= low && ref <= high && values.has(ref)) rows.push(row);
  });
  return rows;
}

/** For each cas of unknown outcome, operations that show that it happened; other such cas may lead on to them. */
export function witnessesOf(explainer: Explainer, rows: readonly number[]): number[] {
  const { history } = explainer;
  const unproven = rows.filter((row) => row < history.length && history.ret[row] === NEVER);
  const witnesses = new Set(unproven.flatMap((row) => proofOf(explainer, row, new Set([row])) ?? []));
  return [...witnesses].filter((row) => !rows.includes(row));
}

/** A chain of cas that ends with something answered, which found the value of `row`; undefined where there is none. */
function proofOf(explainer: Explainer, row: number, asked: Set<number>): number[] | undefined {
  const { history, reading, survey } = explainer;
  const ref = reference(reading, history.value[row]);
  const doubtful: number[] = [];
  for (let other = 0; other < history.length; other++) {
    if (history.key[other] !== history.key[row]) continue;
    const what = survey.deeds[other];
    if (what === READS && found(history, reading, other) === ref) return [other];
    if (what !== SWAPS || reference(reading, history.expected[other]) !== ref) continue;
    if (history.ret[other] !== NEVER) return [other];
    doubtful.push(other);
  }
  for (const other of doubtful) {
    if (asked.has(other)) continue;
    asked.add(other);
    const proof = proofOf(explainer, other, asked);
    if (proof !== undefined) return [other, ...proof];
  }
  return undefined;
}

/** How it is known that something happened: `, as process 1's read of 2 from x shows`. */
export function seen(history: History, witnesses: readonly number[]): string {
  if (witnesses.length === 0) return '';
  return `, as ${witnesses.map((row) => deedOf(history, row)).join(', ')} ${witnesses.length === 1 ? 'shows' : 'show'}`;
}
