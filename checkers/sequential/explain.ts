/** What no order explains, as found by a search that tried them all. */
import { NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import type { Case } from '../causal/judge.ts';
import { anomalyOf, did } from '../causal/words.ts';
import { GONE, OneOrder } from './search.ts';

/** Up to how many reads the fewest are sought that cannot stand together. */
const READS_TRIED = 400;
const SAID = 8;

/** The reads, besides those `hidden`, that cannot all stand, none of which can be left out; of very many, all. */
export function explainNoOrder(at: Case, hidden: Uint8Array, ofWhat: string): Anomaly {
  const { history, source } = at.units;
  const isRead = (row: number): boolean => source[row] !== NONE && hidden[row] === 0;
  const denials = at.past.denials.filter((row) => hidden[row] === 0);
  const reads = [...[...source.keys()].filter(isRead), ...denials];
  const left = hidden.slice();
  if (reads.length <= READS_TRIED) {
    for (const read of reads) {
      left[read] = GONE;
      if (at.budget.spent() !== undefined || new OneOrder(at, left).search(at.budget) !== 'none') left[read] = 0;
    }
  }
  const kept = reads.filter((read) => left[read] === 0);
  const said = kept.slice(0, SAID).map((read) => `${at.threads.name(read)} ${did(at, read)}`);
  const more = kept.length > said.length ? `; and ${kept.length - said.length} more` : '';
  return anomalyOf(
    history,
    'no one order',
    `No one order of ${ofWhat} explains this: ${said.join('; ')}${more}.`,
    kept.flatMap((read) => [read, source[read]]),
  );
}
