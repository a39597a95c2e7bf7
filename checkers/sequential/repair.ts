/**
 * One order of all operations, by repair: a first order that causality allows is gone through again and again, and where a read does not
 * find what it returned, the order is changed there.
 *
 * Let r have returned what w wrote, with w' of the same key between them. Then w' comes before w, or after r. If w' precedes r already, the
 * first is forced; if w precedes w', the second (so it is in Bouajjani, Enea & others, Gradual consistency checking, CAV 2019). Both forced:
 * there is no order at all. Where neither is, real time tells what is likely: a guess, which is taken back if it leads nowhere.
 *
 * An order that keeps to edges that are added is kept by moving only what lies between their ends (Pearce & Kelly, A dynamic topological
 * sort algorithm for directed acyclic graphs, 2007).
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import type { SessionOrder } from '../causal/order.ts';
import { type CausalOrder, OrderAlone } from '../causal/pass.ts';
import { endOf, INITIAL, type Units, unitOf } from '../causal/units.ts';
import { DENIES, reference, SWAPS, WRITES } from '../linearizable/register.ts';
import { type Edge, Forced, type Why } from './forced.ts';

/** How often the order is gone through. */
const ROUNDS_MAX = 100;
/** Steps of searches and moves in all, for each unit and at least. */
const STEPS_EACH = 200;
const STEPS_LEAST = 1_000_000;
/** How many guesses may turn out wrong. */
const TAKEN_BACK_MAX = 50_000;
const ASK_EVERY = 0x3fff;

/** 'no order' comes with units and reads that forced it. */
export type Repaired = 'an order' | { readonly units: readonly number[] } | 'open';

interface Guess {
  /** The number of its edge. */
  readonly edge: number;
  readonly instead: Edge;
}

/** What has to be put in order. */
export interface Ordered {
  readonly units: Units;
  readonly sessions: SessionOrder;
  readonly past: Pick<CausalOrder, 'order' | 'length'>;
}

/** @param stepsEach how much may be done for each unit */
export function repair(of: Ordered, budget: Budget, stepsEach = STEPS_EACH): Repaired {
  return new Repair(of, stepsEach).run(budget);
}

/** One order of all operations, without what else is known of causality. */
export function findOrder(units: Units, sessions: SessionOrder, budget: Budget, stepsEach = STEPS_EACH): Repaired {
  if (units.bad.length > 0) return 'open';
  const past = new OrderAlone(units, sessions, budget);
  if (past.isCircular || past.stopped !== undefined) return 'open';
  return repair({ units, sessions, past }, budget, stepsEach);
}

class Repair {
  readonly #at: Ordered;
  readonly #graph: Forced;
  /** Per key: the row of the latest write, or INITIAL. */
  readonly #latest: Int32Array;
  /** Per unit that writes: by when it had happened for certain. */
  readonly #done: Int32Array;
  /** Per write row: what it replaced. */
  readonly #replaced: Int32Array;
  readonly #guesses: Guess[] = [];
  #takenBack = 0;
  /** How far the order has been gone through. */
  #until = 0;
  #violations = 0;
  #changes = 0;

  constructor(at: Ordered, stepsEach: number) {
    const { length, keys } = at.units.history;
    this.#at = at;
    this.#latest = new Int32Array(keys.length);
    this.#replaced = new Int32Array(length);
    this.#done = new Int32Array(length).fill(NEVER);
    this.#setDone();
    this.#graph = new Forced(at, this.#firstOrder(), STEPS_LEAST + stepsEach * at.past.length);
  }

