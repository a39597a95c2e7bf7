/**
 * Histories that leave open which of several overlapping reads of a process got which answer.
 *
 * Linearizability is judged for the best dealing of the answers: a history is invalid only if no dealing can stand. Keys are
 * dealt one by one, for neither an answer nor the guarantee reaches beyond its key (Herlihy & Wing 1990, locality).
 */
import { type Choice, Dealer, type Dealing } from '../history/dealing.ts';
import { type History, OK } from '../history/history.ts';
import type { Budget, Verdict } from './checker.ts';

/** Of one key. */
const DEALINGS_MAX = 1024;

/**
 * The verdict of a judge of linearizability on a history of which processes may overlap. Anomalies are, where there are
 * such, those that hold for every dealing; else those of the dealing to the oldest reads.
 *
 * @param history as it was read, with answers dealt to the oldest
 * @param isJudged which of its rows are judged
 */
export function judgeDealings(
  history: History,
  dealing: Dealing,
  budget: Budget,
  judge: (history: History) => Verdict,
  isJudged: (row: number) => boolean = () => true,
): Verdict {
  const { choices } = dealing;
  const first = judge(history.filter(isJudged));
  if (first.type !== 'invalid' || choices.length === 0) return first;
  const unsure = new Set(choices.flatMap(({ rows }) => rows));
  const certain = judge(history.filter((row) => isJudged(row) && !unsure.has(row)));
  if (certain.type === 'invalid') return certain;

  // How many reads an answer may belong to does not depend on where the answers before it went.
  const chosen = choices.map(() => 0);
  let doubt: Verdict | undefined;
  for (const key of new Set(choices.map((choice) => choice.key))) {
    const own = choices.flatMap((choice, at) => (choice.key === key ? [at] : []));
    const dealer = new Dealer(history, dealing, (row) => isJudged(row) && history.key[row] === key);
    for (let dealings = 1; ; dealings++) {
      const dealt = dealer.deal(chosen);
      if (dealt?.outcome.includes(OK) === false) break; // the answers came by reads that are not judged
      const verdict = dealt === undefined ? first : judge(dealt);
      if (verdict.type === 'valid') break;
      const spent = dealings < DEALINGS_MAX ? budget.spent() : `${DEALINGS_MAX} dealings tried`;
      if (verdict.type === 'invalid' && !step(chosen, own, choices)) return first;
      if (verdict.type === 'invalid' && spent === undefined) continue;
      // Another key may still be broken for certain.
      doubt ??=
        verdict.type === 'unknown' || spent === undefined
          ? verdict
          : { type: 'unknown', reason: undecided(history, key, spent), examined: verdict.examined };
      break;
    }
  }
  if (doubt !== undefined) return doubt;
  const last = judge(new Dealer(history, dealing, isJudged).deal(chosen) ?? history.filter(isJudged));
  // Each key stands by itself, those without choices too, or it would have been said by now.
  return last.type === 'invalid' ? { type: 'unknown', reason: TIED, examined: last.examined } : last;
}

const TIED =
  'reads that overlap in one process were answered, nobody knows which of them how, and operations on several keys at ' +
  'once tie those keys together';

/** Steps to the next dealing of these choices; false after the last one. */
function step(chosen: number[], own: readonly number[], choices: readonly Choice[]): boolean {
  for (const at of own) {
    if (++chosen[at] < choices[at].rows.length) return true;
    chosen[at] = 0;
  }
  return false;
}

const undecided = (history: History, key: number, spent: string): string =>
  `key ${String(history.keys[key])}: ${spent} before it was known which of the reads that overlap in one process ` +
  `got which answer`;
