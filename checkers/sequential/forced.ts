/** An order of units that keeps to session order, reads-from, and edges that are added; see repair.ts. */
import { NONE } from '../../history/history.ts';
import { IntList } from '../causal/int-list.ts';
import { endOf, unitOf } from '../causal/units.ts';
import type { Ordered } from './repair.ts';

/** A unit before another, because of the read of a third or of one of them. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly reader: number;
}

/** What an edge rests on, or a contradiction: units that are needed to see it, and guesses, by the numbers of their edges. */
export interface Why {
  readonly units: ReadonlySet<number>;
  readonly guesses: ReadonlySet<number>;
}

export class Forced {
  /** Units in the order that holds now. */
  readonly order: Int32Array;
  /** What may still be done. */
  steps: number;
  readonly #at: Ordered;
  /** Per unit: its place in `order`. */
  readonly #place: Int32Array;
  /** Per unit: the one after it on its lane. */
  readonly #next: Int32Array;
  /** Units that read from unit u: `#readers[#start[u]] … #readers[#start[u + 1] - 1]`. */
  readonly #start: Int32Array;
  readonly #readers: Int32Array;
  /** Session order besides lanes, from the earlier. */
  readonly #later = new Map<number, number[]>();
  /** Added edges: from, to, the unit of the read that asks for it; and per unit the last one from it, to it; the one added before that. */
  readonly #from = new IntList();
  readonly #to = new IntList();
  readonly #reason = new IntList();
  /** Of added edges that were not forced. */
  readonly #why = new Map<number, Why>();
  readonly #lastFrom: Int32Array;
  readonly #lastTo: Int32Array;
  readonly #beforeFrom = new IntList();
  readonly #beforeTo = new IntList();
  /** Per unit: the number of the search that met it last. */
  readonly #met: Int32Array;
  #search = 0;
  readonly #found = new IntList(1024);

