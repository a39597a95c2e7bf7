/** JSON as `JSON.parse` reads it, but that no two numbers become one, and with a look at names that are given twice. */
import type { BadHistory } from '../bad-history.ts';
import type { Value } from '../operation.ts';
import { markInteger } from '../values.ts';
import { placeTooDeep, TOO_DEEP } from './depth.ts';

/**
 * @throws SyntaxError, or RangeError for a text that could be taken for a marked number
 */
export function parseJson(text: string): Value {
  if (/"\\u0000-?\d/.test(text)) throw new RangeError('a text begins with NUL and a digit');
  return JSON.parse(/\d{16}|\d[eE]/.test(text) ? markNumbers(text) : text) as Value; // JSON has no other values
}

/** JSON text in which numbers that no double holds are strings with a mark; see `markInteger`. */
function markNumbers(text: string): string {
  const token = /"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const parts: string[] = [];
  let copied = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    if (found === '"') {
      token.lastIndex = endOfString(text, match.index);
      continue;
    }
    const marked = markInteger(found);
    if (marked === found) continue;
    parts.push(text.slice(copied, match.index), marked);
    copied = token.lastIndex;
  }
  parts.push(text.slice(copied));
  return parts.join('');
}

/** The place after the string that begins there. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let escapes = 0;
    while (text[quote - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return quote + 1;
    at = quote;
  }
}

/** A name that the object, whose text is right, gives twice: `JSON.parse` takes the last, others the first. */
export function repeatedName(text: string): string | undefined {
  const names = new Set<string>();
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    if (character !== '"') continue;
    const end = endOfString(text, at);
    if (depth === 1 && /^\s*:/.test(text.slice(end, end + 8))) {
      const name = JSON.parse(text.slice(at, end)) as string; // a string it is
      if (names.has(name)) return name;
      names.add(name);
    }
    at = end - 1;
  }
  return undefined;
}

/**
 * An event's object.
 *
 * @throws what `bad` makes of a reason
 */
export function parseObject(text: string, bad: (reason: string) => BadHistory): Record<string, unknown> {
  if (placeTooDeep(text) >= 0) throw bad(TOO_DEEP);
  let event: unknown;
  try {
    event = parseJson(text);
  } catch {
    throw bad(`This is not JSON: ${excerpt(text)}`);
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw bad(`An event must be a JSON object, not ${excerpt(text)}`);
  }
  const twice = repeatedName(text);
  if (twice !== undefined) throw bad(`The event names its ${JSON.stringify(twice)} twice.`);
  return event as Record<string, unknown>;
}

/** The beginning of a line as one can print it, with a full stop. */
export function excerpt(text: string): string {
  const printable = text.trim().replace(/[^\x20-\x7e]/g, '?');
  return printable.length > 60 ? `${printable.slice(0, 60)}….` : `${printable}.`;
}
