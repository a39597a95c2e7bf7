/**
 * Zones (Gibbons and Korach, Testing Shared Memories, 1997) and chains of cas while the history grows.
 *
 * A block (a cluster, or several joined by cas) has a first return f and a last call s. Two blocks A and B cannot stand one after the
 * other iff f(A) < s(B) and f(B) < s(A). Events come in order, so a first return that happens now is later than every call there is,
 * and crosses nothing: only a call that turns out to belong to a block (its read has returned), and a cas that joins two, can
 * cross others. As nothing crossed before, whatever is crossed now had its first return between the old end of the block
 * and the new one: a walk back over the clusters in the order of their first returns finds it. The ends only move on, so
 * each cluster is met once for each block it is open with, and the whole costs as much as operations overlap.
 *
 * Exact for keys whose values are all written once. A key that a value is written to again, or whose failed cas do not say what they
 * found, is named in `doubtful`: zones do not decide it (in the second case they find part of what is wrong).
 */
import type { Growing } from '../../history/growing.ts';
import { CAS, FAIL, INFO, NEVER, NONE, READ, TRANSACTION, WRITE } from '../../history/history.ts';
import { ABSURD, DENIES, deed, found, READS, reference, type RegisterReading } from '../linearizable/register.ts';
import { ClusterTable, DEAD, LINKED, SWAP } from './cluster-table.ts';
import { widened } from './widened.ts';

/** What is to be thought of a key. */
const PLAIN = 0;
const REPEATED = 1; // a value was written to it again, or its initial value
const FOREIGN = 2; // it was asked for what the model gives no meaning to
const CROSSED = 3;

export class ZoneStream {
  /** Keys in which something is wrong, each once, in the order of its discovery. */
  readonly crossed: number[] = [];
  readonly #growing: Growing;
  readonly #reading: RegisterReading;
  /** Whether the model knows cas. */
  readonly #swaps: boolean;
  readonly #clusters = new ClusterTable();
  #state = new Uint8Array(16);
  /** 1 once a cas failed that does not say what it found. */
  #denied = new Uint8Array(16);
  /** Cluster of the initial value, plus one. */
  #initial = new Int32Array(16);
  /** The cluster whose first return was the last, plus one. */
  #newest = new Int32Array(16);

  constructor(growing: Growing, reading: RegisterReading, swaps: boolean) {
    this.#growing = growing;
    this.#reading = reading;
    this.#swaps = swaps;
  }

  /** Whether zones alone do not decide the key. */
  doubtful(key: number): boolean {
    return this.#state[key] === REPEATED || (this.#denied[key] === 1 && this.#state[key] === PLAIN);
  }

