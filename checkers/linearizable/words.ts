/** How operations, values and times are said. */
import { CAS, FAIL, HAS_ACTUAL, INFO, METHODS, NEVER, NONE, READ, TRANSACTION, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import type { Values } from '../../history/values.ts';
import { shownValue } from '../../history/shown.ts';
import { MILLISECOND, SECOND } from '../../history/clock.ts';

const LONGEST = 60;

export function show(value: Value): string {
  return cut(shownValue(value, LONGEST));
}

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** The same of a value of a history, with every digit of an integer that no double holds: a text of these digits is in quotes. */
export function showOf(values: Pick<Values, 'get' | 'json'>, ref: number): string {
  const value = values.get(ref);
  if (typeof value === 'number') return show(value);
  const json = values.json(ref);
  if (typeof value !== 'string') return /\d{16}/.test(json) ? cut(json) : show(value);
  if (!json.startsWith('"')) return cut(json);
  return /^"-?\d+"$/.test(json) ? cut(json) : show(value);
}

export function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Nanoseconds since the run began, exactly: `12.5 ms`, `1.204000017 s`. {@link legible} makes sentences of such readable. */
export function instant(time: number): string {
  return inDecimals(time, 9);
}

/** The same with three decimals at most. */
export function roundInstant(time: number): string {
  return inDecimals(time, 3);
}

function inDecimals(time: number, decimals: number): string {
  if (time < MILLISECOND) return time < 1000 ? `${time} ns` : `${Number((time / 1000).toFixed(decimals))} µs`;
  const [unit, name] = time < SECOND ? [MILLISECOND, 'ms'] : [SECOND, 's'];
  return `${Number((time / unit).toFixed(decimals))} ${name}`;
}

/** Values that are strings, which stay as they are, or a time. */
const TIMES = /"(?:[^"\\]|\\.)*"|(?<![\w.])(\d+(?:\.\d+)?) (m?s)(?!\w)/g;

/** The sentence with three decimals a time; with all that it has where it would be said like another one. */
export function legible(sentence: string): string {
  const said = new Map<string, Set<string>>();
  const short = (digits: string, unit: string): string => `${Number(Number(digits).toFixed(3))} ${unit}`;
  for (const [text, digits, unit] of sentence.matchAll(TIMES)) {
    if (digits === undefined || unit === undefined) continue;
    const known = said.get(short(digits, unit));
    if (known === undefined) said.set(short(digits, unit), new Set([text]));
    else known.add(text);
  }
  return sentence.replaceAll(TIMES, (text: string, digits: string | undefined, unit: string) => {
    if (digits === undefined) return text;
    const rounded = short(digits, unit);
    return said.get(rounded)?.size === 1 ? rounded : text;
  });
}

/** As {@link roundInstant}, of times that stand beside each other: with as many more decimals as it takes to tell them apart. */
export function apart(times: readonly number[]): readonly string[] {
  const said = new Map<number, string>();
  let left = [...new Set(times)];
  for (let decimals = 3; left.length > 0; decimals++) {
    const texts = left.map((time) => inDecimals(time, decimals));
    // Nine tell all of them apart: times are whole nanoseconds.
    for (const [i, time] of left.entries())
      if (decimals === 9 || texts.indexOf(texts[i]) === texts.lastIndexOf(texts[i])) said.set(time, texts[i]);
    left = left.filter((time) => !said.has(time));
  }
  return times.map((time) => said.get(time) ?? '');
}

/** ` at 12.5 ms`, when it was asked for; nothing where that is unknown. */
export function call(history: History, row: number, at = ' at '): string {
  return moment(history.callTime[row], at);
}

/** The same for when its answer came. */
export function ret(history: History, row: number, at = ' at '): string {
  return moment(history.retTime[row], at);
}

