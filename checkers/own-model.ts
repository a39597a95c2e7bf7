/**
 * Models of users' own: a plain object in a file of theirs, made into a model that the search can use.
 *
 * ```js
 * // stack.mjs
 * export default {
 *   name: 'stack',
 *   about: 'Last in, first out.',
 *   methods: ['enqueue', 'dequeue'],
 *   initial: [],
 *   // The state after the operation, or undefined where it cannot have gone like that. States are plain JSON values; they are
 *   // frozen, so make new ones.
 *   step(state, { f, value, outcome }) {
 *     if (f === 'enqueue') return [...state, value];
 *     if (outcome === 'info') return state.slice(0, -1); // nobody knows what it answered
 *     return value === (state.at(-1) ?? null) ? state.slice(0, -1) : undefined;
 *   },
 * };
 * ```
 */
import type { Model, State } from './model.ts';
import { ILLEGAL } from './model.ts';
import {
  CAS,
  FAIL,
  HAS_ACTUAL,
  INFO,
  METHODS,
  MISMATCH,
  NONE,
  NULL_REF,
  OK,
  READ,
  TRANSACTION,
  WRITE,
} from '../history/history.ts';
import type { History } from '../history/history.ts';
import type { Key, Method, Outcome, Value } from '../history/operation.ts';

/** An operation as a model of users' own is shown it; frozen. */
export interface ModelOperation {
  /** `get` and `put` are `read` and `write`. `txn`: a transaction or a read of many keys, where the model is of all keys. */
  readonly f: Method;
  /** Null of a `txn`. */
  readonly key: Key | null;
  /** What was written, added, enqueued; what was answered (null where nobody knows). `txn`: `["r"|"w"|"append", key, value]` each. */
  readonly value: Value;
  /** Of a cas. */
  readonly expected?: Value;
  /** `fail`: a cas that failed with mismatch. `info`: it may have happened, or not; that it did not need not be said. */
  readonly outcome: Outcome;
  /** What such a cas found instead, where the store said so. */
  readonly actual?: Value;
}

export interface OwnModel {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  readonly methods: readonly string[];
  /** The state at first: a plain JSON value. */
  readonly initial: Value;
  /** The state after the operation, or undefined where it cannot have gone like that. */
  step(state: Value, operation: ModelOperation): Value | undefined;
  /** `key`, the default: each key is an object of its own. `whole`: all keys together are one, and batches one operation. */
  readonly partition?: 'key' | 'whole';
  /** Whether the operation leaves every state as it is. Default: reads, and cas that failed. It makes the search faster. */
  pure?(operation: ModelOperation): boolean;
}

/** What is wrong with a user's model, in one sentence. */
export class BadModel extends Error {
  override readonly name = 'BadModel';
}

const NAMES: readonly string[] = [...METHODS, 'get', 'put', 'readMany', 'txn'];
const CACHED_MAX = 1 << 20;

/** @throws BadModel for what is no model; and its `machine` throws one when `step` or `pure` fails, which says on what */
export function modelOf(given: OwnModel): Model;
/** What was loaded, whatever it is. */
export function modelOf(given: unknown): Model;
export function modelOf(given: unknown): Model {
  const fault = faultOf(given);
  if (fault !== undefined) throw new BadModel(fault);
  const own = given as OwnModel; // looked at field by field
  const isWhole = own.partition === 'whole';
  return {
    name: own.name,
    about: own.about,
    // Checked against the names there are.
    methods: own.methods.map((name) => (name === 'get' ? 'read' : name === 'put' ? 'write' : (name as Method))),
    ...(isWhole ? { partition: 'whole', transactions: own.methods.includes('txn') } : {}),
    machine: (history, semantics) => machineOf(own, isWhole, history, semantics.failedCas === 'constrain'),
  };
}

function faultOf(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null) return `A model must be an object, and is ${shown(given)}.`;
  const fields = given as Readonly<Record<string, unknown>>;
  const must = (field: string, what: string): string =>
    `Field '${field}' of the model must be ${what}, and is ${shown(fields[field])}.`;
  for (const field of ['name', 'about']) {
    if (typeof fields[field] !== 'string' || fields[field] === '') return must(field, 'a text');
  }
  const { methods, partition, pure, step } = fields;
  if (!Array.isArray(methods) || methods.length === 0) return must('methods', 'a list of methods');
  const strange = (methods as readonly unknown[]).find((name) => typeof name !== 'string' || !NAMES.includes(name));
  if (strange !== undefined)
    return `Field 'methods' of the model names ${shown(strange)}; there are ${NAMES.join(', ')}.`;
  if (typeof step !== 'function') return must('step', 'a function');
  if (pure !== undefined && typeof pure !== 'function') return must('pure', 'a function, or missing');
  if (partition !== undefined && partition !== 'key' && partition !== 'whole') {
    return must('partition', "'key' or 'whole', or missing");
  }
  const together = (methods as readonly string[]).find((name) => name === 'txn' || name === 'readMany');
  if (together !== undefined && partition !== 'whole') {
    return `Field 'methods' of the model names ${together}, which needs partition: 'whole'.`;
  }
  if (!('initial' in fields)) return must('initial', 'a plain JSON value');
  try {
    textOf(fields['initial']);
  } catch (error) {
    return `Field 'initial' of the model must be a plain JSON value: ${messageOf(error)}.`;
  }
  return undefined;
}

