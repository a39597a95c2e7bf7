/**
 * A configuration that the search walks with: the event at which it stands, the state, and two bits for each pending operation,
 * `done` (placed) and `spare` (need not be placed).
 */
import type { Machine, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import type { Left, Outlook } from './outlook.ts';
import { placesOf, type Problem } from './problem.ts';

/** In place of a candidate: the one that ends is dropped. */
export const DROP = -1;

export class Walk {
  protected readonly problem: Problem;
  private readonly machine: Machine;
  protected readonly outlook: Outlook | undefined;
  protected readonly left: Left | undefined;
  private readonly isRegister: boolean;
  /** Of a set of slots. */
  protected readonly words: number;
  protected event = 0;
  protected state: State;
  protected readonly done: Int32Array;
  protected readonly spare: Int32Array;
  /** 1: operations that commute were placed ahead of need, and nobody has noticed yet. */
  protected debt = 0;
  /** No further than this event. */
  protected until: number;
  /** Which operation holds each slot at `event`; -1: none. */
  protected readonly holder: Int32Array;
  /** Slots of pending operations that change nothing: it can only help to have them placed. */
  private readonly free: Int32Array;
  /** 1: placed as soon as it makes no difference. */
  private readonly idle: Uint8Array;
  private readonly resets: Uint8Array;
  private readonly absorbed: Uint8Array;
  private readonly record: Int32Array;

  constructor(problem: Problem, machine: Machine) {
    this.problem = problem;
    this.isRegister = machine.register !== undefined;
    this.words = Math.max(1, Math.ceil(problem.slots / 32));
    this.done = new Int32Array(this.words);
    this.spare = new Int32Array(this.words);
    this.free = new Int32Array(this.words);
    this.holder = new Int32Array(problem.slots).fill(-1);
    this.record = new Int32Array(2 + 3 * this.words);
    this.until = problem.events.length;
    if (machine.outlook !== undefined) {
      this.left = this.lookAhead();
      this.outlook = machine.outlook(problem, this.left, machine.initial);
    }
    this.machine = machine;
    this.state = (this.outlook ?? machine).initial;
    this.idle = this.outlook?.idle ?? new Uint8Array(problem.count);
    this.resets = this.outlook?.resets ?? problem.blind;
    this.absorbed = this.outlook?.absorbed ?? problem.blind;
  }

  /** As `configuration` had it; at the same event, or one that is moved to. */
  protected take(configuration: Int32Array): void {
    const words = this.words;
    this.state = configuration[1];
    this.debt = configuration[0] & 1;
    for (let w = 0; w < words; w++) {
      this.done[w] = configuration[2 + w] | configuration[2 + words + w];
      this.spare[w] = configuration[2 + 2 * words + w];
    }
  }

  private step(state: State, op: number): State {
    return this.outlook === undefined ? this.machine.step(state, this.problem.row[op]) : this.outlook.step(state, op);
  }

  private lookAhead(): Left {
    const { slot } = this.problem;
    const { call, end } = placesOf(this.problem);
    const here = (): number => this.event;
    return {
      call,
      end,
      get event() {
        return here();
      },
      has: (op) => end[op] >= this.event && (call[op] >= this.event || !this.has(this.done, slot[op])),
      isSpare: (op) => call[op] < this.event && this.has(this.spare, slot[op]),
    };
  }

  /** Goes forward to the next return of an operation that is not placed yet; the search has to decide there. */
  protected advance(): void {
    const { events, slot, optional, open, pure } = this.problem;
    const done = this.done;
    const spare = this.spare;
    while (this.event < this.until) {
      const event = events[this.event];
      const op = event >> 1;
      const word = slot[op] >> 5;
      const bit = 1 << (slot[op] & 31);
      if ((event & 1) === 0) {
        this.holder[slot[op]] = op;
        this.event++;
        if (pure[op] === 1 || this.idle[op] === 1) this.free[word] |= bit;
        if (pure[op] === 1) this.finds(op);
        else if (this.idle[op] === 1 && this.isIdle(op)) done[word] |= bit;
        else if (optional[op] === 1) spare[word] |= bit;
        continue;
      }
      if (open[op] === 0 && (done[word] & bit) === 0) return;
      this.event++;
      done[word] &= ~bit;
      spare[word] &= ~bit;
      this.free[word] &= ~bit;
      this.holder[slot[op]] = -1;
    }
  }

  /** Places a pure operation if the state allows it. */
  private finds(op: number): boolean {
    const { slot } = this.problem;
    if (this.step(this.state, op) === ILLEGAL) return false;
    this.done[slot[op] >> 5] |= 1 << (slot[op] & 31);
    if (this.outlook === undefined || this.left === undefined) return true;
    const state = this.outlook.settle(this.state, this.state, op, this.left);
    if (state === this.state) return true;
    this.state = state;
    this.placeIdle();
    return true;
  }

  private isIdle(op: number): boolean {
    return this.left !== undefined && this.outlook?.isIdle?.(this.state, op, this.left) === true;
  }

  private placeIdle(): void {
    if (this.outlook?.isIdle === undefined) return;
    for (let s = 0; s < this.problem.slots; s++) {
      const op = this.holder[s];
      if (op === -1 || this.idle[op] === 0 || this.has(this.done, s) || !this.isIdle(op)) continue;
      this.done[s >> 5] |= 1 << (s & 31);
      this.spare[s >> 5] &= ~(1 << (s & 31));
    }
  }

  /** Takes back, or does again, what advance did to the slots. The bits come from the frame. */
  protected moveTo(event: number): void {
    const { events } = this.problem;
    while (this.event > event) {
      const last = events[--this.event];
      this.hold(last >> 1, (last & 1) === 1);
    }
    while (this.event < event) {
      const next = events[this.event++];
      this.hold(next >> 1, (next & 1) === 0);
    }
  }

  private hold(op: number, isPending: boolean): void {
    const slot = this.problem.slot[op];
    this.holder[slot] = isPending ? op : -1;
    const bit = 1 << (slot & 31);
    if (isPending && (this.problem.pure[op] === 1 || this.idle[op] === 1)) this.free[slot >> 5] |= bit;
    else this.free[slot >> 5] &= ~bit;
  }

  /** What must be the same for two configurations to be compared, and then what the one has no less of than the other. */
  protected configuration(): Int32Array {
    const record = this.record;
    const words = this.words;
    record[0] = 2 * this.event + this.debt;
    record[1] = this.state;
    for (let w = 0; w < words; w++) {
      record[2 + w] = this.done[w] & ~this.free[w];
      record[2 + words + w] = this.done[w] & this.free[w];
      record[2 + 2 * words + w] = this.spare[w];
    }
    return record;
  }

  /** Applies the candidate; false where that is illegal, or pointless. */
  protected place(candidate: number, stuck: number): boolean {
    const { slot, optional, blind } = this.problem;
    const op = candidate === DROP ? stuck : candidate;
    const word = slot[op] >> 5;
    const bit = 1 << (slot[op] & 31);
    const isSpare = (this.spare[word] & bit) !== 0;
    this.done[word] |= bit;
    this.spare[word] &= ~bit;
    if (candidate === DROP) return true;
    const before = this.state;
    let state = this.step(before, op);
    if (state === ILLEGAL) return false;
    if (this.resets[op] === 1) this.makeSpare();
    if (this.outlook !== undefined && this.left !== undefined) {
      state = this.outlook.settle(before, state, op, this.left);
      // Where nobody finds anything any more, what is pending is placed when it ends, or absorbed.
      if (state === ILLEGAL || (state === this.outlook.lost && (op !== stuck || isSpare))) return false;
    }
    this.state = state;
    const noticed = state !== before && this.placePure();
    if (this.outlook?.serves !== undefined) return this.pays(op === stuck || noticed);
    if (!this.isRegister) return true;
    const mayWait = op !== stuck && (optional[op] === 1 || blind[op] === 1);
    return !mayWait || noticed || this.letsSwap();
  }

  /** Of operations that commute: whether placing them ahead of need has served a read, or still may. */
  private pays(isPaid: boolean): boolean {
    this.debt = isPaid ? 0 : 1;
    if (isPaid) return true;
    const { pure, slots } = this.problem;
    const waiting: number[] = [];
    const pending: number[] = [];
    const stuck = this.problem.events[this.event] >> 1;
    for (let s = 0; s < slots; s++) {
      const op = this.holder[s];
      if (op === -1 || this.has(this.done, s)) continue;
      if (pure[op] === 1) waiting.push(op);
      else if (op !== stuck) pending.push(op);
    }
    return this.outlook?.serves?.(this.state, waiting, pending) === true;
  }

  /** All that is pending and would be absorbed may have happened just before the one placed now. */
  private makeSpare(): void {
    const { slots } = this.problem;
    for (let s = 0; s < slots; s++) {
      const op = this.holder[s];
      if (op !== -1 && this.absorbed[op] === 1 && !this.has(this.done, s)) this.spare[s >> 5] |= 1 << (s & 31);
    }
  }

  /** Places every pending pure operation that the state allows, and what makes no difference; true if there was a pure one. */
  private placePure(): boolean {
    const { pure, slots } = this.problem;
    let any = false;
    for (let s = 0; s < slots; s++) {
      const op = this.holder[s];
      if (op !== -1 && pure[op] === 1 && !this.has(this.done, s) && this.finds(op)) any = true;
    }
    this.placeIdle();
    return any;
  }

  /** Whether a pending cas finds here what it needs. */
  private letsSwap(): boolean {
    const { pure, blind, slots } = this.problem;
    for (let s = 0; s < slots; s++) {
      const op = this.holder[s];
      if (op === -1 || pure[op] === 1 || blind[op] === 1 || this.has(this.done, s)) continue;
      if (this.step(this.state, op) !== ILLEGAL) return true;
    }
    return false;
  }

  protected has(bits: Int32Array, slot: number): boolean {
    return (bits[slot >> 5] & (1 << (slot & 31))) !== 0;
  }
}