  constructor(at: Ordered, order: Int32Array, steps: number) {
    const { units, sessions, past } = at;
    const { history, source } = units;
    const { length } = history;
    this.#at = at;
    this.order = order;
    this.steps = steps;
    this.#place = new Int32Array(length);
    this.#next = new Int32Array(length).fill(NONE);
    this.#lastFrom = new Int32Array(length).fill(NONE);
    this.#lastTo = new Int32Array(length).fill(NONE);
    this.#met = new Int32Array(length);
    this.#start = new Int32Array(length + 2);
    const eachSource = (visit: (from: number, unit: number) => void): void => {
      for (let i = 0; i < past.length; i++) {
        const unit = past.order[i];
        for (let row = unit, end = endOf(history, unit); row < end; row++) {
          if (source[row] >= 0) visit(unitOf(history, source[row]), unit);
        }
      }
    };
    eachSource((from) => this.#start[from + 2]++);
    for (let u = 2; u < this.#start.length; u++) this.#start[u] += this.#start[u - 1];
    this.#readers = new Int32Array(this.#start[length + 1]);
    eachSource((from, unit) => (this.#readers[this.#start[from + 1]++] = unit));
    for (let i = 0; i < order.length; i++) {
      const unit = order[i];
      this.#place[unit] = i;
      if (sessions.previous[unit] !== NONE) this.#next[sessions.previous[unit]] = unit;
      for (let entry = sessions.more(unit); entry !== NONE; entry = sessions.moreNext(entry)) {
        const before = sessions.moreUnit(entry);
        this.#later.set(before, [...(this.#later.get(before) ?? []), unit]);
      }
    }
  }

  isBefore(a: number, b: number): boolean {
    return this.#place[a] < this.#place[b];
  }

  placeOf(unit: number): number {
    return this.#place[unit];
  }

  /** How many edges were added. */
  get edges(): number {
    return this.#from.length;
  }

  /** Takes back all added edges but the first so many. The order stays: it keeps to fewer edges as well. */
  drop(edges: number): void {
    for (let e = this.#from.length - 1; e >= edges; e--) {
      this.#why.delete(e);
      this.#lastFrom[this.#from.items[e]] = this.#beforeFrom.items[e];
      this.#lastTo[this.#to.items[e]] = this.#beforeTo.items[e];
    }
    for (const list of [this.#from, this.#to, this.#reason, this.#beforeFrom, this.#beforeTo]) list.length = edges;
  }

  /** Whether a must come before b, in any order. */
  leadsTo(a: number, b: number): boolean {
    return this.#forward(a, this.#place[b], b);
  }

  /** Adds an edge that closes no circle. `reader`: whose read asks for it. `why`: absent for what is forced by what was there before. */
  add({ from, to, reader }: Edge, why?: Why): void {
    if (why !== undefined) this.#why.set(this.#from.length, why);
    if (this.#place[from] > this.#place[to]) this.#move(from, to);
    this.#beforeFrom.push(this.#lastFrom[from]);
    this.#beforeTo.push(this.#lastTo[to]);
    this.#lastFrom[from] = this.#lastTo[to] = this.#from.length;
    this.#from.push(from);
    this.#to.push(to);
    this.#reason.push(reader);
  }

  /** Whether some unit that must come before `unit` (or is it) and stands behind `after` is such. */
  someBefore(unit: number, after: number, isSuch: (unit: number) => boolean): boolean {
    this.#backward(unit, this.#place[after]);
    for (let i = 0; i < this.#found.length; i++) if (isSuch(this.#found.items[i])) return true;
    return false;
  }

  /** Whether some unit that must come after `unit` (or is it) and stands before `before` is such. */
  someAfter(unit: number, before: number, isSuch: (unit: number) => boolean): boolean {
    this.#forward(unit, this.#place[before], NONE);
    for (let i = 0; i < this.#found.length; i++) if (isSuch(this.#found.items[i])) return true;
    return false;
  }

  /** Moves `from` and what must come before it to before `to` and what must come after it: only what lies between them moves. */
  #move(from: number, to: number): void {
    const place = this.#place;
    const byPlace = (a: number, b: number): number => place[a] - place[b];
    this.#forward(to, place[from], NONE);
    const behind = this.#found.items.slice(0, this.#found.length).sort(byPlace);
    this.#backward(from, place[to]);
    const ahead = this.#found.items.slice(0, this.#found.length).sort(byPlace);
    const places = new Int32Array(ahead.length + behind.length);
    ahead.forEach((unit, i) => (places[i] = place[unit]));
    behind.forEach((unit, i) => (places[ahead.length + i] = place[unit]));
    places.sort();
    this.steps -= places.length * 4;
    let i = 0;
    for (const unit of ahead) this.#put(unit, places[i++]);
    for (const unit of behind) this.#put(unit, places[i++]);
  }

  #put(unit: number, at: number): void {
    this.#place[unit] = at;
    this.order[at] = unit;
  }

  /** Finds all that must come after `unit` and stands up to `until`; stops with true at `target`. */
  #forward(unit: number, until: number, target: number): boolean {
    const from = this.#readers;
    const found = this.#begin(unit);
    for (let i = 0; i < found.length; i++) {
      const at = found.items[i];
      if (--this.steps < 0) return true;
      if (at === target) return true;
      this.#meet(this.#next[at], until);
      for (let r = this.#start[at]; r < this.#start[at + 1]; r++) this.#meet(from[r], until);
      for (let e = this.#lastFrom[at]; e !== NONE; e = this.#beforeFrom.items[e]) this.#meet(this.#to.items[e], until);
      if (this.#later.size > 0) for (const later of this.#later.get(at) ?? []) this.#meet(later, until);
    }
    return false;
  }

  #meet(unit: number, until: number): void {
    if (unit === NONE || this.#place[unit] > until || this.#met[unit] === this.#search) return;
    this.#met[unit] = this.#search;
    this.#found.push(unit);
  }

  #begin(unit: number): IntList {
    this.#search++;
    this.#found.length = 0;
    this.#found.push(unit);
    this.#met[unit] = this.#search;
    return this.#found;
  }

  /** Finds all that must come before `unit` and stands from `since` on. */
  #backward(unit: number, since: number): void {
    const { units, sessions } = this.#at;
    const { history, source } = units;
    const found = this.#begin(unit);
    const meet = (other: number): void => {
      if (this.#place[other] < since || this.#met[other] === this.#search) return;
      this.#met[other] = this.#search;
      found.push(other);
    };
    for (let i = 0; i < found.length; i++) {
      const at = found.items[i];
      if (--this.steps < 0) return;
      sessions.eachPrevious(at, meet);
      for (let row = at, end = endOf(history, at); row < end; row++) {
        if (source[row] >= 0) meet(unitOf(history, source[row]));
      }
      for (let e = this.#lastTo[at]; e !== NONE; e = this.#beforeTo.items[e]) meet(this.#from.items[e]);
    }
  }

  /**
   * Why there is no order: `between` must come before `reader`, and `from` (or INITIAL) before `between`. The units on the way, with
   * those that forced the edges on the way; and the guesses without which it would not be so.
   */
  conflict(between: number, reader: number, from: number): Why {
    const units = new Set<number>([between, reader]);
    const guesses = new Set<number>();
    const left: number[] = [];
    const asked = new Set<number>();
    const prove = (a: number, b: number, edges: number): void => {
      for (const { unit, edge } of this.#path(a, b, edges)) {
        units.add(unit);
        if (edge === NONE || asked.has(edge)) continue;
        asked.add(edge);
        left.push(edge);
      }
    };
    prove(between, reader, this.#from.length);
    if (from >= 0) prove(from, between, this.#from.length);
    for (let edge = left.pop(); edge !== undefined; edge = left.pop()) {
      const [a, b, read] = [this.#from.at(edge), this.#to.at(edge), this.#reason.at(edge)];
      const why = this.#why.get(edge);
      units.add(read);
      if (why !== undefined) {
        for (const unit of why.units) units.add(unit);
        for (const guess of why.guesses) guesses.add(guess);
        // What was written on the key is needed to see that there are but two ways.
        for (const source of this.#sourcesLike(read, a === read ? b : a)) units.add(source);
      } else if (a !== read) prove(a, read, edge);
      else for (const source of this.#sourcesLike(read, b)) prove(source, b, edge);
    }
    return { units, guesses };
  }

  /** The writes that a unit read from keys that another writes. */
  #sourcesLike(read: number, write: number): readonly number[] {
    const { history, source } = this.#at.units;
    const keys = new Set<number>();
    for (let row = write, end = endOf(history, write); row < end; row++) keys.add(history.key[row]);
    const sources: number[] = [];
    for (let row = read, end = endOf(history, read); row < end; row++) {
      if (source[row] >= 0 && keys.has(history.key[row])) sources.push(unitOf(history, source[row]));
    }
    return sources;
  }

  /** The shortest way from a to b by session order, reads-from, and the first so many added edges. */
  #path(a: number, b: number, edges: number): readonly { readonly unit: number; readonly edge: number }[] {
    const { units, sessions } = this.#at;
    const { history, source } = units;
    const after = new Map<number, { readonly unit: number; readonly edge: number }>([[b, { unit: NONE, edge: NONE }]]);
    const queue = [b];
    for (const unit of queue) {
      if (unit === a) break;
      const meet = (other: number, edge: number): void => {
        if (after.has(other)) return;
        after.set(other, { unit, edge });
        queue.push(other);
      };
      sessions.eachPrevious(unit, (before) => meet(before, NONE));
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (source[row] >= 0) meet(unitOf(history, source[row]), NONE);
      }
      for (let e = this.#lastTo[unit]; e !== NONE; e = this.#beforeTo.items[e]) {
        if (e < edges) meet(this.#from.items[e], e);
      }
    }
    const path: { readonly unit: number; readonly edge: number }[] = [];
    for (let unit = a; unit !== NONE && after.has(unit); ) {
      const step = after.get(unit) ?? { unit: NONE, edge: NONE };
      path.push({ unit, edge: step.edge });
      unit = step.unit;
    }
    return path;
  }
}
