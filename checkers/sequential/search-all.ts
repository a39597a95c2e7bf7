/** Sequential consistency where the values tell too little: by all orders, and what of the history cannot stand in any. */
import type { History } from '../../history/history.ts';
import { NONE } from '../../history/history.ts';
import type { Budget, Evidence, Semantics, Verdict } from '../checker.ts';
import { type Units, unitsOf } from '../causal/units.ts';
import { anomalyOf } from '../causal/words.ts';
import { DENIES, found, READS, reference, SWAPS, WRITES } from '../linearizable/register.ts';
import { type Threads, threadsOf } from '../sessions/threads.ts';
import { type OrderFound, Orders } from './orders.ts';
import { tellNoOrder } from './reasons.ts';

/** Choices for the first try: so many, and for each row. */
const FIRST_LEAST = 20_000;
const FIRST_EACH = 8;
/** Choices for each key by itself. */
const ALONE_EACH = 20_000;
/** Rows gone through to judge keys by themselves, at most. */
const ALONE_ROWS = 20_000_000;
/** Choices for all that is tried to make an anomaly smaller. */
const STEPS_TO_EXPLAIN = 2_000_000;
const STEPS_LEAST = 2000;
const STEPS_A_TRY = 50;

/** The verdict of a search through all orders; `examined` as it is to be told. */
export function judgeByOrders(history: History, budget: Budget, semantics: Semantics, examined: Evidence): Verdict {
  const units = unitsOf(history, semantics);
  const threads = threadsOf(history, semantics);
  const stepsMax = FIRST_LEAST + FIRST_EACH * history.length;
  const first = new Orders(units, threads).search({ budget, stepsMax });
  const isOpen = first.type === 'stopped' && budget.spent() === undefined;
  const alone = isOpen ? keyThatFails(units, threads, budget) : undefined;
  if (alone !== undefined) return invalid(units, threads, budget, alone, examined);
  const last = isOpen ? new Orders(units, threads).search({ budget }) : first;
  if (last.type === 'found') return { type: 'valid', examined };
  if (last.type === 'none') {
    const kept = new Uint8Array(history.length).fill(1);
    return invalid(units, threads, budget, { kept, steps: last.steps }, examined);
  }
  return { type: 'unknown', reason: reasonOf(units, last), examined };
}

/** Rows of which no order is sequentially consistent, and how many choices it took to find out. */
interface Failing {
  readonly kept: Uint8Array;
  readonly steps: number;
}

/** What one key alone contradicts, no other key can mend. */
function keyThatFails(units: Units, threads: Threads, budget: Budget): Failing | undefined {
  const { history } = units;
  const { key, keys, length } = history;
  if (keys.length < 2) return undefined;
  for (let k = 0, rows = 0; k < keys.length && rows < ALONE_ROWS; k++, rows += length) {
    if (units.writesOf[k] === 0) continue;
    if (budget.spent() !== undefined) return undefined;
    const kept = Uint8Array.from(key, (other) => (other === k ? 1 : 0));
    const alone = new Orders(units, threads, kept).search({ budget, stepsMax: ALONE_EACH });
    if (alone.type === 'none') return { kept, steps: alone.steps };
  }
  return undefined;
}

function reasonOf(units: Units, { steps, reason, placed, of }: Extract<OrderFound, { type: 'stopped' }>): string {
  return (
    `no sequential order of all operations was found, nor that there is none: ${many(steps, 'choice')} tried, ` +
    `at best ${placed.toLocaleString('en')} of ${many(of, 'operation')} placed, then ${reason}${whyHard(units)}`
  );
}

function whyHard({ doubt }: Units): string {
  return doubt === undefined ? '' : '; values that are written once, or versions, make it far easier';
}

function many(n: number, noun: string): string {
  return `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
}

function invalid(units: Units, threads: Threads, budget: Budget, failing: Failing, examined: Evidence): Verdict {
  const rows = new Smaller(units, threads, budget, failing).rows();
  const sentence = tellNoOrder(units, threads, rows);
  const anomaly = anomalyOf(units.history, 'no one order', sentence, rows);
  return { type: 'invalid', anomalies: [anomaly], count: 1, examined };
}

/**
 * Leaves out what is not needed to see that there is no order: a read, a failed cas, a write with all that found its value (and, of cas,
 * what found what those wrote), so that what is taken away demands less and never more.
 */
class Smaller {
  readonly #units: Units;
  readonly #threads: Threads;
  readonly #budget: Budget;
  readonly #kept: Uint8Array;
  readonly #stepsMax: number;
  #left = STEPS_TO_EXPLAIN;

  constructor(units: Units, threads: Threads, budget: Budget, { kept, steps }: Failing) {
    this.#units = units;
    this.#threads = threads;
    this.#budget = budget;
    this.#stepsMax = Math.max(STEPS_LEAST, 4 * steps);
    this.#kept = kept.map((is, row) => (is === 1 && this.#counts(row) ? 1 : 0));
  }

  rows(): readonly number[] {
    const members = (): number[] => [...this.#kept.keys()].filter((row) => this.#kept[row] === 1);
    let now = members();
    for (let size = now.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at < now.length; ) {
        const gone = this.#withReaders(now, now.slice(at, at + size));
        if (!this.#isNeedless(gone)) {
          at += size;
          continue;
        }
        for (const row of gone) this.#kept[row] = 0;
        now = members();
        // What could not go before may go now.
        if (size === 1) at = 0;
      }
    }
    return now;
  }

  #counts(row: number): boolean {
    const what = this.#units.deeds[row];
    return what === READS || what === WRITES || what === SWAPS || what === DENIES;
  }

  #isNeedless(gone: ReadonlySet<number>): boolean {
    if (this.#left < 0 || this.#budget.spent() !== undefined) return false;
    const kept = this.#kept.slice();
    for (const row of gone) kept[row] = 0;
    const result = new Orders(this.#units, this.#threads, kept).search({
      budget: this.#budget,
      stepsMax: this.#stepsMax,
    });
    this.#left -= result.steps + STEPS_A_TRY;
    return result.type === 'none';
  }

  #withReaders(now: readonly number[], some: readonly number[]): ReadonlySet<number> {
    const { history, deeds, reading } = this.#units;
    const { key } = history;
    const gone = new Set<number>();
    const left = [...some];
    for (let row = left.pop(); row !== undefined; row = left.pop()) {
      if (gone.has(row)) continue;
      gone.add(row);
      if (deeds[row] !== WRITES && deeds[row] !== SWAPS) continue;
      const value = reference(reading, history.value[row]);
      for (const other of now) {
        if (key[other] !== key[row] || gone.has(other)) continue;
        // A refusal may rest on any write.
        if (deeds[other] === DENIES || this.#found(other) === value) left.push(other);
      }
    }
    return gone;
  }

  #found(row: number): number {
    const { history, reading, deeds } = this.#units;
    if (deeds[row] === READS) return found(history, reading, row);
    return deeds[row] === SWAPS ? reference(reading, history.expected[row]) : NONE;
  }
}
