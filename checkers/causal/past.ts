/**
 * What is wrong with causality. A vector clock tells which writes lie in
 * the causal past of each read, and hence what must have come before the write it returned (Bouajjani, Enea, Guerraoui & Hamza,
 * On verifying causal consistency, 2017). Of each session only the last write to the key can matter, so that the pass costs
 * O(n k) (Møldrup, Nagasamudram et al., AWDIT, arXiv 2504.06975).
 */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { reference } from '../linearizable/register.ts';
import { IntList } from './int-list.ts';
import type { SessionOrder } from './order.ts';
import { CausalPass } from './pass.ts';
import { shortestCircle } from './short-circle.ts';
import { INITIAL, type Units, unitOf } from './units.ts';
import { WriteLists } from './write-lists.ts';

const FINDINGS_KEPT = 10;
const CACHE_MAX = 1 << 14;

/** What is wrong, by units and rows. */
export type PastFinding =
  /** Each unit causally precedes the next, and the last the first. */
  | { readonly type: 'cycle'; readonly units: readonly number[] }
  /** The read returned the initial value though this write is in its causal past. */
  | { readonly type: 'initial after write'; readonly read: number; readonly write: number }
  /** `write` lies causally between the write that was read and the read. */
  | { readonly type: 'overwritten'; readonly read: number; readonly write: number }
  /** The reads of one unit, each of which puts a write that it did not return before the one it did, in a circle. */
  | { readonly type: 'fractured'; readonly conflicts: readonly Conflict[] }
  /** A cas was refused though its key never held anything but what it expected. */
  | { readonly type: 'refused without cause'; readonly row: number };

/** `from`, in the past of the unit of `read`, must come before `to`, whose value `read` returned. By units, and a row. */
export interface Conflict {
  readonly from: number;
  readonly to: number;
  readonly read: number;
}

export class Past extends CausalPass {
  /** Conflicts, three integers each: from, to, read. */
  readonly conflicts = new IntList();
  readonly findings: PastFinding[] = [];
  count = 0;
  /** Failed cas that only a write explains of which nobody knows that it had reached them. */
  readonly openDenials: number[] = [];
  /** All failed cas that do not say what they found. */
  readonly denials: number[] = [];

  /** Whether all clocks are kept, to tell what precedes what: for what the fast pass found doubtful. */
  readonly #exact: boolean;
  readonly #lists: WriteLists;
  /** Conflicts seen lately, by a hash. */
  readonly #cacheFrom: Int32Array;
  readonly #cacheTo: Int32Array;

  constructor(units: Units, sessions: SessionOrder, budget: Budget, exact: boolean) {
    super(units, sessions, exact);
    const { length, keys } = units.history;
    this.#exact = exact;
    this.#lists = new WriteLists(keys.length, length);
    const cache = Math.min(CACHE_MAX, 2 ** (32 - Math.clz32(length)));
    this.#cacheFrom = new Int32Array(cache).fill(NONE);
    this.#cacheTo = new Int32Array(cache).fill(NONE);
    this.run(budget);
  }

  /** Whether unit a, which writes, causally precedes unit b or is it. Only of exact passes, for units that write. */
  reaches(a: number, b: number): boolean {
    const { ints, width } = this.clocks;
    return ints[this.saved[b] * width + this.chain[a]] >= this.index[a];
  }

