/** The mark and the word by which a run, or many, are known in lists. */
import type { RunRecord } from '../../results/record.ts';
import { verdictWord } from '../../results/summary.ts';
import { BAD_INPUT, HARNESS_FAILED } from '../errors.ts';
import { count } from '../table.ts';

export interface Mark {
  readonly sign: string;
  /** `kept`; `failed (kept)` */
  readonly word: string;
  /** The class of its colour. */
  readonly type: RunRecord['verdict'] | 'failed';
}

const SIGNS = { kept: '✓', broken: '✗', undecided: '?', failed: '!' } as const;

/** A run that went wrong vouches for nothing, whatever was judged. */
export function markOf(run: Pick<RunRecord, 'verdict' | 'exitCode'>): Mark {
  const type = run.exitCode === BAD_INPUT || run.exitCode === HARNESS_FAILED ? 'failed' : run.verdict;
  return { sign: SIGNS[type], word: verdictWord(run), type };
}

/** Of many runs, as of their exit codes: a failure of the harness hides no broken promise, and whatever was kept is behind it. */
export function markOfAll(verdict: RunRecord['verdict'], harnessFailures: number): Mark {
  const type = verdict !== 'broken' && harnessFailures > 0 ? 'failed' : verdict;
  return { sign: SIGNS[type], word: type, type };
}

/** `; 2 of them failed in the harness, and vouch for nothing` */
export function failedText(harnessFailures: number): string {
  if (harnessFailures === 0) return '';
  const vouch = harnessFailures === 1 ? 'vouches' : 'vouch';
  return `; ${count(harnessFailures)} of them failed in the harness, and ${vouch} for nothing`;
}