  invoked(row: number): void {
    const c = this.#growing.columns;
    const key = c.key[row];
    this.#makeRoom(key);
    if (this.#state[key] !== PLAIN) return;
    const f = c.f[row];
    if (f === READ && (c.flags[row] & TRANSACTION) === 0) return;
    if ((f !== WRITE && !(f === CAS && this.#swaps)) || (c.flags[row] & TRANSACTION) !== 0) {
      this.#state[key] = FOREIGN;
      return;
    }
    const clusters = this.#clusters;
    const value = reference(this.#reading, c.value[row]);
    const known = value === this.#reading.initial ? NONE : clusters.find(key, value);
    const state = f === CAS ? SWAP : 0;
    if (value === this.#reading.initial || (known !== NONE && clusters.state[known] !== DEAD))
      this.#state[key] = REPEATED;
    else if (known === NONE) clusters.add(key, value, row, c.call[row], state);
    else clusters.renew(known, row, c.call[row], state);
  }

  completed(row: number): void {
    const c = this.#growing.columns;
    const key = c.key[row];
    if (this.#state[key] !== PLAIN || c.outcome[row] === INFO) return;
    if (c.f[row] !== READ) this.#writeEnded(row, key);
    else if (deed(c, this.#reading, row) === READS) this.#saw(row, key);
  }

  #writeEnded(row: number, key: number): void {
    const c = this.#growing.columns;
    const clusters = this.#clusters;
    const own = clusters.find(key, reference(this.#reading, c.value[row]));
    if (c.outcome[row] !== FAIL) {
      this.#returned(own, c.ret[row]);
      if ((clusters.state[own] & SWAP) !== 0) this.#link(own);
      return;
    }
    // What was found, or replaced by a cas that happened, was never written.
    if (clusters.first[own] !== NEVER || clusters.next[own] !== NONE) {
      this.#cross(key);
      return;
    }
    clusters.state[own] = DEAD;
    const what = deed(c, this.#reading, row);
    if (what === READS) this.#saw(row, key);
    else if (what === DENIES) this.#denied[key] = 1;
    else if (what === ABSURD) this.#cross(key);
  }

  /** A read, or a cas that says what it found instead, has returned. */
  #saw(row: number, key: number): void {
    const clusters = this.#clusters;
    const columns = this.#growing.columns;
    const value = found(columns, this.#reading, row);
    const c = value === this.#reading.initial ? this.#initialOf(key) : clusters.find(key, value);
    if (c === NONE || clusters.state[c] === DEAD) {
      this.#cross(key);
      return;
    }
    const call = columns.call[row];
    const ret = columns.ret[row];
    this.#returned(c, ret);
    if (call > clusters.last[c]) {
      clusters.last[c] = call;
      this.#extend(c, call, ret);
    }
    if ((clusters.state[c] & SWAP) !== 0) this.#link(c);
  }

  /** The cluster shows itself; what is later than all calls crosses nothing. */
  #returned(c: number, ret: number): void {
    const clusters = this.#clusters;
    if (clusters.first[c] !== NEVER) return;
    const key = clusters.key[c];
    clusters.first[c] = ret;
    clusters.earlier[c] = this.#newest[key] - 1;
    this.#newest[key] = c + 1;
    const block = clusters.block(c);
    if (clusters.blockFirst[block] === NEVER) clusters.blockFirst[block] = ret;
  }

  /** An operation called at `call`, which returns now, belongs to the cluster. */
  #extend(c: number, call: number, now: number): void {
    const clusters = this.#clusters;
    const block = clusters.block(c);
    const old = clusters.blockLast[block];
    if (call > old) {
      clusters.blockLast[block] = call;
      if (clusters.blockFirst[block] !== now && this.#crosses(block, block, old, call, clusters.blockFirst[block])) {
        this.#cross(clusters.key[c]);
        return;
      }
    }
    // What follows by cas may not have shown itself before. Nothing behind a cluster shows itself before that one's last call.
    for (let after = clusters.next[c]; after !== NONE; after = clusters.next[after]) {
      if (clusters.first[after] < call) {
        this.#cross(clusters.key[c]);
        return;
      }
      if (clusters.last[after] >= call) return;
    }
  }

  /**
   * Whether a block other than these two had its first return from `from` on and before `until`, and a last call after
   * `first`.
   */
  #crosses(block: number, other: number, from: number, until: number, first: number): boolean {
    const clusters = this.#clusters;
    for (let c = this.#newest[clusters.key[block]] - 1; c !== NONE; c = clusters.earlier[c]) {
      if (clusters.first[c] < from) return false;
      if (clusters.first[c] >= until) continue;
      const one = clusters.block(c);
      if (one !== block && one !== other && clusters.blockLast[one] > first) return true;
    }
    return false;
  }

  /** The cas happened: it stands right after what it replaced. What that cas had found in turn, happened too. */
  #link(swap: number): void {
    const clusters = this.#clusters;
    const { columns } = this.#growing;
    for (let c = swap; (clusters.state[c] & LINKED) === 0; ) {
      const key = clusters.key[c];
      clusters.state[c] |= LINKED;
      const expected = reference(this.#reading, columns.expected[clusters.row[c]]);
      const before = expected === this.#reading.initial ? this.#initialOf(key) : clusters.find(key, expected);
      if (before === NONE || clusters.state[before] === DEAD || clusters.next[before] !== NONE) {
        this.#cross(key);
        return;
      }
      clusters.next[before] = c;
      const a = clusters.block(before);
      const b = clusters.block(c);
      // The new part shows itself only now: it can be before nothing, but something may have to stand between the two.
      const [end, newEnd] = [clusters.blockLast[a], clusters.blockLast[b]];
      if (a === b || (end < newEnd && this.#crosses(a, b, end, newEnd, clusters.blockFirst[a]))) {
        this.#cross(key);
        return;
      }
      clusters.join(a, b);
      if ((clusters.state[before] & SWAP) === 0) return;
      c = before;
    }
  }

  #initialOf(key: number): number {
    if (this.#initial[key] === 0) {
      const clusters = this.#clusters;
      const c = clusters.add(key, this.#reading.initial, NONE, -1, 0);
      clusters.first[c] = clusters.blockFirst[c] = -1;
      this.#initial[key] = c + 1;
    }
    return this.#initial[key] - 1;
  }

  #cross(key: number): void {
    this.#state[key] = CROSSED;
    this.crossed.push(key);
  }

  #makeRoom(key: number): void {
    if (key < this.#state.length) return;
    this.#state = widened(this.#state, key);
    this.#denied = widened(this.#denied, key);
    this.#initial = widened(this.#initial, key);
    this.#newest = widened(this.#newest, key);
  }
}
