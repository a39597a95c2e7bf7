/**
 * Which writes are newer than which, by the cas that succeeded: what such a cas put stands directly after what it found. So the
 * writes that cas link are one block, which no other write comes between, and a write that is newer than one of a block is
 * newer than all of it. Blocks are ordered by time, as clusters are (Gibbons & Korach 1997): block B is newer than A if one of B was
 * invoked after one of A had taken effect.
 */
import { CAS, NEVER, NONE } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import type { Registers } from '../sessions/registers.ts';
import { lookUp } from './chains.ts';

/** Clusters are named by the row of their write, the initial value of key k by `length + k`. */
export interface Links {
  /** Per cluster: the cas that replaced it, or NONE. */
  readonly next: Int32Array;
  /** Per row: what it replaced, where it is such a cas; else NONE. */
  readonly before: Int32Array;
  /** Per key: LINKED where there are cas to go by, BROKEN where they cannot all have happened. */
  readonly keys: Uint8Array;
  /** Per row of a block of several: the newest of them; else NONE. For the newest, the row that was invoked last. */
  readonly tail: Int32Array;
  readonly last: Int32Array;
}

const LINKED = 1;
const BROKEN = 2;

/** Undefined where no cas links two writes. A cas of unknown outcome happened iff its value was found; what was undone links nothing. */
export function linksOf(registers: Registers, semantics: Semantics, undone: ReadonlySet<number>): Links | undefined {
  const { history, done } = registers;
  const { length, f, key, call } = history;
  const isLost = (row: number): boolean => undone.size > 0 && undone.has(call[row]);
  const isCas = (row: number): boolean => f[row] === CAS && registers.isWrite(row) && !isLost(row);
  const happened: number[] = [];
  for (let row = 0; row < length; row++) if (done[row] !== NEVER && isCas(row)) happened.push(row);
  if (happened.length === 0) return undefined;
  const found = lookUp(registers, semantics);
  const next = new Int32Array(length + history.keys.length).fill(NONE);
  const before = new Int32Array(length).fill(NONE);
  const keys = new Uint8Array(history.keys.length);
  for (let row = happened.pop(); row !== undefined; row = happened.pop()) {
    const older = found(row);
    if (older < 0 || (older < length && isLost(older))) continue;
    keys[key[row]] |= next[older] === NONE ? LINKED : BROKEN;
    next[older] = row;
    before[row] = older;
    // What a cas that happened has replaced did happen too.
    if (older < length && done[older] === NEVER && before[older] === NONE && isCas(older)) happened.push(older);
  }
  const links = { next, before, keys, tail: new Int32Array(length).fill(NONE), last: new Int32Array(length) };
  walk(registers, links);
  return links;
}

/** Walks each block from its oldest write; what is not reached goes in a circle. */
function walk({ history }: Registers, { next, before, keys, tail, last }: Links): void {
  const { length, key } = history;
  for (let root = 0; root < next.length; root++) {
    if (next[root] === NONE || (root < length && before[root] !== NONE)) continue;
    if (keys[root < length ? key[root] : root - length] !== LINKED) continue;
    let newest = root;
    let latest = root < length ? root : NONE;
    for (let c = next[root]; c !== NONE; c = next[c]) {
      newest = c;
      latest = Math.max(latest, c);
    }
    for (let c = newest; c !== NONE && c < length; c = before[c]) tail[c] = newest;
    last[newest] = latest;
  }
  for (let row = 0; row < length; row++) if (before[row] !== NONE && tail[row] === NONE) keys[key[row]] |= BROKEN;
}

/** Whether there are cas to go by in a key. */
export const isLinked = (links: Links | undefined, k: number): links is Links => links?.keys[k] === LINKED;

/** Takes, for a write, of what is newer: the one that had taken effect first (or NONE), how many, and the first acknowledgement. */
type Put = (write: number, first: number, count: number, acknowledged: number) => void;

/** What is known of each write of a history: when it had taken effect, and when it was acknowledged. */
export interface Writes {
  readonly effect: Float64Array;
  readonly acknowledged: (row: number) => number;
}

/** The blocks of one key, by the last call of each. */
interface Blocks {
  /** The row of that call: rows are in the order of calls. */
  readonly last: Int32Array;
  /** The newest write. */
  readonly tail: Int32Array;
  readonly size: Int32Array;
  /** Event position of the first effect; -1 where the initial value is of it. */
  readonly done: Float64Array;
  /** The write that had taken effect first, and when. */
  readonly effectOf: Int32Array;
  readonly effect: Float64Array;
  readonly acknowledged: Float64Array;
}

/**
 * Tells for each write what is newer. Linear but for sorting the blocks.
 *
 * @param rows the key's writes that had certainly taken effect and count
 * @returns false where no order of the writes is one that time and the cas allow; then nothing was told
 */
