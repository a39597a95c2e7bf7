/** Sentences for clusters of which each would have to come before the other. */
import type { Anomaly } from '../checker.ts';
import { CAS, FAIL, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Finding } from './clusters.ts';
import type { Explainer } from './evidence.ts';
import { anomaly, extremes, seen, witnessesOf } from './evidence.ts';
import { READS, found, reference } from './register.ts';
import { call, deedOf, ret, show } from './words.ts';

/** By what went wrong last: a read of something old, a cas upon something old, a write that was read already. */
function kindOf(history: History, row: number): string {
  if (history.f[row] === WRITE) return 'read before write';
  return history.f[row] === CAS && history.outcome[row] !== FAIL ? 'stale cas' : 'stale read';
}

export function chainAgainstTime(
  explainer: Explainer,
  finding: Finding & { readonly type: 'chain against time' },
): Anomaly {
  const { history } = explainer;
  const { earlier, later, chain, key } = finding;
  const { last } = extremes(explainer, key, [earlier]);
  const { first } = extremes(explainer, key, [later]);
  const between = chain.slice(chain.indexOf(earlier) + 1, chain.indexOf(later) + 1);
  const witnesses = witnessesOf(
    explainer,
    between.filter((row) => row !== first),
  ).filter((row) => row !== first);
  const old = show(history.values.get(clusterValue(explainer, earlier)));
  const itself = between.length === 1 && between[0] === first;
  const because = itself ? '' : `: ${listed(history, between)}${seen(history, witnesses)}`;
  const sentence =
    `${deedOf(history, last)} was asked for${call(history, last)}, although ${deedOf(history, first)} had shown` +
    `${ret(history, first)} that ${old} was over${because}.`;
  return anomaly(history, kindOf(history, last), sentence, [last, first, ...between, ...witnesses]);
}

export function crossing(explainer: Explainer, finding: Finding & { readonly type: 'crossing' }): Anomaly {
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
  const links = [...linking(explainer, finding.one, one), ...linking(explainer, finding.other, other)];
  const old = show(history.values.get(valueOf(explainer, stale.last)));
  const older =
    stale.first >= history.length
      ? `${old} ${links.length === 0 ? 'is' : 'follows from'} the initial value`
      : `${old} is the older value, for ${did(fresh.last)} was asked for after ${did(stale.first)} was over${ret(history, stale.first, ', at ')}`;
  const witnesses = witnessesOf(explainer, links);
  const joined = links.length === 0 ? '' : ` (joined by ${listed(history, links)}${seen(history, witnesses)})`;
  const sentence =
    `${did(stale.last)} was asked for${call(history, stale.last)}, after ${did(fresh.first)} was over` +
    `${ret(history, fresh.first, ', at ')}; yet ${older}${joined}.`;
  const rows = [stale.first, stale.last, fresh.first, fresh.last, ...links, ...witnesses];
  return anomaly(history, kindOf(history, stale.last), sentence, rows);
}

const NAMED = 4;

function listed(history: History, rows: readonly number[]): string {
  return rows.length <= NAMED
    ? rows.map((row) => deedOf(history, row)).join(', then ')
    : `the ${rows.length} cas shown`;
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