  run(budget: Budget): Repaired {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.#violations = 0;
      this.#changes = 0;
      const wrong = this.#goThrough(budget);
      if (wrong !== undefined) return wrong;
      if (this.#violations === 0) return 'an order';
      if (this.#changes === 0) break;
    }
    return this.#search(budget);
  }

  /** A write has happened when it, or a read of it, returned. */
  #setDone(): void {
    const { units, past } = this.#at;
    const { history, source } = units;
    const { ret } = history;
    const done = this.#done;
    for (let i = 0; i < past.length; i++) {
      const unit = past.order[i];
      if (ret[unit] < done[unit]) done[unit] = ret[unit];
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (source[row] < 0) continue;
        const from = unitOf(history, source[row]);
        if (ret[unit] < done[from]) done[from] = ret[unit];
      }
    }
  }

  /** Writes by the middle of the time in which they happened, what only reads as early as it can be. */
  #firstOrder(): Int32Array {
    const { units, past, sessions } = this.#at;
    const { history, source } = units;
    const { call, positions, length } = history;
    /** Twice the moment: so many are possible. */
    const moment = new Int32Array(length);
    const count = new Int32Array(2 * positions + 2);
    for (let i = 0; i < past.length; i++) {
      const unit = past.order[i];
      let own = 0;
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (source[row] >= 0) own = Math.max(own, moment[unitOf(history, source[row])]);
        if (this.#isWrite(row)) own = Math.max(own, call[unit] + Math.min(this.#done[unit], positions));
      }
      const previous = sessions.previous[unit];
      if (previous !== NONE && moment[previous] > own) own = moment[previous];
      if (sessions.hasMore) sessions.eachPrevious(unit, (before) => (own = Math.max(own, moment[before])));
      moment[unit] = own;
      count[own + 1]++;
    }
    for (let m = 1; m < count.length; m++) count[m] += count[m - 1];
    const order = new Int32Array(past.length);
    for (let i = 0; i < past.length; i++) order[count[moment[past.order[i]]]++] = past.order[i];
    return order;
  }

  #isWrite(row: number): boolean {
    const { deeds } = this.#at.units;
    return deeds[row] === WRITES || deeds[row] === SWAPS;
  }

  /** Counts what is wrong with the order, and changes it on the way; then what is said is not the last word. */
  #goThrough(budget: Budget): Repaired | undefined {
    const { history, source, deeds, reading } = this.#at.units;
    const { key, batch, value, expected } = history;
    const latest = this.#latest.fill(INITIAL);
    const { order } = this.#graph;
    for (let i = 0; i < order.length; i++) {
      if ((i & ASK_EVERY) === 0 && budget.spent() !== undefined) return 'open';
      const unit = order[i];
      const end = batch[unit] === NONE ? unit + 1 : endOf(history, unit);
      for (let row = unit; row < end; row++) {
        const held = latest[key[row]];
        if (source[row] !== NONE) {
          if (source[row] === held) continue;
          const wrong = this.#mend(row, held);
          if (wrong !== undefined) return wrong;
        } else if (deeds[row] === DENIES) {
          const ref = held === INITIAL ? reading.initial : reference(reading, value[held]);
          if (ref === reference(reading, expected[row])) this.#violations++;
        }
      }
      for (let row = unit; row < end; row++) if (this.#isWrite(row)) latest[key[row]] = row;
      if (this.#graph.steps < 0) return 'open';
    }
    return undefined;
  }

  /** A read came upon another write than it returned. */
  #mend(read: number, held: number): Repaired | undefined {
    const { history, source } = this.#at.units;
    const graph = this.#graph;
    this.#violations++;
    const reader = unitOf(history, read);
    const from = source[read] === INITIAL ? INITIAL : unitOf(history, source[read]);
    // The order may have changed meanwhile: the next time will tell.
    if (held === INITIAL) return undefined;
    const between = unitOf(history, held);
    if (graph.isBefore(reader, between) || (from !== INITIAL && graph.isBefore(between, from))) {
      this.#changes++;
      return undefined;
    }
    const mustBeFirst = graph.leadsTo(between, reader);
    const mustBeLast = from === INITIAL || graph.leadsTo(from, between);
    if (graph.steps < 0) return 'open';
    if (mustBeFirst && mustBeLast) {
      return { units: [...graph.conflict(between, reader, from).units] };
    }
    if (!mustBeFirst && !mustBeLast) return undefined;
    this.#changes++;
    if (mustBeFirst) graph.add({ from: between, to: from, reader });
    else graph.add({ from: reader, to: between, reader });
    return undefined;
  }

  /** Goes on from what is forced with guesses, and takes back the latest where they lead nowhere. All before `#until` is as it has to be. */
  #search(budget: Budget): Repaired {
    const { order } = this.#graph;
    this.#latest.fill(INITIAL);
    this.#until = 0;
    for (let step = 0; this.#until < order.length; step++) {
      if (this.#graph.steps < 0 || ((step & ASK_EVERY) === 0 && budget.spent() !== undefined)) return 'open';
      const unit = order[this.#until];
      const wrong = this.#wrongRow(unit);
      if (wrong === NONE) {
        this.#write(unit);
        this.#until++;
        continue;
      }
      const said = this.#resolve(wrong);
      if (said !== undefined) return said;
    }
    return 'an order';
  }

  /** The first row of a unit that does not find what it has to; NONE if there is none. */
  #wrongRow(unit: number): number {
    const { history, source, deeds, reading } = this.#at.units;
    const { key, value, expected } = history;
    for (let row = unit, end = endOf(history, unit); row < end; row++) {
      const held = this.#latest[key[row]];
      if (source[row] !== NONE) {
        if (source[row] !== held) return row;
      } else if (deeds[row] === DENIES) {
        const ref = held === INITIAL ? reading.initial : reference(reading, value[held]);
        if (ref === reference(reading, expected[row])) return row;
      }
    }
    return NONE;
  }

  #write(unit: number): void {
    const { key } = this.#at.units.history;
    for (let row = unit, end = endOf(this.#at.units.history, unit); row < end; row++) {
      if (!this.#isWrite(row)) continue;
      this.#replaced[row] = this.#latest[key[row]];
      this.#latest[key[row]] = row;
    }
  }

  /** Back to the state before what stands at this place. */
  #rewind(to: number): void {
    const { key } = this.#at.units.history;
    const { order } = this.#graph;
    for (; this.#until > to; this.#until--) {
      const unit = order[this.#until - 1];
      for (let row = endOf(this.#at.units.history, unit) - 1; row >= unit; row--) {
        if (this.#isWrite(row)) this.#latest[key[row]] = this.#replaced[row];
      }
      this.#graph.steps--;
    }
  }

  /** Changes the order so that a read may find what it returned. */
  #resolve(read: number): Repaired | undefined {
    const { history, source } = this.#at.units;
    const graph = this.#graph;
    const held = this.#latest[history.key[read]];
    // What a failed cas found that does not say it may be many things.
    if (source[read] === NONE || held === INITIAL) return 'open';
    const reader = unitOf(history, read);
    const between = unitOf(history, held);
    const from = source[read] === INITIAL ? INITIAL : unitOf(history, source[read]);
    const mustBeFirst = graph.leadsTo(between, reader);
    const mustBeLast = from === INITIAL || graph.leadsTo(from, between);
    if (graph.steps < 0) return 'open';
    if (mustBeFirst && mustBeLast) return this.#takeBack(graph.conflict(between, reader, from));
    const isFirst = mustBeFirst || (!mustBeLast && this.#isLikelyFirst(between, reader, from));
    const first: Edge = { from: between, to: from, reader };
    const last: Edge = { from: reader, to: between, reader };
    if (mustBeFirst || mustBeLast) this.#add(isFirst ? first : last);
    else {
      this.#guesses.push({ edge: graph.edges, instead: isFirst ? last : first });
      this.#add(isFirst ? first : last, { units: new Set(), guesses: new Set([graph.edges]) });
    }
    return undefined;
  }

  #add(edge: Edge, why?: Why): void {
    const place = this.#graph.placeOf(edge.to);
    if (this.#graph.placeOf(edge.from) > place && place < this.#until) this.#rewind(place);
    this.#graph.add(edge, why);
  }

  /** The other way where the last guess was made on which a contradiction rests (backjumping); without any, there is no order. */
  #takeBack({ units, guesses }: Why): Repaired | undefined {
    if (++this.#takenBack > TAKEN_BACK_MAX) return 'open';
    const last = Math.max(...guesses);
    let guess = this.#guesses.pop();
    while (guess !== undefined && guess.edge > last) guess = this.#guesses.pop();
    if (guess === undefined) return { units: [...units] };
    this.#graph.drop(guess.edge);
    this.#add(guess.instead, { units, guesses: new Set([...guesses].filter((edge) => edge !== last)) });
    return undefined;
  }

  /** Whether real time has it that `between` comes before `from`, rather than after the reader. */
  #isLikelyFirst(between: number, reader: number, from: number): boolean {
    const { call } = this.#at.units.history;
    const done = this.#done;
    if (done[between] < call[from]) return true;
    if (done[from] < call[between]) return false;
    if (this.#graph.someBefore(reader, between, (unit) => this.#writes(unit) && call[unit] > done[between]))
      return true;
    return !this.#graph.someAfter(from, between, (unit) => this.#writes(unit) && done[unit] < call[between]);
  }

  #writes(unit: number): boolean {
    for (let row = unit, end = endOf(this.#at.units.history, unit); row < end; row++)
      if (this.#isWrite(row)) return true;
    return false;
  }
}
