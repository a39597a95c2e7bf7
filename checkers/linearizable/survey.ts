/** One pass over the history: what each row says, what each key was asked, and how much of it is evidence. */
import type { Model } from '../model.ts';
import { CAS, FAIL, METHODS, NEVER, NONE, TRANSACTION } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { ABSURD, DENIES, READS, SWAPS, WRITES, deed, reference } from './register.ts';
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
    /** Operations that returned and overlapped another of their key that returned. */
    readonly concurrent: number;
    readonly indeterminate: number;
  };
}

export function survey(history: History, reading: RegisterReading, model: Model): Survey {
  const { length, key, f, flags, outcome, ret, value } = history;
  const keys = history.keys.length;
  const deeds = new Uint8Array(length);
  const writesOf = new Int32Array(keys);
  const lowest = new Int32Array(keys).fill(0x7fffffff);
  const highest = new Int32Array(keys).fill(-0x80000000);
  const readsOf = new Int32Array(keys);
  const foreign = new Int32Array(keys).fill(NONE);
  const knows = METHODS.map((method) => (model.methods.includes(method) ? 1 : 0));
  const overlaps = new Overlaps(history);
  let reads = 0;
  let writes = 0;
  let cas = 0;
  let denials = 0;
  let refused = 0;
  let indeterminate = 0;
  for (let row = 0; row < length; row++) {
    const k = key[row];
    if (knows[f[row]] === 0 || (flags[row] & TRANSACTION) !== 0) {
      if (foreign[k] === NONE) foreign[k] = row;
      continue;
    }
    const what = deed(history, reading, row);
    deeds[row] = what;
    switch (what) {
      case READS:
        reads++;
        readsOf[k]++;
        break;
      case WRITES:
        writes++;
        writesOf[k]++;
        break;
      case SWAPS:
        cas++;
        writesOf[k]++;
        if (ret[row] !== NEVER) readsOf[k]++;
        break;
      case DENIES:
      case ABSURD:
        denials++;
        readsOf[k]++;
        break;
      default:
        if (f[row] === CAS && outcome[row] === FAIL) refused++;
        continue;
    }
    if (what === WRITES || what === SWAPS) {
      const ref = reference(reading, value[row]);
      if (ref < lowest[k]) lowest[k] = ref;
      if (ref > highest[k]) highest[k] = ref;
    }
    if (ret[row] === NEVER) indeterminate++;
    else overlaps.add(row, k);
  }
  let used = 0;
  for (let k = 0; k < keys; k++) if (writesOf[k] + readsOf[k] > 0) used++;
  const operations = reads + writes + cas + denials + refused;
  const failedCas = denials + refused;
  const examined = { operations, keys: used, reads, writes, cas, failedCas, concurrent: overlaps.count, indeterminate };
  return { deeds, writesOf, lowest, highest, readsOf, foreign, swaps: cas, denials, examined };
}

/** Counts rows that overlap another of their key; given those that returned, in the order of their calls. */
class Overlaps {
  readonly #call: Int32Array;
  readonly #ret: Int32Array;
  /** Per key: the latest return so far, and the row that was added last, or NONE once it has been counted. */
  readonly #latest: Int32Array;
  readonly #uncounted: Int32Array;
  count = 0;

  constructor(history: History) {
    this.#call = history.call;
    this.#ret = history.ret;
    this.#latest = new Int32Array(history.keys.length).fill(-1);
    this.#uncounted = new Int32Array(history.keys.length).fill(NONE);
  }

  add(row: number, key: number): void {
    const call = this.#call[row];
    const ret = this.#ret[row];
    const previous = this.#uncounted[key];
    if (previous !== NONE && call < this.#ret[previous]) this.count++;
    if (call < this.#latest[key]) {
      this.count++;
      this.#uncounted[key] = NONE;
    } else {
      this.#uncounted[key] = row;
    }
    if (ret > this.#latest[key]) this.#latest[key] = ret;
  }
}
