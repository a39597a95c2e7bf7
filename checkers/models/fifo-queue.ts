import { OK } from '../../history/history.ts';
import { decideFifo } from '../linearizable/queues.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { DEQUEUE, drained, ENQUEUE, foundEmpty, mayCount, meaninglessOfQueue } from '../search/queue-words.ts';
import { Sequences } from '../search/sequences.ts';

export default {
  name: 'fifo-queue',
  about:
    'A queue, first in, first out: enqueue, dequeue (null: it was empty), and drain (all that is in it, in order).',
  methods: ['enqueue', 'dequeue', 'drain'],
  machine(history): Machine {
    const { f, outcome, value } = history;
    const states = new Sequences();
    const drains = new Map<number, Int32Array>();
    const drain = (state: State, row: number): State => {
      if (outcome[row] !== OK) return 0;
      const taken = drains.get(row) ?? drained(history, row) ?? new Int32Array(0);
      drains.set(row, taken);
      if (taken.length !== states.length(state)) return ILLEGAL;
      return states.list(state).every((held, i) => held === taken[i]) ? 0 : ILLEGAL;
    };
    return {
      initial: 0,
      relevant: (row) => mayCount(history, row),
      pure: (row) => foundEmpty(history, row),
      show: (state) => states.list(state).map((reference) => history.values.get(reference)),
      meaningless: (row) => meaninglessOfQueue(history, row),
      step(state, row) {
        if (f[row] === ENQUEUE) return states.push(state, value[row]);
        if (f[row] !== DEQUEUE) return drain(state, row);
        // Nobody knows what an unanswered dequeue took: whatever was first.
        if (outcome[row] !== OK) return states.length(state) === 0 ? state : states.shift(state);
        if (foundEmpty(history, row)) return states.length(state) === 0 ? state : ILLEGAL;
        return states.first(state) === value[row] ? states.shift(state) : ILLEGAL;
      },
      bytes: () => states.bytes,
    };
  },
  decide: decideFifo,
} satisfies Model;