export function newerByCas(registers: Registers, links: Links, rows: Int32Array, writes: Writes, put: Put): boolean {
  const blocks = blocksOf(registers, links, rows, writes);
  if (blocks === undefined) return false;
  const { call } = registers.history;
  const { last, done } = blocks;
  const calls = Int32Array.from(last, (row) => call[row]);
  const byDone = new TwoLeast(done);
  const from = new Int32Array(last.length);
  for (let i = 0; i < last.length; i++) {
    from[i] = firstAbove(calls, done[i]);
    const newer = byDone.besides(from[i], i);
    if (newer === NONE) continue;
    if (done[newer] < calls[i]) return false; // each newer than the other
    // What is newer than the newer ones: where blocks are not in each other's way, one step leads to all of it.
    from[i] = Math.min(from[i], firstAbove(calls, done[newer]));
  }
  tellEach(registers, links, blocks, writes, from, put);
  return true;
}

function tellEach(
  { history, done }: Registers,
  { before }: Links,
  { last, tail, size, ...blocks }: Blocks,
  { effect, acknowledged }: Writes,
  from: Int32Array,
  put: Put,
): void {
  const byEffect = new TwoLeast(blocks.effect);
  const byAck = new TwoLeast(blocks.acknowledged);
  const sizes = new Int32Array(last.length + 1);
  for (let i = last.length - 1; i >= 0; i--) sizes[i] = sizes[i + 1] + size[i];
  for (let i = 0; i < last.length; i++) {
    const firstBlock = byEffect.besides(from[i], i);
    const ackBlock = byAck.besides(from[i], i);
    let first = firstBlock === NONE ? NONE : blocks.effectOf[firstBlock];
    let ack = ackBlock === NONE ? Number.POSITIVE_INFINITY : blocks.acknowledged[ackBlock];
    let count = sizes[from[i]] - (i >= from[i] ? size[i] : 0);
    for (let c = tail[i]; c !== NONE && c < history.length; c = before[c]) {
      if (done[c] === NEVER) continue;
      put(c, first, count, ack);
      count++;
      if (first === NONE || effect[c] < effect[first]) first = c;
      ack = Math.min(ack, acknowledged(c));
    }
  }
}

/** Undefined where a cas was invoked after what came of its value had taken effect. */
function blocksOf({ done, history }: Registers, links: Links, rows: Int32Array, writes: Writes): Blocks | undefined {
  const { length, call } = history;
  // The newest of a block is a cas that took effect: it is among the rows.
  const heads = rows.filter((row) => links.tail[row] === NONE || links.tail[row] === row);
  const last = heads.map((row) => (links.tail[row] === NONE ? row : links.last[row])).sort();
  const blocks: Blocks = {
    last,
    tail: last.map((row) => (links.tail[row] === NONE ? row : links.tail[row])),
    size: new Int32Array(last.length),
    done: new Float64Array(last.length).fill(NEVER),
    effectOf: new Int32Array(last.length).fill(NONE),
    effect: new Float64Array(last.length).fill(Number.POSITIVE_INFINITY),
    acknowledged: new Float64Array(last.length).fill(Number.POSITIVE_INFINITY),
  };
  for (let i = 0; i < last.length; i++) {
    for (let c = blocks.tail[i]; c !== NONE; c = c < length ? links.before[c] : NONE) {
      if (c >= length) blocks.done[i] = -1;
      else if (blocks.done[i] < call[c]) return undefined;
      else if (done[c] !== NEVER) {
        blocks.size[i]++;
        blocks.done[i] = Math.min(blocks.done[i], done[c]);
        blocks.acknowledged[i] = Math.min(blocks.acknowledged[i], writes.acknowledged(c));
        if (blocks.effectOf[i] !== NONE && !(writes.effect[c] < blocks.effect[i])) continue;
        blocks.effectOf[i] = c;
        blocks.effect[i] = writes.effect[c];
      }
    }
  }
  return blocks;
}

/** Of the places from each one on, the two of the least number. */
class TwoLeast {
  readonly #least: Int32Array;
  readonly #second: Int32Array;

  constructor(numbers: Float64Array) {
    this.#least = new Int32Array(numbers.length + 1).fill(NONE);
    this.#second = new Int32Array(numbers.length + 1).fill(NONE);
    const isLess = (a: number, b: number): boolean => b === NONE || numbers[a] < numbers[b];
    for (let i = numbers.length - 1; i >= 0; i--) {
      const least = this.#least[i + 1];
      const second = this.#second[i + 1];
      this.#least[i] = isLess(i, least) ? i : least;
      this.#second[i] = isLess(i, least) ? least : isLess(i, second) ? i : second;
    }
  }

  /** NONE: there is none but this. */
  besides(from: number, place: number): number {
    return this.#least[from] === place ? this.#second[from] : this.#least[from];
  }
}

/** The first place whose number is above the limit. */
function firstAbove(sorted: Int32Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
