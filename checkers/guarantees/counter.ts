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
import { answer, capital, key } from '../sessions/words.ts';

const ADD = methodCode('add');

function explain(history: History, row: number, found: number, least: number, greatest: number): Anomaly {
  const low = found < least;
  return {
    kind: low ? 'sum too small' : 'sum too great',
    sentence:
      capital(`the read of ${key(history, row)}${answer(history, row)} returned ${found}, `) +
      (low
        ? `though what had been added for certain before it was invoked, and all that may have been taken away, make at least ${least}.`
        : `though all that may have been added before it returned makes at most ${greatest}.`),
    operations: [history.operation(row)],
  };
}

/** Keys that amounts were added to, and nothing else was done but read. */
function countersIn({ length, f, key, value, outcome, keys, values }: History): Uint8Array {
  const isCounter = new Uint8Array(keys.length);
  const isOther = new Uint8Array(keys.length);
  for (let row = 0; row < length; row++) {
    if (f[row] === ADD && typeof values.get(value[row]) === 'number') isCounter[key[row]] = 1;
    else if (f[row] !== READ) isOther[key[row]] = 1;
    else if (outcome[row] === OK && !isAmount(values.get(value[row]))) isOther[key[row]] = 1;
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
      if (!inexact) findings.add(() => explain(history, row, found, least, greatest));
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
