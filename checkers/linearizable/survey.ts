/** One pass over the history: what each row says, what each key was asked, and how much of it is evidence. */
import type { Model } from '../model.ts';
import {
  CAS,
  FAIL,
  HAS_ACTUAL,
  METHODS,
  MISMATCH,
  NEVER,
  NONE,
  OK,
  READ,
  TRANSACTION,
  WRITE,
} from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { ABSURD, DENIES, READS, SILENT, SWAPS, WRITES, deed, reference } from './register.ts';
import type { RegisterReading } from './register.ts';

export interface Survey {
  /** Per row, one of the constants of register.ts. */
  readonly deeds: Uint8Array;
  /** Per key: operations that write or may have written. */
  readonly writesOf: Int32Array;
  /** Per key: the lowest and the highest reference written. */
  readonly lowest: Int32Array;
  readonly highest: Int32Array;
  /** Per key: operations that say what they found, or denied. */
  readonly readsOf: Int32Array;
  /** Per key: a row that the model gives no meaning to; NONE where there is none. */
  readonly foreign: Int32Array;
  readonly swaps: number;
  readonly denials: number;
  readonly examined: {
    readonly operations: number;
    readonly keys: number;
    readonly reads: number;
    readonly writes: number;
    readonly cas: number;
    /** Also those that constrain nothing: that a store refused a cas is an answer, though a weak one. */
    readonly failedCas: number;
    readonly indeterminate: number;
  };
}

/** What a row says may depend on more than its method, outcome and flags; and two kinds of silence are counted. */
const ASK = 6;
const REFUSED = 7;
const FOREIGN = 8;
const CODES = 9;

/** The flags that matter. */
const FLAGS = MISMATCH | HAS_ACTUAL | TRANSACTION;

export function survey(history: History, reading: RegisterReading, model: Model): Survey {
  const { length, key, f, flags, outcome, ret, value } = history;
  const keys = history.keys.length;
  const deeds = new Uint8Array(length);
  const writesOf = new Int32Array(keys);
  const lowest = new Int32Array(keys).fill(0x7fffffff);
  const highest = new Int32Array(keys).fill(-0x80000000);
  const readsOf = new Int32Array(keys);
  const foreign = new Int32Array(keys).fill(NONE);
  const codes = codesOf(reading, model);
  const counts = new Int32Array(CODES);
  let indeterminate = 0;
  for (let row = 0; row < length; row++) {
    let what = codes[(f[row] << 5) | (outcome[row] << 3) | (flags[row] & FLAGS)];
    if (what === ASK) what = deed(history, reading, row);
    counts[what]++;
    const k = key[row];
    if (what === READS) {
      deeds[row] = READS;
      readsOf[k]++;
    } else if (what === WRITES || what === SWAPS) {
      deeds[row] = what;
      writesOf[k]++;
      const ref = reference(reading, value[row]);
      if (ref < lowest[k]) lowest[k] = ref;
      if (ref > highest[k]) highest[k] = ref;
      if (ret[row] === NEVER) indeterminate++;
      else if (what === SWAPS) readsOf[k]++;
    } else if (what === DENIES || what === ABSURD) {
      deeds[row] = what;
      readsOf[k]++;
    } else if (what === FOREIGN && foreign[k] === NONE) {
      foreign[k] = row;
    }
  }
  let used = 0;
  for (let k = 0; k < keys; k++) if (writesOf[k] + readsOf[k] > 0) used++;
  const [reads, writes, cas] = [counts[READS], counts[WRITES], counts[SWAPS]];
  const denials = counts[DENIES] + counts[ABSURD];
  const failedCas = denials + counts[REFUSED];
  const examined = {
    operations: reads + writes + cas + failedCas,
    keys: used,
    reads,
    writes,
    cas,
    failedCas,
    indeterminate,
  };
  return { deeds, writesOf, lowest, highest, readsOf, foreign, swaps: cas, denials, examined };
}

/** `deed` by method, outcome and flags, so that most rows are looked up. */
function codesOf(reading: RegisterReading, model: Model): Uint8Array {
  const codes = new Uint8Array(METHODS.length << 5);
  for (let index = 0; index < codes.length; index++) {
    const method = index >> 5;
    const outcome = (index >> 3) & 3;
    const flags = index & 7;
    codes[index] =
      !model.methods.includes(METHODS[method]) || (flags & TRANSACTION) !== 0
        ? FOREIGN
        : codeOf(reading, method, outcome, flags);
  }
  return codes;
}

function codeOf(reading: RegisterReading, method: number, outcome: number, flags: number): number {
  switch (method) {
    case READ:
      return outcome !== OK ? SILENT : reading.nilMatchesAny ? ASK : READS;
    case WRITE:
      return outcome === FAIL ? SILENT : WRITES;
    case CAS:
      if (outcome !== FAIL) return SWAPS;
      if ((flags & MISMATCH) === 0 || !reading.failedCasConstrains) return REFUSED;
      return (flags & HAS_ACTUAL) === 0 ? DENIES : ASK;
    default:
      return SILENT;
  }
}
