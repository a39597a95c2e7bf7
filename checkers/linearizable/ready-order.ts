/**
 * An order of connected keys that is found without a search, in linear time.
 *
 * Where every value of a key is written once, its values may be taken in the order in which each was first known to be there: what the
 * zones of Gibbons & Korach (1997) force is kept, and what they leave open is chosen so. Then nothing is left to choose, for what found a
 * value stands between its write and the next one: operations are placed as soon as they were asked for and all before them are placed.
 * A write of what nobody found may also go right before any that was placed while it was open, or when nobody waits for what is there.
 * If each is placed by the time that it returned, that is an order of all. If one is not, another choice might have done: nothing is known.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Clusters } from './clusters.ts';
import { READS, SILENT, WRITES, found } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';

export interface Looked {
  readonly history: History;
  readonly reading: RegisterReading;
  readonly survey: Survey;
  readonly clusters: Clusters;
}

/**
 * Which of some keys are linearizable together, 1 for each. `isAsked`: by key, each linearizable by itself; `connects`: by row, whether
 * it is of a read of many keys that is one operation.
 */
export function orderedKeys(looked: Looked, isAsked: Uint8Array, connects: Uint8Array): Uint8Array {
  return new Order(looked, isAsked, connects).run();
}

class Order {
  readonly #looked: Looked;
  readonly #isAsked: Uint8Array;
  /** Keys in groups that are to be judged together, each by one of its keys; and, by those, whether something had no place. */
  readonly #parent: Int32Array;
  readonly #failed: Uint8Array;
  /** Rows that say something of keys that are asked about, ascending; "places" below are places among these. */
  readonly #rows: Int32Array;
  /** By place: that of the first of its operation; NONE once it is placed. */
  readonly #operation: Int32Array;
  /** By place of an operation: how much must come before it, its call included. */
  readonly #waits: Int32Array;
  /** By place: that of the write of its value, or {@link #rows}.length + key for the initial value. These are the clusters. */
  readonly #cluster: Int32Array;
  /** Of a cluster, the place of a read of it, and of a read the next one; NONE. */
  readonly #reader: Int32Array;
  readonly #nextReader: Int32Array;
  /** Of a cluster, the reads that are not placed, and the cluster that comes next. */
  readonly #unread: Int32Array;
  readonly #next: Int32Array;
  /** By key: what is there, and since what event. */
  readonly #current: Int32Array;
  readonly #since: Int32Array;
  /** By event: the place of the row that began or ended there; NONE. Those of one operation begin, and end, one right after the other. */
  readonly #at: Int32Array;
  readonly #ready: number[] = [];

