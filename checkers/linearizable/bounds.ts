/**
 * What shows at once, without a search, that a counter or a text has no order: an answer out of bounds, or two that exclude each
 * other. All of it is necessary for an order and none is sufficient: it says `impossible`, or nothing.
 */
import type { Anomaly } from '../checker.ts';
import { NEVER } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Decision } from '../model.ts';
import { anomaly } from './evidence.ts';
import { call, deedOf, ret, retBefore, show } from './words.ts';

/** One object's rows, ascending, and what they are. */
export interface Amounts {
  readonly initial: number;
  isRead(row: number): boolean;
  /** What was added, or what was read. */
  amount(row: number): number;
}

/**
 * A read of a counter finds all that was added before it was asked for; of what was asked for before it was answered and was not
 * over by its call, any part. So it is no less than with all of that which is below zero, and no more than with the rest.
 */
export function outOfBounds(history: History, rows: Int32Array, amounts: Amounts): Decision | undefined {
  const { initial, isRead, amount } = amounts;
  const byReturn = rows.filter((row) => history.ret[row] !== NEVER).sort((a, b) => history.ret[a] - history.ret[b]);
  const n = rows.length;
  // By the place of a read: what was over by its call.
  const over = new Float64Array(n);
  const [lessOver, moreOver] = [new Float64Array(n), new Float64Array(n)];
  let [less, more, next] = [0, 0, 0];
  rows.forEach((row, i) => {
    for (; next < byReturn.length && history.ret[byReturn[next]] < history.call[row]; next++) {
      if (isRead(byReturn[next])) continue;
      const added = amount(byReturn[next]);
      if (added < 0) less += added;
      else more += added;
    }
    over[i] = less + more;
    [lessOver[i], moreOver[i]] = [less, more];
  });
  const placeOf = new Map(Array.from(rows, (row, i) => [row, i]));
  [less, more, next] = [0, 0, 0];
  for (const row of byReturn) {
    for (; next < n && history.call[rows[next]] < history.ret[row]; next++) {
      if (isRead(rows[next])) continue;
      const added = amount(rows[next]);
      if (added < 0) less += added;
      else more += added;
    }
    if (!isRead(row)) continue;
    const i = placeOf.get(row) ?? 0;
    const least = initial + over[i] + (less - lessOver[i]);
    const most = initial + over[i] + (more - moreOver[i]);
    // Sums that are no longer exact say nothing.
    if (!Number.isSafeInteger(more) || !Number.isSafeInteger(less)) return undefined;
    if (amount(row) >= least && amount(row) <= most) continue;
    const held = least === most ? `${least}` : `from ${least} to ${most}`;
    const sentence =
      `${deedOf(history, row)} is out of bounds${ret(history, row)}: with all that was added before it was asked for` +
      `${call(history, row, ', at ')}, and any part of what was under way until its answer, it can only be ${held}.`;
    return { rough: anomaly(history, 'read out of bounds', sentence, [row]), stuck: row };
  }
  return undefined;
}

/**
 * Reads of a text that is only appended to: of any two, one begins the other; and who asks after another was answered reads no less.
 */
export function divergence(history: History, reads: Int32Array, textOf: (row: number) => string): Anomaly | undefined {
  const texts = Array.from(reads, textOf);
  const byLength = texts.map((_, i) => i).sort((a, b) => texts[a].length - texts[b].length);
  for (let i = 1; i < byLength.length; i++) {
    const [short, long] = [byLength[i - 1], byLength[i]];
    if (texts[long].startsWith(texts[short])) continue;
    let at = 0;
    while (texts[short][at] === texts[long][at]) at++;
    const [one, other] = [reads[short], reads[long]];
    const sentence =
      `${deedOf(history, one)} and ${deedOf(history, other)} differ from character ${at + 1} on ` +
      `(${show(texts[short].slice(at, at + 20))}, ${show(texts[long].slice(at, at + 20))}), though ` +
      `${show(history.keys[history.key[one]])} was only ever appended to.`;
    return anomaly(history, 'reads that diverge', sentence, [one, other]);
  }
  const byReturn = reads.filter((row) => history.ret[row] !== NEVER).sort((a, b) => history.ret[a] - history.ret[b]);
  const lengths = new Map(Array.from(reads, (row, i) => [row, texts[i].length]));
  const lengthOf = (row: number): number => lengths.get(row) ?? 0;
  let longest: number | undefined;
  let next = 0;
  for (const row of reads) {
    for (; next < byReturn.length && history.ret[byReturn[next]] < history.call[row]; next++) {
      if (longest === undefined || lengthOf(byReturn[next]) > lengthOf(longest)) longest = byReturn[next];
    }
    if (longest === undefined || lengthOf(longest) <= lengthOf(row)) continue;
    const sentence =
      `${deedOf(history, row)} was asked for${call(history, row)}, after ${deedOf(history, longest)} was over` +
      `${retBefore(history, longest, row, ', at ')}; yet it is shorter by ${lengthOf(longest) - lengthOf(row)}, though ` +
      `${show(history.keys[history.key[row]])} was only ever appended to.`;
    return anomaly(history, 'stale read', sentence, [longest, row]);
  }
  return undefined;
}
