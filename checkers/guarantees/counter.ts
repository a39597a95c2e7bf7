/**
 * Counter: every read lies between the least and the greatest sum that additions can have had at some moment of it (as Jepsen's
 * counter). Certain are additions acknowledged before the read was invoked; possible, those invoked before it returned, of
 * unknown outcome too; refused ones never count. With negative amounts: the least sum takes all certain and positive ones and
 * every possible negative one, the greatest the other way round.
 *
 * This is necessary, not sufficient: each read is judged by itself. `linearizable` with the model `counter` is exact.
 */
import { FAIL, type History, OK, READ } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import type { Anomaly, Checker, Follower } from '../checker.ts';
import { confirming } from '../online/confirming.ts';
import { CounterStream } from '../online/counter.ts';
import { eachEvent, methodCode } from '../collections/elements.ts';
import { Findings } from '../sessions/findings.ts';
import { operationsOf } from '../sessions/operations.ts';
import { amount, answer, capital, key } from '../sessions/words.ts';

const ADD = methodCode('add');

/** Of the additions that make a bound, no more than these are shown. */
const SHOWN_MAX = 12;

/** A read, and the bounds of what it may return. */
interface OutOfBounds {
  readonly row: number;
  readonly found: number;
  /** What the counter held at first. */
  readonly from: number;
  readonly least: number;
  readonly greatest: number;
}

function explain(history: History, read: OutOfBounds): Anomaly {
  const { row, found, least, greatest } = read;
  const low = found < least;
  const { enough, all } = additionsAgainst(history, read);
  const more = enough.length - SHOWN_MAX;
  const shown =
    more > 0
      ? `; ${amount(more, 'more addition')} of those that show it ${more === 1 ? 'is' : 'are'} left out here`
      : enough.length < all
        ? `; ${enough.length} of ${amount(all, 'addition')} show that it is too ${low ? 'small' : 'great'}`
        : '';
  return {
    kind: low ? 'sum too small' : 'sum too great',
    sentence:
      capital(`the read of ${key(history, row)}${answer(history, row)} returned ${found}, `) +
      (low
        ? `though what had been added for certain before it was invoked, and all that may have been taken away, make at least ${least}`
        : `though all that may have been added before it returned makes at most ${greatest}`) +
      `${shown}.`,
    operations: operationsOf(history, [...enough.slice(0, SHOWN_MAX), row]),
  };
}

/**
 * The fewest additions that a read contradicts, greatest first, and of how many: all that may have moved the sum towards what was
 * found, and as many of those that certainly moved it away as put it beyond.
 */
function additionsAgainst(
  { length, f, key, value, values, outcome, call, ret }: History,
  { row: read, found, from, least }: OutOfBounds,
): { readonly enough: readonly number[]; readonly all: number } {
  const low = found < least;
  const by = (row: number): number => values.get(value[row]) as number; // countersIn
  const towards: number[] = [];
  const away: number[] = [];
  for (let row = 0; row < length; row++) {
    if (f[row] !== ADD || key[row] !== key[read] || outcome[row] === FAIL || by(row) === 0) continue;
    if (by(row) < 0 === low) {
      if (call[row] < ret[read]) towards.push(row);
    } else if (outcome[row] === OK && ret[row] < call[read]) away.push(row);
  }
  const greatestFirst = (rows: number[]): number[] => rows.sort((a, b) => Math.abs(by(b)) - Math.abs(by(a)));
  let sum = towards.reduce((total, row) => total + by(row), from);
  const enough: number[] = [];
  for (const row of greatestFirst(away)) {
    if (low ? found < sum : found > sum) break;
    sum += by(row);
    enough.push(row);
  }
  return { enough: greatestFirst([...enough, ...towards]), all: away.length + towards.length };
}

/** Keys that nothing else was done to than adding amounts and reading numbers; if nothing was added, they hold what they held at first. */
function countersIn({ length, f, key, value, outcome, keys, values }: History): Uint8Array {
  const isCounter = new Uint8Array(keys.length);
  const isOther = new Uint8Array(keys.length);
  for (let row = 0; row < length; row++) {
    if (f[row] === ADD && typeof values.get(value[row]) === 'number') isCounter[key[row]] = 1;
    else if (f[row] !== READ) isOther[key[row]] = 1;
    else if (outcome[row] === OK) {
      const held = values.get(value[row]);
      if (!isAmount(held)) isOther[key[row]] = 1;
      else if (held !== null) isCounter[key[row]] = 1;
    }
  }
  for (let k = 0; k < keys.length; k++) if (isOther[k] === 1) isCounter[k] = 0;
  return isCounter;
}

const isAmount = (value: Value): boolean => value === null || typeof value === 'number';

export default {
  name: 'counter',
  decides: 'counter',
  check(history, _budget, { initial, nilRead }) {
    const { f, outcome, value, values, keys, key: keyOf } = history;
    const isCounter = countersIn(history);
    const from = typeof initial === 'number' ? initial : 0;
    const sums = (): Float64Array => new Float64Array(keys.length).fill(0);
    const [addedCertainly, takenCertainly, addedPerhaps, takenPerhaps] = [sums(), sums(), sums(), sums()];
    // At the invocation of each open read: what was certain.
    const addedAtCall = new Float64Array(history.length);
    const takenAtCall = new Float64Array(history.length);
    const findings = new Findings();
    let adds = 0;
    let reads = 0;
    let unread = 0;
    let inexact = false;
    const takes = (row: number): boolean =>
      isCounter[keyOf[row]] === 1 && (f[row] === ADD ? outcome[row] !== FAIL : f[row] === READ && outcome[row] === OK);
    eachEvent(history, takes, (row, isCall) => {
      const k = keyOf[row];
      const held = values.get(value[row]);
      if (f[row] === ADD) {
        if (isCall) adds++;
        const by = held as number; // countersIn
        const into = by < 0 ? (isCall ? takenPerhaps : takenCertainly) : isCall ? addedPerhaps : addedCertainly;
        if (isCall || outcome[row] === OK) into[k] += by;
        if (Math.abs(into[k]) > Number.MAX_SAFE_INTEGER || !Number.isInteger(by)) inexact = true;
        return;
      }
      if (isCall) {
        addedAtCall[row] = addedCertainly[k];
        takenAtCall[row] = takenCertainly[k];
        return;
      }
      if (held === null && nilRead === 'any') {
        unread++;
        return;
      }
      reads++;
      const found = typeof held === 'number' ? held : from;
      const least = from + addedAtCall[row] + takenPerhaps[k];
      const greatest = from + takenAtCall[row] + addedPerhaps[k];
      if (found >= least && found <= greatest) return;
      if (!inexact) findings.add(() => explain(history, { row, found, from, least, greatest }));
    });
    const others = keys.length - isCounter.reduce((n, is) => n + is, 0);
    const doubt =
      adds === 0 || reads === 0
        ? 'there are no keys that amounts are added to and read from, and nothing else'
        : inexact
          ? 'the amounts are not whole, or too great to be added exactly'
          : undefined;
    return findings.verdict(
      { operations: history.operations, counters: keys.length - others, adds, reads, 'reads of null': unread },
      doubt,
    );
  },
  follow(growing, budget, semantics): Follower {
    return confirming(this, growing, budget, semantics, new CounterStream(growing, semantics));
  },
} satisfies Checker;
