/** One event of an operation as codes and references: what codecs fill, and the builder takes. */
import { FAIL, INFO, METHODS, NONE, OK, READ, WRITE } from './history.ts';
import type { Value } from './operation.ts';
import { NULL_REF } from './values.ts';

/** `EventFields.type` besides OK, FAIL and INFO. */
export const INVOKE = 3;

/** `EventFields.f` beyond METHODS: the two that become several rows. */
export const READ_MANY = METHODS.length;
export const TXN = METHODS.length + 1;

/** Event types and methods by name, as codes. */
export const typeCodes: ReadonlyMap<string, number> = new Map([
  ['ok', OK],
  ['fail', FAIL],
  ['info', INFO],
  ['invoke', INVOKE],
]); // prettier-ignore
export const methodCodes: ReadonlyMap<string, number> = new Map<string, number>([
  ...METHODS.map((name, code): [string, number] => [name, code]),
  ['put', WRITE],
  ['get', READ],
  ['readMany', READ_MANY],
  ['txn', TXN],
]);

/** Parts of a transaction by name: Elle's, Knossos's (`:read`, `:write`). */
export const partCodes: ReadonlyMap<string, number> = new Map([
  ['r', READ],
  ['w', WRITE],
  ['append', METHODS.indexOf('append')],
  ['read', READ],
  ['write', WRITE],
]);

const asking = METHODS.map((name) => ['read', 'poll', 'dequeue', 'drain'].includes(name));
const telling = METHODS.map((name) => ['send', 'acquire'].includes(name));

/** Whether completions of the method may say something else than its invocations. */
export const answersAtEnd = (f: number): boolean => (asking[f] ?? false) || (telling[f] ?? false);

/** Whether the value of this ok completion is news, and not a repetition of what was invoked. */
export function tellsNews({ f, value }: EventFields): boolean {
  return (asking[f] ?? false) || ((telling[f] ?? false) && value !== NULL_REF);
}

/** One operation's event, by codes and references. Made once, filled for each event: `clear()` first. */
export class EventFields {
  type = INVOKE;
  f = READ;
  process = 0;
  time = Number.NaN;
  /** The journal's own number of the event; NONE: its place in the order. */
  index = NONE;
  key = NONE;
  /** Of a cas: the next value. Not used by `readMany` and `txn`. */
  value = NULL_REF;
  expected = NONE;
  actual = NONE;
  mismatch = false;
  session = NONE;
  device = NONE;
  path = NONE;
  node = NONE;
  role = 255;
  intended = Number.NaN;
  versionGroup = NONE;
  versionHistory = NONE;
  versionAt = Number.NaN;
  positionGroup = NONE;
  positionHistory = NONE;
  positionAt = Number.NaN;
  /** The value of a `readMany` or `txn`, and the versions of a `readMany`. */
  list: Value = null;
  versions: readonly unknown[] | undefined = undefined;

  clear(): void {
    this.index = this.key = this.expected = this.actual = this.session = this.device = this.path = this.node = NONE;
    this.versionGroup = this.versionHistory = this.positionGroup = this.positionHistory = NONE;
    this.time = this.intended = this.versionAt = this.positionAt = Number.NaN;
    this.value = NULL_REF;
    this.mismatch = false;
    this.role = 255;
    this.list = null;
    this.versions = undefined;
  }
}

/** What a lock is called in a history that names no keys: nobody acquires a register. */
export const ONLY_LOCK = 'lock';
