import { OK } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { decideUnordered } from '../linearizable/queues.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { DEQUEUE, DRAIN, drained, ENQUEUE, foundEmpty, mayCount, meaninglessOfQueue } from '../search/queue-words.ts';
import { Numbering } from '../search/numbering.ts';
import { Versions } from '../search/versions.ts';

/** Cells of a state: how many there are, how many of those nobody ever names, and after that how many of each value. */
const ALL = 0;
const UNNAMED = 1;
const FIRST = 2;

export default {
  name: 'unordered-queue',
  about:
    'A queue without an order: enqueue, dequeue of any value in it (null: it was empty), and drain (all that is in it).',
  methods: ['enqueue', 'dequeue', 'drain'],
  machine(history): Machine {
    const { f, key, outcome, value } = history;
    const { numbering, named, repeats, asksForEmpty, guesses } = survey(history);
    const states = new Versions(FIRST + numbering.count);
    /** Values that nobody ever names are alike: an unanswered dequeue may have taken any of them. */
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
    const drain = (state: State, row: number): State => {
      if (outcome[row] !== OK) return 0;
      let after: State = state;
      for (const taken of drained(history, row) ?? []) {
        if (after !== ILLEGAL) after = change(after, cellOf(row, taken), -1);
      }
      return after === 0 ? 0 : ILLEGAL;
    };
    return {
      initial: 0,
      relevant: (row) => mayCount(history, row),
      pure: (row) => foundEmpty(history, row),
      show(state) {
        const held: Value[] = [];
        for (let v = 0; v < numbering.count; v++) {
          const value = history.values.get(numbering.reference(v));
          for (let i = states.get(state, FIRST + v); i > 0; i--) held.push(value);
        }
        const unnamed = states.get(state, UNNAMED);
        return unnamed === 0 ? held : [...held, `and ${unnamed} that nobody takes`];
      },
      meaningless(row) {
        if (repeats.has(key[row]) && guesses.has(key[row]) && asksForEmpty.has(key[row]))
          return 'has values that were enqueued twice beside dequeues of unknown outcome, of which nobody can tell what they took';
        return meaninglessOfQueue(history, row);
      },
      step(state, row) {
        if (f[row] === ENQUEUE) return change(state, cellOf(row, value[row]), 1);
        if (f[row] !== DEQUEUE) return drain(state, row);
        if (foundEmpty(history, row)) return states.get(state, ALL) === 0 ? state : ILLEGAL;
        if (outcome[row] === OK) return change(state, cellOf(row, value[row]), -1);
        return states.get(state, UNNAMED) === 0 ? state : change(state, UNNAMED, -1);
      },
      // That a dequeue of unknown outcome did not take a value is known only from the one that did.
      restsOn: (row) => (f[row] !== ENQUEUE || !guesses.has(key[row]) ? [] : takersOf(history, key[row], value[row])),
      bytes: () => states.bytes,
    };
  },
  decide: decideUnordered,
} satisfies Model;

function takersOf(history: History, k: number, reference: number): readonly number[] {
  const { f, key, length, outcome, value } = history;
  const takers: number[] = [];
  for (let row = 0; row < length; row++) {
    if (key[row] !== k || outcome[row] !== OK) continue;
    const took = f[row] === DEQUEUE ? value[row] === reference : f[row] === DRAIN && drains(history, row, reference);
    if (took) takers.push(row);
  }
  return takers;
}

const drains = (history: History, row: number, reference: number): boolean =>
  drained(history, row)?.includes(reference) === true;

interface Survey {
  readonly numbering: Numbering;
  /** Values that some dequeue or drain took: key times count of values, plus number of the value. */
  readonly named: ReadonlySet<number>;
  /** Keys where a value was enqueued twice. */
  readonly repeats: ReadonlySet<number>;
  /** Keys where a queue was found empty, or emptied. */
  readonly asksForEmpty: ReadonlySet<number>;
  /** Keys with dequeues of unknown outcome. */
  readonly guesses: ReadonlySet<number>;
}

function survey(history: History): Survey {
  const { f, key, length, outcome, value } = history;
  const enqueued: number[] = [];
  for (let row = 0; row < length; row++) if (f[row] === ENQUEUE && mayCount(history, row)) enqueued.push(value[row]);
  const numbering = new Numbering(enqueued);
  const named = new Set<number>();
  const repeats = new Set<number>();
  const asksForEmpty = new Set<number>();
  const guesses = new Set<number>();
  const seen = new Set<number>();
  const name = (k: number, reference: number): void => {
    const number = numbering.of(reference);
    if (number !== -1) named.add(k * numbering.count + number);
  };
  for (let row = 0; row < length; row++) {
    if (!mayCount(history, row)) continue;
    const k = key[row];
    if (f[row] === ENQUEUE) {
      const id = k * numbering.count + numbering.of(value[row]);
      if (seen.has(id)) repeats.add(k);
      seen.add(id);
    } else if (f[row] === DRAIN || foundEmpty(history, row)) {
      asksForEmpty.add(k);
      if (f[row] === DRAIN && outcome[row] === OK) {
        for (const taken of drained(history, row) ?? []) name(k, taken);
      }
    } else if (outcome[row] === OK) name(k, value[row]);
    else guesses.add(k);
  }
  return { numbering, named, repeats, asksForEmpty, guesses };
}