  /** What lies in the past of a read of `from`, and not in the past of `from`. */
  protected override judge(read: number, from: number, row: number): void {
    const { ints, width } = this.clocks;
    const lists = this.#lists;
    const key = this.units.history.key[read];
    const own = row * width;
    const theirs = from === INITIAL ? NONE : this.saved[from] * width;
    const { newestIndex } = lists;
    if (newestIndex === undefined) {
      for (let list = lists.first[key]; list !== NONE; list = lists.next.items[list]) {
        const chain = lists.chain.items[list];
        const shown = theirs === NONE ? 0 : ints[theirs + chain];
        if (ints[own + chain] > shown && !this.#compare(read, from, list, ints[own + chain], shown)) return;
      }
      return;
    }
    const newest = key * lists.width;
    const chains = Math.min(this.chains, lists.width);
    for (let chain = 0; chain < chains; chain++) {
      const shown = theirs === NONE ? 0 : ints[theirs + chain];
      const known = ints[own + chain];
      // Mostly what was written lately is known to neither, or to both.
      if (known <= shown || newestIndex[newest + chain] <= shown) continue;
      if (!this.#compare(read, from, lists.list(key, chain), known, shown)) return;
    }
  }

  /** Compares a read with what it knows of one chain, of which the write it returned knew `shown`. Whether to go on. */
  #compare(read: number, from: number, list: number, known: number, shown: number): boolean {
    const { history } = this.units;
    const lists = this.#lists;
    const write = lists.upTo(list, known);
    if (write === NONE || lists.index[write] <= shown) return true;
    if (from === INITIAL) {
      this.#find({ type: 'initial after write', read, write: unitOf(history, write) });
      return false;
    }
    this.#conflict(unitOf(history, write), from, read);
    return true;
  }

  protected override wrote(row: number, chain: number, index: number): void {
    this.#lists.add(this.units.history.key[row], chain, row, index);
  }

  protected override circular(units: readonly number[]): void {
    this.#find({ type: 'cycle', units });
  }

  #conflict(from: number, to: number, read: number): void {
    if (this.#exact && this.reaches(to, from)) {
      this.#find({ type: 'overwritten', read, write: from });
      return;
    }
    const hash = Math.imul(from, 0x9e3779b1) ^ Math.imul(to, 0x85ebca6b);
    const at = (hash >>> 15) & (this.#cacheFrom.length - 1);
    const known = this.#cacheFrom[at] === from && this.#cacheTo[at] === to;
    // A unit of several reads is judged by all of its conflicts.
    if (known && !this.#exact) return;
    this.#cacheFrom[at] = from;
    this.#cacheTo[at] = to;
    this.conflicts.push(from);
    this.conflicts.push(to);
    this.conflicts.push(read);
  }

  /** Whether the conflicts of one unit, those of its reads, go in a circle along the causal order. */
  protected override judgeTogether(unit: number): void {
    if (!this.#exact) return;
    let since = this.conflicts.length;
    while (since > 0 && unitOf(this.units.history, this.conflicts.at(since - 1)) === unit) since -= 3;
    const conflicts: Conflict[] = [];
    for (let i = since; i < this.conflicts.length; i += 3) {
      conflicts.push({ from: this.conflicts.at(i), to: this.conflicts.at(i + 1), read: this.conflicts.at(i + 2) });
    }
    if (new Set(conflicts.map(({ to }) => to)).size < 2) return;
    const circle = shortestCircle(conflicts, (a, b) => a.to === b.from || this.reaches(a.to, b.from));
    if (circle !== undefined) this.#find({ type: 'fractured', conflicts: circle });
  }

  /**
   * A failed cas that does not say what it found. It found another value than it expected: any that is newest in its past, or one
   * that nothing else shows to have reached it.
   */
  protected override deny(denial: number, row: number): void {
    const { history, reading, writesOf } = this.units;
    const { ints, width } = this.clocks;
    const lists = this.#lists;
    const key = history.key[denial];
    const expected = reference(reading, history.expected[denial]);
    let [alike, others] = [0, 0];
    for (let list = lists.first[key]; list !== NONE; list = lists.next.items[list]) {
      const write = lists.upTo(list, ints[row * width + lists.chain.items[list]]);
      if (write === NONE) continue;
      if (reference(reading, history.value[write]) === expected) alike++;
      else others++;
    }
    this.denials.push(denial);
    if (alike === 0 && (others > 0 || expected !== reading.initial)) return;
    if (writesOf[key] > alike) this.openDenials.push(denial);
    else this.#find({ type: 'refused without cause', row: denial });
  }

  #find(finding: PastFinding): void {
    if (this.count++ < FINDINGS_KEPT) this.findings.push(finding);
  }
}
