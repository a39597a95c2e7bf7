/** Operations in a few characters, safe to print wherever they came from. */
import type { Operation } from '../../history/history.ts';
import type { Key, Value } from '../../history/operation.ts';
import { shownValue } from '../../history/shown.ts';

const SHORT: Readonly<Record<string, string>> = { read: 'r', write: 'w', get: 'r', put: 'w' };

/** What would move the cursor, change the direction of the text or take no room: shown by its number. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{M}]/gu;

/**
 * What a CI would take for an order to it, read from what is printed: `##[stop-commands]` of GitHub and `##vso[...]` of Azure Pipelines
 * anywhere in a line, `::add-mask::` at the beginning of one. See TryParse of actions/runner, src/Runner.Common/ActionCommand.cs. What is rare is
 * looked for first, and behind it only then: the other way round a text of a million letters takes minutes.
 */
const ORDER = /\[(?<=##[a-z]*\[)|:(?<=^\s*:)(?=:[a-z-].*::)/gi;

export function printable(text: string): string {
  return text.replace(UNPRINTABLE, numberOf).replace(ORDER, numberOf);
}

function numberOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** How many columns of a terminal the text takes: two for each character of the wide scripts and for pictures. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  return width;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    code >= 0x1f300
  );
}

/** At most so many columns; what is left out is `…`. */
export function cutTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  for (const character of text) {
    if (widthOf(kept) + widthOf(character) > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

export function nameOfKey(key: Key): string {
  return cutTo(textOf(key), 40);
}

export function textOf(value: Value | undefined): string {
  if (value === undefined) return '';
  // A long value is cut before it is looked at character by character.
  return printable(shownValue(value, 200).slice(0, 200));
}

/** `[r x 1, w y 2]` */
export function partsOf(transaction: Value): string {
  const parts = Array.isArray(transaction) ? (transaction as readonly Value[]) : [];
  return `[${parts.map((part) => (Array.isArray(part) ? part.map((one: Value) => textOf(one)).join(' ') : textOf(part))).join(', ')}]`;
}

/** `w 5`, `r null`, `cas 1→2`, `cas 1→2 failed`, `w 5 ?` where nobody knows whether it happened. */
export function labelOf(operation: Operation, { key, longest }: { key: boolean; longest: number }): string {
  const { f, outcome, value, expected, actual } = operation;
  if (f === 'txn' || f === 'readMany') return cutTo(`${partsOf(value)}${outcome === 'info' ? ' ?' : ''}`, longest);
  const isPlain = f === 'acquire' || f === 'release';
  const fate = outcome === 'info' ? ' ?' : outcome === 'fail' ? (actual === undefined ? ' failed' : ' found ') : '';
  const found = fate === ' found ' ? textOf(actual) : '';
  const what = `${SHORT[f] ?? printable(f)}${key ? ` ${textOf(operation.key)}` : ''}`;
  const values =
    f === 'cas'
      ? `${textOf(expected)}→${textOf(value)}`
      : (f === 'read' && outcome !== 'ok') || (isPlain && value === null)
        ? ''
        : f === 'dequeue' && value === null
          ? outcome === 'ok'
            ? '(empty)'
            : ''
          : textOf(value);
  const room = Math.max(1, longest - widthOf(what) - 1 - fate.length - Math.min(8, widthOf(found)));
  return cutTo(`${what}${values === '' ? '' : ' '}${cutTo(values, room)}${fate}${found}`, longest);
}