function machineOf(
  own: OwnModel,
  isWhole: boolean,
  history: History,
  constrains: boolean,
): ReturnType<Model['machine']> {
  const { batch, f, flags, length, outcome } = history;
  const states: Value[] = [];
  const ids = new Map<string, State>();
  const intern = (state: unknown): State => {
    const text = textOf(state);
    const known = ids.get(text);
    if (known !== undefined) return known;
    ids.set(text, states.length);
    states.push(frozen(JSON.parse(text) as Value)); // textOf wrote it
    return states.length - 1;
  };
  // Operations that look alike are one kind, and go the same way from the same state.
  const kinds = new Int32Array(length).fill(NONE);
  const operations: ModelOperation[] = [];
  const purity: boolean[] = [];
  const byText = new Map<string, number>();
  const attempt = <T>(row: number, what: string, go: () => T): T => {
    try {
      return go();
    } catch (error) {
      const { index, process } = history.operation(row);
      throw new BadModel(
        `The model '${own.name}' failed: ${what} of the ${operations[kinds[row]].f} of process ${process}, index ${index}: ${messageOf(error)}.`,
      );
    }
  };
  const kind = (row: number): number => {
    if (kinds[row] !== NONE) return kinds[row];
    const operation = operationOf(history, row, isWhole);
    const text = JSON.stringify(operation);
    let id = byText.get(text);
    if (id === undefined) {
      id = kinds[row] = operations.length;
      byText.set(text, id);
      operations.push(frozen(operation));
      const isPlain = operation.f === 'read' || operation.outcome === 'fail';
      purity.push(own.pure === undefined ? isPlain : attempt(row, 'pure', () => own.pure?.(operation) === true));
    }
    kinds[row] = id;
    return id;
  };
  const steps = new Map<number, State>();
  return {
    initial: intern(own.initial),
    relevant(row) {
      if (isWhole && batch[row] !== NONE && batch[row] !== row) return false;
      if (outcome[row] === FAIL) return f[row] === CAS && constrains && (flags[row] & MISMATCH) !== 0;
      return outcome[row] === OK || (outcome[row] === INFO && !purity[kind(row)]);
    },
    pure: (row) => purity[kind(row)],
    kind,
    show: (state) => states[state],
    step(state, row) {
      const id = kind(row);
      const at = state * length + id;
      const known = steps.get(at);
      if (known !== undefined) return known;
      if (steps.size >= CACHED_MAX) steps.clear();
      const after = attempt(row, 'step', () => {
        const next = own.step(states[state], operations[id]);
        return next === undefined ? ILLEGAL : intern(next);
      });
      if (after !== ILLEGAL && after !== state && purity[id]) {
        attempt(row, 'step', () => {
          throw new Error('it changed the state, and is said to be pure');
        });
      }
      steps.set(at, after);
      return after;
    },
  };
}

const OUTCOMES: readonly Outcome[] = ['ok', 'fail', 'info'];

function operationOf(history: History, row: number, isWhole: boolean): ModelOperation {
  const { actual, batch, expected, f, flags, key, keys, outcome, value, values } = history;
  const ended = OUTCOMES[outcome[row]];
  if (isWhole && batch[row] === row) return { f: 'txn', key: null, value: partsOf(history, row), outcome: ended };
  return {
    f: METHODS[f[row]],
    key: keys[key[row]],
    value: values.get(value[row]),
    ...(f[row] === CAS ? { expected: values.get(expected[row]) } : {}),
    outcome: ended,
    ...((flags[row] & HAS_ACTUAL) === 0 ? {} : { actual: values.get(actual[row]) }),
  };
}

function partsOf({ batch, f, flags, key, keys, length, value, values }: History, first: number): Value {
  const parts: Value[] = [];
  for (let row = first; row < length && batch[row] === first; row++) {
    const isPart = (flags[row] & TRANSACTION) !== 0 && f[row] !== READ;
    const what = isPart ? (f[row] === WRITE ? 'w' : METHODS[f[row]]) : 'r';
    parts.push([what, keys[key[row]], value[row] === NULL_REF ? null : values.get(value[row])]);
  }
  return parts;
}

/** JSON with the names in order, so that equal values have equal texts. Throws for what JSON would change or lose. */
function textOf(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${Array.from(value as readonly unknown[], textOf).join()}]`;
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  if (typeof value !== 'object' || (prototype !== Object.prototype && prototype !== null)) {
    throw new Error(`a state must be a plain JSON value, and holds ${shown(value)}`);
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, field]) => `${JSON.stringify(name)}:${textOf(field)}`).join()}}`;
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const field of Object.values(value)) frozen<unknown>(field);
  return Object.freeze(value);
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').replace(/\.$/, '').slice(0, 300);
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'number') return String(value);
  const type =
    typeof value === 'object' && value !== null
      ? (value.constructor as { name?: string } | undefined)?.name
      : undefined;
  if (type !== undefined && type !== 'Object' && type !== 'Array') return `a ${type}`;
  try {
    return JSON.stringify(value).slice(0, 60);
  } catch {
    return 'what cannot be shown';
  }
}
