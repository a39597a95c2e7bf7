/**
 * Histories that leave open which of several overlapping reads of a process got which answer.
 *
 * Linearizability is judged for the best dealing of the answers: a history is invalid only if no dealing can stand. Keys are
 * dealt one by one, for neither an answer nor the guarantee reaches beyond its key (Herlihy & Wing 1990, locality).
 */
import { HistoryBuilder } from '../history/builder.ts';
import type { History } from '../history/history.ts';
import type { Event } from '../history/operation.ts';
import type { Choice } from '../history/overlapping.ts';
import type { Budget, Verdict } from './checker.ts';

/** Of one key. Each costs a reading of all events. */
const DEALINGS_MAX = 1024;

interface Dealt {
  readonly history: History;
  readonly choices: readonly Choice[];
}

function deal(events: readonly Event[], chosen: readonly number[]): Dealt {
  const builder = new HistoryBuilder({ processes: 'overlapping' }, chosen);
  for (const event of events) builder.add(event);
  return { history: builder.build(), choices: builder.choices };
}

/**
 * The verdict of a judge of linearizability on events of which processes may overlap. Anomalies are, where there are such,
 * those that hold for every dealing; else those of the dealing to the oldest reads.
 *
 * @throws BadHistory for events that cannot be
 */
export function judgeDealings(events: readonly Event[], budget: Budget, judge: (history: History) => Verdict): Verdict {
  const { history, choices } = deal(events, []);
  const first = judge(history);
  if (first.type !== 'invalid' || choices.length === 0) return first;
  const unsure = new Set(choices.flatMap(({ rows }) => rows));
  const certain = judge(history.filter((row) => !unsure.has(row)));
  if (certain.type === 'invalid') return certain;

  // How many reads an answer may belong to does not depend on where the answers before it went.
  const chosen = choices.map(() => 0);
  for (const key of new Set(choices.map((choice) => choice.key))) {
    const own = choices.flatMap((choice, at) => (choice.key === key ? [at] : []));
    const ofKey = (dealt: History): Verdict => judge(dealt.filter((row) => dealt.key[row] === key));
    for (let dealings = 1; ; dealings++) {
      const verdict = ofKey(deal(events, chosen).history);
      if (verdict.type === 'valid') break;
      if (verdict.type === 'unknown') return verdict;
      if (!step(chosen, own, choices)) return first;
      const spent = dealings < DEALINGS_MAX ? budget.spent() : `${DEALINGS_MAX} dealings tried`;
      if (spent !== undefined)
        return { type: 'unknown', reason: undecided(history, key, spent), examined: verdict.examined };
    }
  }
  return judge(deal(events, chosen).history);
}

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