/** As {@link ret}, beside the {@link call} of `later`, which came after it: of one instant it says so, for one time told twice looks like a mistake. */
export function retBefore(history: History, row: number, later: number, at = ' at '): string {
  const isOne = history.retTime[row] === history.callTime[later];
  return isOne ? at.replace('at ', 'earlier in the same instant') : ret(history, row, at);
}

/** As {@link call}, beside the {@link ret} of `earlier`, which came before it. */
export function callAfter(history: History, row: number, earlier: number, at = ' at '): string {
  const isOne = history.callTime[row] === history.retTime[earlier];
  return isOne ? at.replace('at ', 'later in the same instant') : call(history, row, at);
}

/** `, asked for at 12.5 ms,`; nothing for nothing. */
export function aside(text: string): string {
  return text === '' ? '' : `, ${text},`;
}

function moment(time: number, at: string): string {
  return Number.isNaN(time) ? '' : `${at}${instant(time)}`;
}

/**
 * `process 3's read of 7 from x at n2`, without times. `isWhole`: a row of a read of many keys stands for all of it:
 * `process 3's readMany [x 7, y null]`.
 */
export function deedOf(history: History, row: number, isWhole = false): string {
  const { f, outcome, process, node, nodes, value, values, expected, actual, flags } = history;
  const key = show(history.keys[history.key[row]]);
  const who = `process ${process[row]}'s`;
  const where = node[row] === NONE ? '' : ` at ${nodes[node[row]]}`;
  const asIs = outcome[row] === INFO || history.ret[row] === NEVER ? ' (outcome unknown)' : '';
  const text = showOf(values, value[row]);
  if (history.batch[row] !== NONE && (flags[row] & TRANSACTION) !== 0)
    return `${who} transaction ${partsOf(history, history.batch[row])}${where}${asIs}`;
  if (history.batch[row] !== NONE && isWhole)
    return `${who} readMany ${partsOf(history, history.batch[row])}${where}${asIs}`;
  if (f[row] === READ) return `${who} read of ${text} from ${key}${where}`;
  if (f[row] === CAS) {
    const what = `cas of ${key} from ${showOf(values, expected[row])} to ${text}`;
    const held = (flags[row] & HAS_ACTUAL) === 0 ? '' : ` (it found ${showOf(values, actual[row])})`;
    return `${who} ${outcome[row] === FAIL ? 'failed ' : ''}${what}${where}${held}${asIs}`;
  }
  const method = METHODS[f[row]];
  if (['acquire', 'release'].includes(method)) return `${who} ${method} of ${key}${where}${asIs}`;
  if (method === 'dequeue' && asIs === '' && values.get(value[row]) === null)
    return `${who} empty dequeue from ${key}${where}`;
  const isUnknown = asIs !== '' && ['dequeue', 'drain', 'poll'].includes(method);
  if (isUnknown) return `${who} ${method} from ${key}${where}${asIs}`;
  const preposition = ['dequeue', 'drain', 'poll'].includes(method) ? 'from' : 'to';
  return `${who} ${method} of ${text} ${preposition} ${key}${where}${asIs}`;
}

const PARTS_SHOWN = 8;

/** `[r x 1, w y 2]`, all that a transaction did; `[x 1, y 2]` of a read of many keys. */
function partsOf(history: History, first: number): string {
  const { batch, f, key, keys, length, value, values } = history;
  const parts: string[] = [];
  for (let row = first; row < length && batch[row] === first; row++) {
    const what = f[row] === READ ? 'r' : f[row] === WRITE ? 'w' : METHODS[f[row]];
    const does = (history.flags[row] & TRANSACTION) === 0 ? '' : `${what} `;
    parts.push(`${does}${show(keys[key[row]])} ${showOf(values, value[row])}`);
  }
  const more = parts.length > PARTS_SHOWN ? [`${parts.length - PARTS_SHOWN} more`] : [];
  return `[${[...parts.slice(0, PARTS_SHOWN), ...more].join(', ')}]`;
}
