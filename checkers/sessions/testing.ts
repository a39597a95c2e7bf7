/** What the tests of these checkers share. Not for production code. */
import { h } from '../../history/testing.ts';
import { type Checker, defaultSemantics, type Semantics, unlimited, type Verdict } from '../checker.ts';

/** The verdict on a history in the notation of history/testing.ts. */
export function judge(checker: Checker, lines: readonly string[], semantics: Partial<Semantics> = {}): Verdict {
  return checker.check(h(...lines), unlimited, { ...defaultSemantics, ...semantics });
}

/** The sentences of an invalid verdict, the reason of an unknown one, nothing of a valid one. */
export function sentences(verdict: Verdict): readonly string[] {
  if (verdict.type === 'valid') return [];
  return verdict.type === 'unknown'
    ? [`unknown: ${verdict.reason}`]
    : verdict.anomalies.map(({ sentence }) => sentence);
}

/** Journal indices of the operations of the first anomaly. */
export function evidence(verdict: Verdict): readonly number[] {
  return verdict.type === 'invalid' ? verdict.anomalies[0].operations.map(({ index }) => index) : [];
}
