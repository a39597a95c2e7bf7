/** Knossos's shape on one line: JSON, or EDN with keywords as Knossos itself writes it. */
import type { Value } from '../../history/operation.ts';
import type { Verdict } from '../checker.ts';
import type { KnossosAnalysis, KnossosResult } from './knossos.ts';

/** Fields whose texts are keywords. */
const KEYWORDS = new Set(['valid?', 'analyzer', 'type', 'f', 'cause']);

export function knossosJson(result: KnossosResult): string {
  if (!('results' in result)) return JSON.stringify(result);
  const results = Object.fromEntries(result.results.map(({ key, result: of }) => [nameOf(key), of]));
  return JSON.stringify({ ...result, results });
}

/** A list of keys is JSON itself. */
function nameOf(key: Value): string {
  return Array.isArray(key) ? JSON.stringify(key) : String(key);
}

export function knossosEdn(result: KnossosResult): string {
  return mapOf(result);
}

function mapOf(map: object): string {
  const isTransaction = 'f' in map && (map.f === 'txn' || map.f === 'readMany');
  const fields = Object.entries(map).map(([name, value]: [string, unknown]) => {
    const text = isTransaction && name === 'value' ? partsOf(value as Value) : fieldOf(name, value);
    return `:${name} ${text}`;
  });
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

/** `[[:r "x" 1] [:w "y" 2]]` */
function partsOf(transaction: Value): string {
  if (!Array.isArray(transaction)) return valueOf(transaction);
  const parts = (transaction as readonly Value[]).map((part) => {
    const [what, ...rest] = part as readonly Value[];
    return `[:${String(what)} ${rest.map(valueOf).join(' ')}]`;
  });
  return `[${parts.join(' ')}]`;
}

/** Keywords are read as texts that begin with a colon, and written as what they were. */
const KEYWORD = /^:[A-Za-z*!_?<>=+-][\w*!?<>=+./#'-]*$/;

function valueOf(value: Value): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') {
    if (/^\0-?\d/.test(value)) return value.slice(1); // a number that JavaScript has not
    return KEYWORD.test(value) ? value : textOf(value);
  }
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map((element: Value) => valueOf(element)).join(' ')}]`;
  const [[only, list] = [], second] = Object.entries<Value>(value as { readonly [name: string]: Value });
  if (second === undefined && Array.isArray(list)) {
    const parts = list as readonly Value[];
    if (only === '#set') return `#{${parts.map(valueOf).join(' ')}}`;
    if (only === '#map')
      return `{${parts.map((pair) => (pair as readonly Value[]).map(valueOf).join(' ')).join(', ')}}`;
  }
  return `{${Object.entries(value)
    .map(([name, element]: [string, Value]) => `${valueOf(name)} ${valueOf(element)}`)
    .join(', ')}}`;
}

/** EDN has JSON's escapes, but for the slash. */
function textOf(value: string): string {
  return JSON.stringify(value);
}

/** What a verdict alone tells. */
export function withoutOp(verdict: Verdict): KnossosAnalysis {
  switch (verdict.type) {
    case 'valid':
      return { 'valid?': true, analyzer: 'linear' };
    case 'invalid':
      return { 'valid?': false, analyzer: 'linear', error: verdict.anomalies[0].sentence };
    case 'unknown':
      return { 'valid?': 'unknown', analyzer: 'linear', cause: causeOf(verdict.reason), error: verdict.reason };
  }
}

function causeOf(reason: string): string {
  if (/[GM]B (spent|used)|memory/.test(reason)) return 'out-of-memory';
  return /spent/.test(reason) ? 'timeout' : 'undecided';
}
