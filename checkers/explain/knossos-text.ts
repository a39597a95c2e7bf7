/** Knossos's shape on one line: JSON, or EDN with keywords as Knossos itself writes it. */
import type { Value } from '../../history/operation.ts';
import type { KnossosResult } from './knossos.ts';

/** Fields whose texts are keywords. */
const KEYWORDS = new Set(['valid?', 'analyzer', 'type', 'f', 'cause']);

export function knossosJson(result: KnossosResult): string {
  if (!('results' in result)) return JSON.stringify(result);
  const results = Object.fromEntries(result.results.map(({ key, result: of }) => [String(key), of]));
  return JSON.stringify({ ...result, results });
}

export function knossosEdn(result: KnossosResult): string {
  return mapOf(result);
}

function mapOf(map: object): string {
  const fields = Object.entries(map).map(([name, value]: [string, unknown]) => `:${name} ${fieldOf(name, value)}`);
  return `{${fields.join(', ')}}`;
}

function fieldOf(name: string, value: unknown): string {
  if (KEYWORDS.has(name)) return typeof value === 'string' ? `:${value}` : String(value);
  // What users wrote: their objects have texts as names.
  if (name === 'value' || name === 'key' || name === 'failures') return valueOf(value as Value);
  if (name === 'results') {
    const results = value as readonly { readonly key: Value; readonly result: object }[];
    return `{${results.map(({ key, result }) => `${valueOf(key)} ${mapOf(result)}`).join(', ')}}`;
  }
  if (Array.isArray(value)) return `[${value.map((element: unknown) => fieldOf('', element)).join(' ')}]`;
  return typeof value === 'object' && value !== null ? mapOf(value) : valueOf(value as Value);
}

/** Keywords are read as texts that begin with a colon, and written as what they were. */
const KEYWORD = /^:[A-Za-z*!_?<>=+-][\w*!?<>=+./#'-]*$/;

function valueOf(value: Value): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') return KEYWORD.test(value) ? value : textOf(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map((element: Value) => valueOf(element)).join(' ')}]`;
  return `{${Object.entries(value)
    .map(([name, element]: [string, Value]) => `${valueOf(name)} ${valueOf(element)}`)
    .join(', ')}}`;
}

/** EDN has JSON's escapes, but for the slash. */
function textOf(value: string): string {
  return JSON.stringify(value);
}
