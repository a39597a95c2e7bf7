/** Values as people read them: JSON, but for what EDN has and JSON has not, which is shown as EDN writes it. */
import type { Value } from './operation.ts';
import { markInteger, withoutColonMark } from './values.ts';

/** Deeper, and longer than asked for, nothing is shown: what is cut is marked by whoever asked. */
const DEPTH_MAX = 16;

const PLAIN = /^[\w.:-]+$/;
/** Strings that are plain and would be taken for something else; so would those that are numerals. */
const WORDS: ReadonlySet<string> = new Set(['null', 'true', 'false']);
const KEYWORD = /^:[\w*!?<>=+./#'-]+$/;

/**
 * `7`, `leader`, `"7"`, `"two words"`, `[1,2]`, `#{1 2}`. Of long values the beginning, at least `longest` characters of it.
 */
export function shownValue(value: Value, longest = 200): string {
  if (typeof value === 'string' && isPlain(value)) return value;
  return inner(value, longest, 0);
}

/** Whether a string without quotes is taken for nothing else. `Values` gives integers that no double holds as their digits. */
function isPlain(text: string): boolean {
  if (!PLAIN.test(text) || WORDS.has(text)) return false;
  return Number.isNaN(Number(text)) || (/^-?[1-9]\d*$/.test(text) && markInteger(text) !== text);
}

function inner(value: Value, longest: number, depth: number): string {
  if (typeof value === 'string') {
    if (/^\0-?\d/.test(value)) return value.slice(1, longest + 2); // a number that JavaScript has not
    return KEYWORD.test(value) ? value : JSON.stringify(withoutColonMark(value).slice(0, longest + 1));
  }
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth === DEPTH_MAX) return '…';
  if (Array.isArray(value)) return `[${several(value as readonly Value[], ',', longest, depth)}]`;
  const record = value as { readonly [name: string]: Value };
  const names = Object.keys(record);
  const [name] = names;
  const only = names.length === 1 && name !== undefined ? record[name] : undefined;
  if (Array.isArray(only)) {
    const list = only as readonly Value[];
    if (name === '#set') return `#{${several(list, ' ', longest, depth)}}`;
    if (name === '#map') return `{${pairs(list, longest, depth)}}`;
  }
  const fields: string[] = [];
  let length = 0;
  for (const field of names) {
    if (length > longest) break;
    const text = `${field.startsWith(':') ? `${field} ` : `${JSON.stringify(withoutColonMark(field))}:`}${inner(record[field], longest - length, depth + 1)}`;
    fields.push(text);
    length += text.length + 1;
  }
  return `{${fields.join(',')}}`;
}

function several(list: readonly Value[], between: string, longest: number, depth: number): string {
  const texts: string[] = [];
  let length = 0;
  for (const one of list) {
    if (length > longest) break;
    const text = inner(one, longest - length, depth + 1);
    texts.push(text);
    length += text.length + 1;
  }
  return texts.join(between);
}

/** Of a map whose keys are no texts: `1 2, 3 4`. */
function pairs(list: readonly Value[], longest: number, depth: number): string {
  return several(list, ', ', longest, depth).replaceAll(/\[([^[\],]*),([^[\],]*)\]/g, '$1 $2');
}
