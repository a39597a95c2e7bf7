/** What no order explains, as found by a search that tried them all. */
import { NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import type { Case } from '../causal/judge.ts';
import { endOf } from '../causal/units.ts';
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
  return anomalyOf(
    history,
    'no one order',
    saidOf(at, kept, ofWhat),
    kept.flatMap((read) => [read, source[read]]),
  );
}

/** What these units read cannot all stand. */
export function explainForced(at: Case, units: readonly number[]): Anomaly {
  const { history, source } = at.units;
  const rows = units.flatMap((unit) => {
    const own = Array.from({ length: endOf(history, unit) - unit }, (_, i) => unit + i);
    return own.flatMap((row) => (source[row] >= 0 ? [row, source[row]] : [row]));
  });
  const reads = [...new Set(rows)].filter((row) => row >= 0 && source[row] !== NONE);
  return anomalyOf(history, 'no one order', saidOf(at, reads, 'all operations'), rows);
}

function saidOf(at: Case, reads: readonly number[], ofWhat: string): string {
  const said = reads.slice(0, SAID).map((read) => `${at.threads.name(read)} ${did(at, read)}`);
  const more = reads.length > said.length ? `; and ${reads.length - said.length} more` : '';
  return `No one order of ${ofWhat} explains this: ${said.join('; ')}${more}.`;
}
