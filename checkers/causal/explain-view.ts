/** Why a session can have no order of its own: the fewest of its reads that cannot all stand, and what they force. */
import { NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import type { Case } from './judge.ts';
import { endOf, INITIAL } from './units.ts';
import type { Views } from './views.ts';
import { anomalyOf, aside, did, keyText, tellConflict, tellPast, type Told, writeTo, written } from './words.ts';

const CLAUSES_MAX = 6;

/** How often parts of a view may still be tried. */
export interface Tries {
  left: number;
}

/** The fewest as far as tries last: without them, more than are needed. */
export function explainView(at: Case, views: Views, whole: Int32Array, tries: Tries): Anomaly {
  const line = shortestPart(at, views, whole, tries);
  const reads = fewestReads(at, views, line, tries);
  views.stands(line, at.budget, shownOf(at, reads));
  const { history, source } = at.units;
  /** Per pair of write and read what it forces; few, as the reads are few. */
  const told: Told[] = [];
  const said = new Set<number>();
  views.eachForced((before, after, read) => {
    if (said.has(read) || told.length >= CLAUSES_MAX) return;
    const write = writeTo(at, before, history.key[read]);
    const isKnown = tellPast(at, write, read).text !== '';
    if (!isKnown) return;
    said.add(read);
    if (after !== INITIAL) {
      told.push(tellConflict(at, { from: before, to: after, read }));
      return;
    }
    const past = tellPast(at, write, read);
    const text = `${at.threads.name(read)} ${did(at, read)} with ${written(at, write)} in its past${aside(past)}`;
    told.push({ text, rows: [write, read, ...past.rows] });
  });
  const rows = reads.flatMap((read) => (source[read] >= 0 ? [read, source[read]] : [read]));
  const others = reads.filter((read) => !said.has(read)).map((read) => `${at.threads.name(read)} ${did(at, read)}`);
  const more = others.length > CLAUSES_MAX ? [`and ${others.length - CLAUSES_MAX} more reads`] : [];
  const clauses = [...told.map(({ text }) => text), ...others.slice(0, CLAUSES_MAX), ...more];
  const where = keyText(history, reads[0]);
  const sentence =
    `No order of the writes in its past explains what ${at.threads.name(line[0])} read${reads.length === 1 ? ` from ${where}` : ''}: ` +
    `${clauses.join('; ')}.`;
  return anomalyOf(history, 'no order of its own', sentence, [...rows, ...told.flatMap((one) => one.rows)]);
}

function shownOf({ units }: Case, reads: readonly number[]): Uint8Array {
  const shown = new Uint8Array(units.history.length);
  for (const read of reads) shown[read] = 1;
  return shown;
}

/** The shortest beginning of a line that fails. What is short is quickly judged, so the search begins with the short. */
function shortestPart(at: Case, views: Views, line: Int32Array, tries: Tries): Int32Array {
  const fails = (length: number): boolean => {
    tries.left--;
    return views.stands(line.subarray(0, length), at.budget) === false;
  };
  let high = 8;
  while (high < line.length && !fails(high)) high *= 2;
  let low = high === 8 ? 0 : high >> 1;
  high = Math.min(high, line.length);
  while (low + 1 < high && tries.left > 0) {
    const middle = (low + high) >> 1;
    if (fails(middle)) high = middle;
    else low = middle;
  }
  return line.subarray(0, high);
}

/** Reads that cannot stand together, though any part of them can: the last read of the shortest prefix that fails, and again. */
function fewestReads(at: Case, views: Views, line: Int32Array, tries: Tries): readonly number[] {
  const { history, source } = at.units;
  let candidates: number[] = [];
  for (const unit of line) {
    for (let row = unit, end = endOf(history, unit); row < end; row++) if (source[row] !== NONE) candidates.push(row);
  }
  const needed: number[] = [];
  const fails = (reads: readonly number[]): boolean => {
    tries.left--;
    return views.stands(line, at.budget, shownOf(at, reads)) === false;
  };
  while (!fails(needed) && candidates.length > 0 && at.budget.spent() === undefined) {
    let [low, high] = [1, candidates.length];
    while (low < high && tries.left > 0) {
      const middle = (low + high) >> 1;
      if (fails([...needed, ...candidates.slice(0, middle)])) high = middle;
      else low = middle + 1;
    }
    if (low < high) {
      needed.push(...candidates.slice(0, high));
      break;
    }
    needed.push(candidates[low - 1]);
    candidates = candidates.slice(0, low - 1);
  }
  return needed.sort((a, b) => a - b);
}
