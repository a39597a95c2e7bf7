/** What no order explains, as found by a search that tried them all. */
import { NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import type { Case } from '../causal/judge.ts';
import { endOf } from '../causal/units.ts';
import { anomalyOf, did } from '../causal/words.ts';
import { ROWS_TOLD, tellNoOrder } from './reasons.ts';
import { GONE, OneOrder } from './search.ts';

/** Up to how many reads the fewest are sought that cannot stand together. */
const READS_TRIED = 400;
const SAID = 8;

/** How a sentence is made of the reads that cannot all stand. */
type Say = (reads: readonly number[]) => string;

/** The reads, besides those `hidden`, that cannot all stand, none of which can be left out; of very many, all. */
export function explainNoOrder(
  at: Case,
  hidden: Uint8Array,
  say: Say = (reads) => tell(at, rowsWith(at, reads)),
): Anomaly {
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
  return anomalyOf(history, 'no one order', say(kept), rowsWith(at, kept));
}

/** What these units read cannot all stand. */
export function explainForced(at: Case, units: readonly number[]): Anomaly {
  const { history } = at.units;
  const own = units.flatMap((unit) => Array.from({ length: endOf(history, unit) - unit }, (_, i) => unit + i));
  const rows = rowsWith(at, own);
  return anomalyOf(history, 'no one order', tell(at, rows), rows);
}

/** `No one order of all writes and the operations of session a explains this: …`, where only that session's reads have to stand. */
export function sayReads(at: Case, reads: readonly number[], ofWhat: string): string {
  const said = reads.slice(0, SAID).map((read) => `${at.threads.name(read)} ${did(at, read)}`);
  const more = reads.length > said.length ? `; and ${reads.length - said.length} more` : '';
  return `No one order of ${ofWhat} explains this: ${said.join('; ')}${more}.`;
}

/** With what they read. */
function rowsWith({ units }: Case, rows: readonly number[]): readonly number[] {
  return [...new Set(rows.flatMap((row) => [row, units.source[row]]))].filter((row) => row >= 0);
}

/** Of a history that is all needed, all of it. */
function tell({ units, threads }: Case, rows: readonly number[]): string {
  const { length } = units.history;
  return tellNoOrder(units, threads, length <= ROWS_TOLD ? Array.from({ length }, (_, row) => row) : rows);
}
