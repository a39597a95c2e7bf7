/** The operations that convince: what explanations are made of. */
import type { Anomaly } from '../checker.ts';
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { READS, SILENT, SWAPS, WRITES, found, reference } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';
import { capital, deedOf } from './words.ts';

export interface Explainer {
  readonly history: History;
  readonly reading: RegisterReading;
  readonly survey: Survey;
}

export function anomaly(history: History, kind: string, sentence: string, rows: Iterable<number>): Anomaly {
  const ascending = [...new Set(rows)].filter((row) => row < history.length).sort((a, b) => a - b);
  return { kind, sentence: capital(sentence), operations: ascending.map((row) => history.operation(row)) };
}

/** The operation that returned first and the one called last among those of some clusters of one key. */
export function extremes(
  explainer: Explainer,
  key: number,
  clusters: readonly number[],
): { first: number; last: number } {
  const { history, reading, survey } = explainer;
  const values = new Set<number>();
  let first = NONE;
  let last = NONE;
  for (const c of clusters) {
    values.add(c < history.length ? reference(reading, history.value[c]) : reading.initial);
    if (c >= history.length) first = c;
  }
  const foundNothing = first === NONE;
  for (let row = 0; row < history.length; row++) {
    const what = survey.deeds[row];
    if (what === SILENT || history.key[row] !== key) continue;
    const ref =
      what === READS
        ? found(history, reading, row)
        : what === WRITES || what === SWAPS
          ? reference(reading, history.value[row])
          : undefined;
    if (ref === undefined || !values.has(ref)) continue;
    if (foundNothing && (first === NONE || history.ret[row] < history.ret[first])) first = row;
    if (last === NONE || history.call[row] > history.call[last]) last = row;
  }
  return { first, last };
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
