/** The phrases that explanations are made of. */
import { type History, INFO, NONE, ROLES } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { shownValue } from '../../history/shown.ts';
import type { Values } from '../../history/values.ts';
import { instant, show } from '../linearizable/words.ts';

const VALUE_LENGTH_MAX = 60;

export function valueText(value: Value): string {
  return cut(JSON.stringify(value));
}

/** The same of a value of a history, with every digit of an integer that no double holds; a keyword of EDN without quotes. */
export function valueTextOf(values: Pick<Values, 'get' | 'json'>, ref: number): string {
  const value = values.get(ref);
  const text = values.json(ref);
  return typeof value === 'string' && text.startsWith('"') && /^\0?:/.test(value) ? cut(shownValue(value)) : cut(text);
}

const cut = (text: string): string => (text.length <= VALUE_LENGTH_MAX ? text : `${text.slice(0, VALUE_LENGTH_MAX)}…`);

/** Written or read. */
export function value(history: History, row: number): string {
  return valueTextOf(history.values, history.value[row]);
}

export function key(history: History, row: number): string {
  return show(history.keys[history.key[row]]);
}

/** ` at 1.31 s`, when the answer came; nothing in a history without times. */
export function when(history: History, row: number): string {
  const time = Number.isNaN(history.retTime[row]) ? history.callTime[row] : history.retTime[row];
  return Number.isNaN(time) ? '' : ` at ${instant(time)}`;
}

/** `n2 (follower)`, or who else answered. */
export function server(history: History, row: number): string {
  if (history.node[row] === NONE) return 'an unnamed node';
  const role = ROLES[history.role[row]];
  return role === undefined ? history.nodes[history.node[row]] : `${history.nodes[history.node[row]]} (${role})`;
}

/** ` from n2 (follower) at 1.31 s`. */
export function answer(history: History, row: number): string {
  return `${history.node[row] === NONE ? '' : ` from ${server(history, row)}`}${when(history, row)}`;
}

/** `wrote 17 to x (ok at 1.204 s)`. */
export function wrote(history: History, row: number): string {
  const outcome = history.outcome[row] === INFO ? 'outcome unknown' : `ok${when(history, row)}`;
  return `wrote ${value(history, row)} to ${key(history, row)} (${outcome})`;
}

export function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** `1 read`, `2 reads`. */
export function amount(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
