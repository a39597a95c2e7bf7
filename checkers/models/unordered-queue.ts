import { METHODS, OK } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { decideUnordered } from '../linearizable/queues.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import type { OutlookOf } from '../search/outlook.ts';
import { DEQUEUE, DRAIN, drained, ENQUEUE, foundEmpty, mayCount, meaninglessOfQueue } from '../search/queue-words.ts';
import { Numbering } from '../search/numbering.ts';
import { Versions } from '../search/versions.ts';

/**
 * Cells of a state: how many there are, how many of those nobody ever names, how many dequeues of unknown outcome may yet
 * take one, and after that how many of each value.
 *
 * Whatever such a dequeue took, it may as well have taken later, until the queue is found empty: nobody misses it before, and
 * its call never ended. Then all that is left must have been taken, so it makes no difference which took what: it takes as
 * many of them, asked for by then and not used before, as there are elements.
 */
const ALL = 0;
const UNNAMED = 1;
const GUESSES = 2;
const FIRST = 3;

export default {
  name: 'unordered-queue',
  about:
    'A queue without an order: enqueue, dequeue of any value in it (null: it was empty), and drain (all that is in it).',
  methods: ['enqueue', 'dequeue', 'drain'],
  machine(history): Machine {
    const { f, key, outcome, value } = history;
    const { numbering, named, guesses } = survey(history);
    const states = new Versions(FIRST + numbering.count);
    /** Values that nobody ever names are alike. */
    const cellOf = (row: number, reference: number): number => {
      const number = numbering.of(reference);
      if (number === -1) return -1;
      return named.has(key[row] * numbering.count + number) ? FIRST + number : UNNAMED;
    };
    const change = (state: State, cell: number, by: number): State => {
      const there = cell === -1 ? 0 : states.get(state, cell);
      if (there + by < 0) return ILLEGAL;
      return states.set(states.set(state, cell, there + by), ALL, states.get(state, ALL) + by);
    };
    const isGuess = (row: number): boolean => f[row] === DEQUEUE && outcome[row] !== OK;
    /** `asked`: dequeues of unknown outcome that are not counted in the state. */
    const emptied = (state: State, asked: number): State => {
      const there = states.get(state, ALL);
      if (there === 0) return state;
      const left = states.get(state, GUESSES) - there;
      return left + asked < 0 ? ILLEGAL : states.set(0, GUESSES, left);
    };
    const drain = (state: State, row: number, asked: number): State => {
      if (outcome[row] !== OK) return states.set(0, GUESSES, states.get(state, GUESSES));
      let after: State = state;
      for (const taken of drained(history, row) ?? []) {
        if (after !== ILLEGAL) after = change(after, cellOf(row, taken), -1);
      }
      return after === ILLEGAL ? ILLEGAL : emptied(after, asked);
    };
    const step = (state: State, row: number, asked: number): State => {
      if (f[row] === ENQUEUE) return change(state, cellOf(row, value[row]), 1);
      if (f[row] !== DEQUEUE) return drain(state, row, asked);
      if (foundEmpty(history, row)) return emptied(state, asked);
      if (outcome[row] === OK) return change(state, cellOf(row, value[row]), -1);
      return states.set(state, GUESSES, states.get(state, GUESSES) + 1);
    };
    return {
      initial: 0,
      relevant: (row) => mayCount(history, row),
      pure: (row) => foundEmpty(history, row) && !guesses.has(key[row]),
      // A dequeue that nobody answered looks like one that found nothing, and is not.
      kind: (row) => (isGuess(row) ? Infinity : value[row] * METHODS.length + f[row]),
      show(state) {
        const held: Value[] = [];
        for (let v = 0; v < numbering.count; v++) {
          const value = history.values.get(numbering.reference(v));
          for (let i = states.get(state, FIRST + v); i > 0; i--) held.push(value);
        }
        const unnamed = states.get(state, UNNAMED);
        if (unnamed > 0) held.push(`and ${unnamed} that nobody takes`);
        const guessed = Math.min(states.get(state, GUESSES), states.get(state, ALL));
        if (guessed > 0) held.push(`but for up to ${guessed} that dequeues of unknown outcome took`);
        return held;
      },
      meaningless: (row) => meaninglessOfQueue(history, row),
      step: (state, row) => step(state, row, 0),
      ...(guesses.size === 0
        ? {}
        : { outlook: outlookWith(history, isGuess, (state) => states.get(state, ALL) === 0, step) }),
      bytes: () => states.bytes,
    };
  },
  decide: decideUnordered,
} satisfies Model;

/**
 * To have been asked for is all that a dequeue of unknown outcome does: it needs no place among the others. An answer "empty"
 * is placed as soon as nothing is inside, and changes nothing then.
 */
function outlookWith(
  history: History,
  isGuess: (row: number) => boolean,
  isEmpty: (state: State) => boolean,
  step: (state: State, row: number, asked: number) => State,
): OutlookOf {
  return ({ events, row }, left, initial) => {
    const guess = Uint8Array.from(row, (of) => (isGuess(of) ? 1 : 0));
    /** Of the events before each: how many call for a guess. */
    const asked = new Int32Array(events.length + 1);
    for (let at = 0; at < events.length; at++) {
      const event = events[at];
      asked[at + 1] = asked[at] + ((event & 1) === 0 ? guess[event >> 1] : 0);
    }
    return {
      initial,
      step: (state, op) => (guess[op] === 1 ? state : step(state, row[op], asked[left.event])),
      settle: (_, after) => after,
      idle: guess.map((is, op) => (is === 1 || foundEmpty(history, row[op]) ? 1 : 0)),
      isIdle: (state, op) => guess[op] === 1 || isEmpty(state),
    };
  };
}

interface Survey {
  readonly numbering: Numbering;
  /** Values that some dequeue or drain took: key times count of values, plus number of the value. */
  readonly named: ReadonlySet<number>;
  /** Keys with dequeues of unknown outcome. */
  readonly guesses: ReadonlySet<number>;
}

function survey(history: History): Survey {
  const { f, key, length, outcome, value } = history;
  const enqueued: number[] = [];
  for (let row = 0; row < length; row++) if (f[row] === ENQUEUE && mayCount(history, row)) enqueued.push(value[row]);
  const numbering = new Numbering(enqueued);
  const named = new Set<number>();
  const guesses = new Set<number>();
  const name = (k: number, reference: number): void => {
    const number = numbering.of(reference);
    if (number !== -1) named.add(k * numbering.count + number);
  };
  for (let row = 0; row < length; row++) {
    if (!mayCount(history, row)) continue;
    const k = key[row];
    if (f[row] === ENQUEUE || foundEmpty(history, row)) continue;
    if (f[row] === DRAIN) {
      for (const taken of outcome[row] === OK ? (drained(history, row) ?? []) : []) name(k, taken);
    } else if (outcome[row] === OK) name(k, value[row]);
    else guesses.add(k);
  }
  return { numbering, named, guesses };
}
