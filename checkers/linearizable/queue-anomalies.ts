/** What goes wrong with a queue, in words and with the operations that show it. */
import type { Anomaly } from '../checker.ts';
import { FAIL } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { DRAIN, ENQUEUE } from '../search/queue-words.ts';
import { anomaly } from './evidence.ts';
import { aside, call, callAfter, deedOf, ret, show, showOf } from './words.ts';

/** One value taken out, at some moment of the span; or the queue found empty. */
export interface Taking {
  readonly row: number;
  readonly reference: number;
  readonly from: number;
  readonly until: number;
}

/** A value that was put in once: when that can have been, and when it can have been taken out. */
export interface Item {
  readonly enqueue: number;
  readonly taking: Taking | undefined;
  readonly putFrom: number;
  readonly putUntil: number;
  readonly takenFrom: number;
  readonly takenUntil: number;
  /** Where there are several of the value: which of them, and what shows when it was put in and taken. */
  readonly copy?: { readonly number: number; readonly rows: readonly number[] };
}

const valueOf = (history: History, reference: number): string => showOf(history.values, reference);

function took(history: History, { row, reference }: Taking): string {
  if (history.f[row] !== DRAIN) return deedOf(history, row);
  return `${deedOf(history, row)}, which took ${valueOf(history, reference)},`;
}

export function neverEnqueued(history: History, taking: Taking): Anomaly {
  const { f, key, keys, outcome, value } = history;
  const x = show(keys[key[taking.row]]);
  const refused = value.findIndex(
    (reference, row) =>
      reference === taking.reference && f[row] === ENQUEUE && outcome[row] === FAIL && key[row] === key[taking.row],
  );
  const what = `${took(history, taking)} found ${valueOf(history, taking.reference)}`;
  if (refused === -1) {
    return anomaly(history, 'dequeue of a value never enqueued', `${what}, which nothing ever put into ${x}.`, [
      taking.row,
    ]);
  }
  const sentence = `${what}, which never came into ${x}: ${deedOf(history, refused)} was refused.`;
  return anomaly(history, 'dequeue of a refused value', sentence, [taking.row, refused]);
}

/** Of the takings of one value, those of the fewest operations that took it so many times. */
function fewest(takings: readonly Taking[], times: number): readonly Taking[] {
  const byRow = new Map<number, Taking[]>();
  for (const taking of takings) {
    const own = byRow.get(taking.row);
    if (own === undefined) byRow.set(taking.row, [taking]);
    else own.push(taking);
  }
  const chosen = new Set<Taking>();
  // A drain may have taken it more than once.
  for (const own of [...byRow.values()].sort((a, b) => b.length - a.length)) {
    if (chosen.size < times) for (const taking of own) chosen.add(taking);
  }
  return takings.filter((taking) => chosen.has(taking));
}

export function takenTooOften(history: History, all: readonly Taking[], enqueues: readonly number[]): Anomaly {
  const takings = fewest(all, enqueues.length + 1);
  const times = enqueues.length === 1 ? 'once' : `${enqueues.length} times`;
  if (takings.length + enqueues.length > SHOWN_MAX) {
    const value = valueOf(history, takings[0].reference);
    const sentence = `${value} was enqueued only ${times}, and taken ${takings.length} times.${notAll(value)}`;
    const few = [...takings.slice(-FEW).map(({ row }) => row), ...enqueues.slice(-FEW)];
    return anomaly(history, 'value dequeued twice', sentence, few);
  }
  const what = valueOf(history, takings[0].reference);
  const who = [...new Map(takings.map((taking) => [taking.row, taking])).values()]
    .map((taking) => took(history, taking))
    .join(' and ')
    .replace(/,$/, '');
  const sentence = `${what} was enqueued only ${times}, and taken ${takings.length} times: ${who}.`;
  return anomaly(history, 'value dequeued twice', sentence, [...takings.map(({ row }) => row), ...enqueues]);
}

export function takenBefore(history: History, takings: readonly Taking[], enqueues: readonly number[]): Anomaly {
  const [taking, enqueue] = [takings[takings.length - 1], enqueues[enqueues.length - 1]];
  const count = takings.length;
  const value = valueOf(history, taking.reference);
  const which = count === 1 ? '' : `, ${deedOf(history, enqueue)}`;
  const late = count === 1 ? deedOf(history, enqueue) : `number ${count} of its enqueues`;
  const what =
    count === 1 ? took(history, taking) : `number ${count} of the dequeues of ${value}, ${took(history, taking)}`;
  const isTooMuch = 2 * count > SHOWN_MAX;
  const sentence =
    `${what.replace(/,$/, '')}${count === 1 ? '' : ','} was answered${ret(history, taking.row)}, before ${late}${which}${which === '' ? '' : ','} ` +
    `was asked for${callAfter(history, enqueue, taking.row)}.${isTooMuch ? notAll(value) : ''}`;
  const few = isTooMuch ? FEW : count;
  const rows = [...takings.slice(-few).map(({ row }) => row), ...enqueues.slice(-few)];
  return anomaly(history, 'dequeue before enqueue', sentence, rows);
}

/** Operations that a count is shown by; where these are too many, the last few of either kind. */
const SHOWN_MAX = 40;
const FEW = 6;

/** Of counts: what is shown is not all that they rest on. */
function notAll(...values: readonly string[]): string {
  const which = [...new Set(values)].join(' and of ');
  return ` This counts all enqueues and dequeues of ${which} before, most of which are not shown; the one that is wrong may be any of them.`;
}

