/**
 * Registers under transactions, each key looked at alone: what each operation found there at first and left there in the end are a
 * read, a write or a cas of one register. An order of the whole is an order of each part; where a part has none (Gibbons & Korach
 * 1997: its values are written once, and their zones clash), neither has the whole. It takes linear time, and shows it with few.
 */
import type { Anomaly, Budget, Semantics } from '../checker.ts';
import { unlimited } from '../checker.ts';
import type { Model } from '../model.ts';
import casRegister from '../models/cas-register.ts';
import { rowsShown } from '../explain/last-state.ts';
import { wholeOf } from '../explain/whole.ts';
import type { Whole } from '../explain/whole.ts';
import { CAS, FAIL, INFO, NEVER, NONE, NULL_REF, OK, READ, TRANSACTION, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { historyOf } from '../../history/table.ts';
import { refuteWith } from '../search/shrink.ts';
import { anomaly } from './evidence.ts';
import { readReference, reference, registerReading } from './register.ts';
import type { RegisterReading } from './register.ts';
import { checkRegisters } from './registers.ts';
import { show, showOf } from './words.ts';

const NOTHING = 0xff;

/** Of longer objects it takes too long to look for fewer. */
const LONG = 300;
/** What is shown by the order of three or more values. */
const BY_TIME: ReadonlySet<string> = new Set(['stale read', 'stale cas']);

interface Shown {
  readonly anomaly: Anomaly;
  /** The first rows of the operations whose deeds to one key show it. */
  readonly firsts: readonly number[];
}

interface Told {
  readonly semantics: Semantics;
  readonly whole: Whole;
  /** By object. */
  readonly anomalies: ReadonlyMap<number, Shown>;
}

/** Of all objects at once: there may be as many as keys. */
const known = new WeakMap<History, Told>();

/** What shows, on one key alone, that the object of the row has no order; undefined says nothing. */
export function impossibleAlone(
  history: History,
  model: Model,
  rows: Int32Array,
  semantics: Semantics,
  budget: Budget,
): Anomaly | undefined {
  let told = known.get(history);
  if (told?.semantics !== semantics) {
    const whole = wholeOf(history, model);
    const anomalies = new Map<number, Shown>();
    for (const shown of lookAt(history, whole, semantics)) {
      const object = whole.of[shown.firsts[0]];
      if (!anomalies.has(object)) anomalies.set(object, shown);
    }
    told = { semantics, whole, anomalies };
    known.set(history, told);
  }
  const shown = told.anomalies.get(told.whole.of[rows[0]]);
  if (shown === undefined) return undefined;
  const isShort = BY_TIME.has(shown.anomaly.kind) && shown.firsts.length > 2 && rows.length <= LONG;
  return (isShort ? fewestOf(history, model, told, rows, shown, budget) : shown).anomaly;
}

/**
 * What is shown of one key may show it of another with fewer, where only what others wrote hides it. Spares one operation after
 * another, as long as those left show the like by themselves, and have no order whichever of the others happened.
 */
function fewestOf(
  history: History,
  model: Model,
  { semantics, whole }: Told,
  rows: Int32Array,
  shown: Shown,
  budget: Budget,
): Shown {
  const { batch, call, ret } = history;
  const machine = model.machine(history, semantics);
  const isRefuted = (firsts: readonly number[]): boolean => {
    const until = Math.max(...firsts.map((row) => (ret[row] === NEVER ? call[row] : ret[row])));
    const earlier = [...rows].filter((row) => call[row] < until);
    return refuteWith(history, machine, earlier, new Set(firsts), until, budget) !== undefined;
  };
  let best = shown;
  for (let i = 0; i < best.firsts.length; ) {
    const rest = new Set(best.firsts.toSpliced(i, 1));
    const keep = (row: number): boolean => rest.has(batch[row] === NONE ? row : batch[row]);
    const less = lookAt(history, whole, semantics, keep).find(
      ({ anomaly: { kind }, firsts }) => kind === shown.anomaly.kind && isRefuted(firsts),
    );
    if (less === undefined) i++;
    else [best, i] = [less, 0];
  }
  return best;
}

/** What shows of one key after the other; `keep`: the rows that are looked at. */
function lookAt(
  history: History,
  whole: Whole,
  semantics: Semantics,
  keep?: (row: number) => boolean,
): readonly Shown[] {
  const { rows, alone } = partsOf(history, semantics, keep);
  const { anomalies } = checkRegisters(alone, casRegister, semantics, unlimited, false);
  const all: Shown[] = [];
  for (const found of anomalies) {
    const own = rowsShown(alone, found).map((part) => rows[part]);
    if (own.length === 0) continue;
    const firsts = [...new Set(own.map((row) => (history.batch[row] === NONE ? row : history.batch[row])))];
    const { kind, sentence } = found;
    const x = show(history.keys[history.key[own[0]]]);
    const isWhole = firsts.every((row) => history.batch[row] === NONE);
    const hasCas = found.operations.some(({ f }) => f === 'cas');
    const cas = hasCas ? ' (a cas: one that read it and then wrote it)' : '';
    const more = isWhole ? '' : ` That is what the operations did to ${x} alone${cas}.`;
    const passing = passingWrite(history, registerReading(history, semantics), own);
    const told = anomaly(history, kind, sentence + more, firsts, whole);
    all.push({ firsts, anomaly: passing === undefined ? told : withPassing(history, told, passing, firsts, whole) });
  }
  return all;
}

/** A write that a transaction wrote over itself, so that nobody else can have found its value; `last` is what it left. */
interface Passing {
  readonly row: number;
  readonly last: number;
  readonly reader: number;
}

/** Such a write of a value that one of these rows found before it wrote there itself. */
function passingWrite(history: History, reading: RegisterReading, rows: readonly number[]): Passing | undefined {
  const { batch, f, flags, key, length, outcome, value } = history;
  for (const shown of rows) {
    const reader = f[shown] === READ ? shown : readBefore(history, reading, shown);
    if (reader === undefined) continue;
    const found = readReference(reading, value[reader]);
    for (let row = 0; row < length; row++) {
      if (f[row] !== WRITE || key[row] !== key[reader] || reference(reading, value[row]) !== found) continue;
      if ((flags[row] & TRANSACTION) === 0 || outcome[row] === FAIL) continue;
      let last = row;
      for (let i = row + 1; i < length && batch[i] === batch[row]; i++) {
        if (f[i] === WRITE && key[i] === key[row]) last = i;
      }
      if (value[last] !== value[row]) return { row, last, reader };
    }
  }
  return undefined;
}

/** What the transaction of a write read of its key before it wrote there. */
function readBefore(
  { batch, f, key, outcome, value }: History,
  reading: RegisterReading,
  write: number,
): number | undefined {
  if (batch[write] === NONE || outcome[write] !== OK) return undefined;
  for (let row = batch[write]; row < write; row++) {
    if (key[row] !== key[write]) continue;
    if (f[row] === WRITE) return undefined;
    if (!(reading.nilMatchesAny && value[row] === NULL_REF)) return row;
  }
  return undefined;
}

function withPassing(
  history: History,
  told: Anomaly,
  { row, last, reader }: Passing,
  firsts: readonly number[],
  whole: Whole,
): Anomaly {
  const text = (of: number): string => showOf(history.values, history.value[of]);
  const x = show(history.keys[history.key[row]]);
  const isOwn = history.batch[row] === history.batch[reader];
  const writer = `process ${history.process[row]}`;
  if (told.kind !== 'read of a value never written') {
    const aside = isOwn ? 'itself' : `of ${writer}`;
    const sentence = `${told.sentence} The transaction ${aside} that wrote ${text(row)} to ${x} as well wrote ${text(last)} over it.`;
    // That transaction is named, not shown: without it, those shown have no order either.
    return anomaly(history, told.kind, sentence, firsts, whole);
  }
  const found = `Process ${history.process[reader]} found ${text(reader)} in ${x}, which`;
  const sentence = isOwn
    ? `${found} nothing had written there but its own transaction, later.`
    : `${found} is there at no time: the transaction of ${writer} that wrote it wrote ${text(last)} over it.`;
  return anomaly(history, 'intermediate read', sentence, isOwn ? firsts : [...firsts, history.batch[row]], whole);
}

/** What the operations did to each key, as a history of registers; `rows`: which row each of its rows stands for. */
function partsOf(
  history: History,
  semantics: Semantics,
  keep?: (row: number) => boolean,
): { readonly rows: Int32Array; readonly alone: History } {
  const { batch, f, key, length, outcome, value } = history;
  const reading = registerReading(history, semantics);
  const found = new Int32Array(length).fill(NONE);
  const does = new Uint8Array(length).fill(NOTHING);
  // Of the operation that is gone through, by key: its first read, its last write.
  const reads = new Map<number, number>();
  const writes = new Map<number, number>();
  const end = (): void => {
    for (const [k, row] of writes) {
      const read = reads.get(k);
      if (read !== undefined) found[row] = value[read];
      does[row] = read === undefined ? WRITE : CAS;
    }
    for (const [k, row] of reads) if (!writes.has(k)) does[row] = READ;
    reads.clear();
    writes.clear();
  };
  let last = NONE;
  for (let row = 0; row < length; row++) {
    if (keep?.(row) === false) continue;
    if (batch[row] === NONE || batch[row] !== last) end();
    last = batch[row];
    const k = key[row];
    if (f[row] === WRITE && (outcome[row] === OK || outcome[row] === INFO)) writes.set(k, row);
    if (f[row] === WRITE && outcome[row] === FAIL) does[row] = WRITE; // who found its value is told of it
    const says = f[row] === READ && outcome[row] === OK && !(reading.nilMatchesAny && value[row] === NULL_REF);
    // Its own writes hide what was there before.
    if (says && !reads.has(k) && !writes.has(k)) reads.set(k, row);
  }
  end();
  const rows = Int32Array.from(does.keys()).filter((row) => does[row] !== NOTHING);
  const part = history.filter((row) => does[row] !== NOTHING);
  const alone = historyOf({
    ...part,
    f: Uint8Array.from(rows, (row) => does[row]),
    expected: Int32Array.from(rows, (row) => found[row]),
    flags: new Uint8Array(rows.length),
    batch: new Int32Array(rows.length).fill(NONE),
    operations: rows.length,
  });
  return { rows, alone };
}