  constructor(looked: Looked, isAsked: Uint8Array, connects: Uint8Array) {
    const { history, reading, survey, clusters } = looked;
    const { batch, call, key, keys, length, ret } = history;
    this.#looked = looked;
    this.#isAsked = isAsked;
    this.#parent = Int32Array.from(keys, (_, k) => k);
    this.#failed = new Uint8Array(keys.length);
    const isSaid = (row: number): boolean => isAsked[key[row]] === 1 && survey.deeds[row] !== SILENT;
    let count = 0;
    for (let row = 0; row < length; row++) if (isSaid(row)) count++;
    this.#rows = new Int32Array(count);
    const placeOf = new Int32Array(length);
    for (let row = 0, place = 0; row < length; row++) {
      if (!isSaid(row)) continue;
      placeOf[row] = place;
      this.#rows[place++] = row;
    }
    this.#operation = new Int32Array(count);
    this.#waits = new Int32Array(count);
    this.#cluster = new Int32Array(count);
    this.#nextReader = new Int32Array(count);
    this.#reader = new Int32Array(count + keys.length).fill(NONE);
    this.#unread = new Int32Array(count + keys.length);
    this.#next = new Int32Array(count + keys.length).fill(NONE);
    this.#at = new Int32Array(history.positions).fill(NONE);
    this.#current = Int32Array.from(keys, (_, k) => count + k);
    this.#since = new Int32Array(keys.length).fill(-1);
    const refused = new Uint8Array(keys.length);
    for (let place = 0; place < count; place++) {
      const row = this.#rows[place];
      this.#at[call[row]] = place;
      if (ret[row] !== NEVER) this.#at[ret[row]] = place;
      const isOne = connects[row] === 1 && place > 0 && batch[this.#rows[place - 1]] === batch[row];
      const operation = isOne ? this.#operation[place - 1] : place;
      this.#operation[place] = operation;
      if (isOne) this.#join(key[row], key[this.#rows[operation]]);
      else this.#waits[operation]++;
      this.#waits[operation]++;
      const what = survey.deeds[row];
      this.#cluster[place] = place;
      if ((what !== READS && what !== WRITES) || clusters.repeated[key[row]] === 1) refused[key[row]] = 1;
      if (what !== READS) continue;
      const of = clusters.of(key[row], found(history, reading, row));
      if (of === NONE) {
        refused[key[row]] = 1;
        continue;
      }
      const cluster = of < length ? placeOf[of] : count + key[row];
      this.#cluster[place] = cluster;
      this.#nextReader[place] = this.#reader[cluster];
      this.#reader[cluster] = place;
      this.#unread[cluster]++;
    }
    for (let k = 0; k < refused.length; k++) if (refused[k] === 1) this.#failed[this.#group(k)] = 1;
  }

  run(): Uint8Array {
    const { history } = this.#looked;
    const { call, key, keys } = history;
    this.#orderValues();
    for (let k = 0; k < keys.length; k++) if (this.#isAsked[k] === 1) this.#begin(k, this.#rows.length + k, -1);
    for (let event = 0; event < this.#at.length; event++) {
      const place = this.#at[event];
      if (place === NONE) continue;
      const operation = this.#operation[place];
      if (call[this.#rows[place]] !== event) {
        if (operation === NONE) continue;
        if (this.#isHidden(place)) this.#operation[place] = NONE;
        else this.#failed[this.#group(key[this.#rows[place]])] = 1;
      } else if (operation === place) this.#ripen(place);
      for (let ready = this.#ready.pop(); ready !== undefined; ready = this.#ready.pop()) this.#place(ready, event);
    }
    return Uint8Array.from(this.#isAsked, (isAsked, k) => isAsked & (this.#failed[this.#group(k)] ^ 1));
  }

  /** By when a value was first known, but that what was known only while another one must have been there comes before that. */
  #orderValues(): void {
    const { history, clusters } = this.#looked;
    const { key, keys, length, ret } = history;
    const rows = this.#rows;
    const newest = Int32Array.from(keys, (_, k) => rows.length + k);
    // By key, the latest cluster that must have been there for a while, and up to when: it is put in once that is over.
    const lasting = new Int32Array(keys.length).fill(NONE);
    const until = Int32Array.from(keys, (_, k) => clusters.last[length + k]);
    const append = (k: number, cluster: number): void => {
      this.#next[newest[k]] = cluster;
      newest[k] = cluster;
    };
    for (let event = 0; event < this.#at.length; event++) {
      const place = this.#at[event];
      if (place === NONE || ret[rows[place]] !== event) continue;
      const k = key[rows[place]];
      const cluster = this.#cluster[place];
      if (cluster >= rows.length || clusters.first[rows[cluster]] !== event) continue;
      if (lasting[k] !== NONE && event > until[k]) {
        append(k, lasting[k]);
        lasting[k] = NONE;
      }
      if (clusters.last[rows[cluster]] < event) append(k, cluster);
      else [lasting[k], until[k]] = [cluster, clusters.last[rows[cluster]]];
    }
    lasting.forEach((cluster, k) => {
      if (cluster !== NONE) append(k, cluster);
    });
  }

  /** A write that nobody noticed, which returns now: it may have been there for no time at all. */
  #isHidden(place: number): boolean {
    const { call, key } = this.#looked.history;
    const row = this.#rows[place];
    const k = key[row];
    // A read is no cluster of its own, and a write that somebody found is waited for.
    if (this.#cluster[place] !== place || this.#reader[place] !== NONE) return false;
    return this.#since[k] > call[row] || this.#unread[this.#current[k]] === 0;
  }

  /** A value is there now. */
  #begin(k: number, cluster: number, event: number): void {
    this.#current[k] = cluster;
    this.#since[k] = event;
    for (let place = this.#reader[cluster]; place !== NONE; place = this.#nextReader[place]) {
      this.#ripen(this.#operation[place]);
    }
    this.#passOn(cluster);
  }

  #passOn(cluster: number): void {
    if (this.#unread[cluster] > 0) return;
    let next = this.#next[cluster];
    while (next !== NONE && this.#operation[next] === NONE) next = this.#next[next];
    if (next !== NONE) this.#ripen(next);
  }

  #ripen(operation: number): void {
    if (--this.#waits[operation] === 0) this.#ready.push(operation);
  }

  #place(operation: number, event: number): void {
    for (let place = operation; place < this.#rows.length && this.#operation[place] === operation; place++) {
      this.#operation[place] = NONE;
      const cluster = this.#cluster[place];
      if (cluster === place) this.#begin(this.#looked.history.key[this.#rows[place]], place, event);
      else if (--this.#unread[cluster] === 0) this.#passOn(cluster);
    }
  }

  #group(k: number): number {
    let root = k;
    while (this.#parent[root] !== root) {
      this.#parent[root] = this.#parent[this.#parent[root]];
      root = this.#parent[root];
    }
    return root;
  }

  #join(one: number, other: number): void {
    this.#parent[this.#group(one)] = this.#group(other);
  }
}