/** An answer with which, among so many operations, no copies can be told apart any more. */
export function unpaired(history: History, { row }: Taking, operations: number): Anomaly {
  const sentence = `${deedOf(history, row)} has no place${ret(history, row)}: of the ${operations} operations asked for by then, whichever dequeue took whichever copy, none leads to it in order.`;
  return anomaly(history, 'no possible order', sentence, [row]);
}

/** `guesses` are dequeues of unknown outcome that are needed for other values. */
export function takenOutOfOrder(
  history: History,
  first: Item,
  second: Item,
  mayBeGuessed: boolean,
  guesses: readonly number[] = [],
): Anomaly {
  if (first.copy !== undefined || second.copy !== undefined) return copiesOutOfOrder(history, first, second);
  const [a, b] = [first.enqueue, second.enqueue].map((row) => valueOf(history, history.value[row]));
  const rows = [first.enqueue, second.enqueue];
  if (second.taking !== undefined) rows.push(second.taking.row);
  // Where nobody knows what was taken, that it was not taken sooner shows in who took it.
  if (first.taking !== undefined && mayBeGuessed) rows.push(first.taking.row);
  const out = second.taking === undefined ? '' : took(history, second.taking);
  const count = guesses.length === 1 ? 'the dequeue' : `the ${guesses.length} dequeues`;
  const needed = guesses.length === 1 ? 'is needed for another' : 'are needed for others';
  const otherwise = guesses.length === 0 ? '' : `, and ${count} of unknown outcome that could have taken it ${needed}`;
  const by = aside(ret(history, first.enqueue, 'by ')).slice(1);
  const fate = first.taking === undefined ? 'never taken' : 'still in it';
  const sentence = `${a} was in the queue${by} before ${b} was enqueued${callAfter(history, second.enqueue, first.enqueue)}, yet ${out} came first: ${a} was ${fate}${otherwise}.`;
  return anomaly(history, 'out of order', sentence, [...rows, ...guesses]);
}

export function foundEmptyWrongly(
  history: History,
  row: number,
  inside: readonly Item[],
  mayBeGuessed: boolean,
): Anomaly {
  const values = inside.map(({ enqueue }) => valueOf(history, history.value[enqueue]));
  const what =
    values.length === 1
      ? `${values[0]} was in it all along`
      : `some value was in it at every moment: ${values.slice(0, 6).join(', then ')}${values.length > 6 ? ' …' : ''}`;
  const answered = Number.isNaN(history.callTime[row]) ? '' : ret(history, row, ' and answered at ');
  const how = history.f[row] === DRAIN ? 'left the queue empty' : 'found the queue empty';
  const sentence = `${deedOf(history, row)} ${how}${call(history, row, ', asked for at ')}${answered}, although ${what}.`;
  // When it was taken does not matter: not before the queue was found empty.
  const rows = inside.flatMap(({ enqueue, taking }) =>
    taking !== undefined && mayBeGuessed ? [enqueue, taking.row] : [enqueue],
  );
  const counted = inside
    .filter(({ copy }) => copy !== undefined)
    .map(({ enqueue }) => valueOf(history, history.value[enqueue]));
  const counts = counted.length === 0 ? '' : notAll(...counted);
  return anomaly(history, 'empty while something was in it', sentence + counts, [row, ...rows]);
}

/** Where values repeat, only their numbers tell: the i-th of them in was the i-th of them out. */
function copiesOutOfOrder(history: History, first: Item, second: Item): Anomaly {
  const name = ({ enqueue, copy }: Item): string => {
    const value = valueOf(history, history.value[enqueue]);
    return copy === undefined ? value : `number ${copy.number} of the ${value}s`;
  };
  const rowsOf = ({ copy, enqueue, taking }: Item): readonly number[] =>
    copy?.rows ?? (taking === undefined ? [enqueue] : [enqueue, taking.row]);
  const [a, b] = [name(first), name(second)];
  const fate = first.taking === undefined ? 'was never taken' : `was not even asked for when ${b} was out`;
  const sentence = `${a} was surely in the queue before ${b} can have come into it, yet ${b} was taken while ${a} ${fate}.`;
  const counted = [first, second].filter(({ copy }) => copy !== undefined);
  const counts = notAll(...counted.map(({ enqueue }) => valueOf(history, history.value[enqueue])));
  return anomaly(history, 'out of order', sentence + counts, [...rowsOf(first), ...rowsOf(second)]);
}

/** Where what is shown cannot stand only once the pairs before are left out. */
export function firstOut(history: History, pairs: number, last: number | undefined): string {
  if (last === undefined) return '';
  const count = pairs === 1 ? 'the first value is out, which' : `the first ${pairs} values are out, which`;
  const at = ret(history, last, ' (at ');
  const by = `${deedOf(history, last)}${at === '' ? '' : `${at})`}`;
  const them =
    'in every order the same operations (of those that do the same, the ones that end first) put in and took out';
  return ` So it is once ${count} ${them}, up to ${by}. One of those may have been answered wrongly instead.`;
}

/** Said where others of the values shown may have come to mind. */
export function ofOthers(
  history: History,
  rows: readonly number[],
  { enqueues, takings }: { readonly enqueues: readonly number[]; readonly takings: readonly Taking[] },
): string {
  const { call, ret, value } = history;
  const shown = new Set(rows);
  const values = new Set(rows.map((row) => value[row]));
  const since = Math.min(...rows.map((row) => call[row]));
  const until = Math.max(...rows.map((row) => ret[row]));
  const isOther = (row: number): boolean => !shown.has(row) && ret[row] > since && call[row] < until;
  const isThere =
    enqueues.some((row) => isOther(row) && values.has(value[row])) ||
    takings.some(({ row, reference }) => isOther(row) && values.has(reference));
  return isThere
    ? ' Others with these values do not help: each happened between its own call and its answer, or not at all.'
    : '';
}
