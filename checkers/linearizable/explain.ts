/** Sentences for what is wrong with a register, each with the fewest operations that convince. */
import type { Anomaly } from '../checker.ts';
import { CAS, FAIL, NONE, READ, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Finding } from './clusters.ts';
import { READS, SILENT, SWAPS, WRITES, found, reference } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';
import { call, capital, deedOf, ret, show } from './words.ts';

export interface Explainer {
  readonly history: History;
  readonly reading: RegisterReading;
  readonly survey: Survey;
}

export function anomaly(history: History, kind: string, sentence: string, rows: Iterable<number>): Anomaly {
  const ascending = [...new Set(rows)].filter((row) => row < history.length).sort((a, b) => a - b);
  return { kind, sentence: capital(sentence), operations: ascending.map((row) => history.operation(row)) };
}

export function explain(explainer: Explainer, finding: Finding): Anomaly {
  const { history } = explainer;
  const x = show(history.keys[finding.key]);
  const did = (row: number): string => deedOf(history, row);
  switch (finding.type) {
    case 'never written':
      return neverWritten(explainer, finding.row);
    case 'read before write': {
      const { row, cluster } = finding;
      const sentence = `${did(row)} was answered at ${ret(history, row)}, before ${did(cluster)} was asked for, at ${call(history, cluster)}.`;
      return anomaly(history, 'read before write', sentence, [row, cluster]);
    }
    case 'refused without cause': {
      const sentence = `${did(finding.row)}, the very value it expected.`;
      return anomaly(history, 'cas refused without cause', sentence, [finding.row]);
    }
    case 'swapped twice': {
      const { row, other } = finding;
      const value = show(history.values.get(reference(explainer.reading, history.expected[row])));
      const sentence = `${did(other)} and ${did(row)} both replaced ${value}, which ${x} held only once.`;
      const writer = writerOf(explainer, finding.key, reference(explainer.reading, history.expected[row]));
      return anomaly(history, 'value swapped twice', sentence, writer === NONE ? [row, other] : [row, other, writer]);
    }
    case 'swapped in a circle': {
      const sentence = `${finding.rows.map(did).join(', ')}: each found the value of another of them, so none could be the first.`;
      return anomaly(history, 'cas in a circle', sentence, finding.rows);
    }
    case 'refused in the midst': {
      const { row, cluster } = finding;
      const { first, last } = extremes(explainer, finding.key, [cluster]);
      const began = first < history.length ? `${did(first)}, over at ${ret(history, first)},` : 'the beginning';
      const sentence =
        `${did(row)} was refused for a mismatch, although ${x} held that value all along, from before its call ` +
        `(${began}) until after its answer (${did(last)}, asked for at ${call(history, last)}).`;
      return anomaly(history, 'cas refused without cause', sentence, [row, first, last]);
    }
    case 'chain against time':
      return chainAgainstTime(explainer, finding);
    case 'crossing':
      return crossing(explainer, finding);
  }
}

function neverWritten({ history, reading, survey }: Explainer, row: number): Anomaly {
  const { key, f, outcome, value } = history;
  const ref = survey.deeds[row] === SWAPS ? reference(reading, history.expected[row]) : found(history, reading, row);
  const text = show(history.values.get(ref));
  const x = show(history.keys[key[row]]);
  for (let other = 0; other < history.length; other++) {
    if (key[other] !== key[row] || outcome[other] !== FAIL || (f[other] !== WRITE && f[other] !== CAS)) continue;
    if (reference(reading, value[other]) !== ref) continue;
    const sentence = `${deedOf(history, row)} found ${text}, which never took effect on ${x}: ${deedOf(history, other)} was refused.`;
    return anomaly(history, 'read of a refused write', sentence, [row, other]);
  }
  const sentence = `${deedOf(history, row)} found ${text}, which nothing ever wrote to ${x}.`;
  return anomaly(history, 'read of a value never written', sentence, [row]);
}

function writerOf({ history, reading, survey }: Explainer, key: number, ref: number): number {
  for (let row = 0; row < history.length; row++) {
    const what = survey.deeds[row];
    if (
      (what === WRITES || what === SWAPS) &&
      history.key[row] === key &&
      reference(reading, history.value[row]) === ref
    ) {
      return row;
    }
  }
  return NONE;
}

/** The operation that returned first and the one called last among those of some clusters of one key. */
function extremes(explainer: Explainer, key: number, clusters: readonly number[]): { first: number; last: number } {
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

function chainAgainstTime(explainer: Explainer, finding: Finding & { readonly type: 'chain against time' }): Anomaly {
  const { history } = explainer;
  const { earlier, later, chain, key } = finding;
  const { last } = extremes(explainer, key, [earlier]);
  const { first } = extremes(explainer, key, [later]);
  const between = chain.slice(chain.indexOf(earlier) + 1, chain.indexOf(later) + 1);
  const by = between.map((row) => deedOf(history, row)).join(', then ');
  const sentence =
    `${deedOf(history, last)} was asked for at ${call(history, last)}, although that value had been replaced (${by}), ` +
    `as ${deedOf(history, first)} had shown at ${ret(history, first)}.`;
  return anomaly(history, history.f[last] === READ ? 'stale read' : 'stale cas', sentence, [last, first, ...between]);
}

function crossing(explainer: Explainer, finding: Finding & { readonly type: 'crossing' }): Anomaly {
  const { history } = explainer;
  const one = extremes(explainer, finding.key, finding.one);
  const other = extremes(explainer, finding.key, finding.other);
  // The operation called last is the one that came too late: it went back to a value that was over. The initial value
  // cannot but be the older one.
  const oneIsLate =
    one.first >= history.length || (other.first < history.length && history.call[one.last] > history.call[other.last]);
  const stale = oneIsLate ? one : other;
  const fresh = oneIsLate ? other : one;
  const did = (row: number): string => deedOf(history, row);
  const order =
    stale.first >= history.length
      ? 'the initial value, which came first'
      : `an older value: ${did(fresh.last)} was asked for after ${did(stale.first)} was over, at ${ret(history, stale.first)}`;
  const links = [...linking(explainer, finding.one, one), ...linking(explainer, finding.other, other)];
  const joined = links.length === 0 ? '' : `; ${links.map(did).join(', ')} joined the values`;
  const sentence =
    `${did(stale.last)} was asked for at ${call(history, stale.last)}, after ${did(fresh.first)} was over, ` +
    `at ${ret(history, fresh.first)}; yet that is ${order}${joined}.`;
  const rows = [stale.first, stale.last, fresh.first, fresh.last, ...links];
  return anomaly(history, history.f[stale.last] === READ ? 'stale read' : 'stale cas', sentence, rows);
}

/** The cas that join the clusters in which a block's first return and last call lie. */
function linking(explainer: Explainer, chain: readonly number[], ends: { first: number; last: number }): number[] {
  if (chain.length === 1) return [];
  const { history } = explainer;
  const place = (row: number): number =>
    chain.findIndex(
      (c) => c === row || (row < history.length && valueOf(explainer, row) === clusterValue(explainer, c)),
    );
  const from = Math.min(place(ends.first), place(ends.last));
  const to = Math.max(place(ends.first), place(ends.last));
  return chain.slice(from + 1, to + 1).filter((c) => c < history.length);
}

function valueOf({ history, reading, survey }: Explainer, row: number): number {
  return survey.deeds[row] === READS ? found(history, reading, row) : reference(reading, history.value[row]);
}

function clusterValue({ history, reading }: Explainer, c: number): number {
  return c < history.length ? reference(reading, history.value[c]) : reading.initial;
}
