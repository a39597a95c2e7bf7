import { INFO, METHODS, NULL_REF, OK, READ } from '../../history/history.ts';
import { outOfBounds } from '../linearizable/bounds.ts';
import type { Decision, Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { sumsOutlook } from '../search/sums.ts';

const ADD = METHODS.indexOf('add');
const INLINE = 2 ** 29;

export default {
  name: 'counter',
  about: 'A number with add (of an integer, below zero too) and read; 0 at first.',
  methods: ['read', 'add'],
  machine(history, semantics): Machine {
    const { f, outcome, value, values } = history;
    const nilMatchesAny = semantics.nilRead === 'any';
    const initial = semantics.initial ?? 0;
    // Small sums are their own states, times two; the others are interned.
    const sums: number[] = [];
    const ids = new Map<number, State>();
    const intern = (sum: number): State => {
      if (Math.abs(sum) < INLINE) return 2 * sum;
      const known = ids.get(sum);
      if (known !== undefined) return known;
      ids.set(sum, 2 * sums.length + 1);
      sums.push(sum);
      return 2 * sums.length - 1;
    };
    const sumOf = (state: State): number => ((state & 1) === 0 ? state / 2 : sums[(state - 1) / 2]);
    const number = (row: number): number => {
      const ref = value[row];
      if ((ref & 1) === 0) return ref >> 1;
      const held = ref === NULL_REF ? initial : values.get(ref);
      return typeof held === 'number' ? held : Number.NaN;
    };
    const isUnsafe = (row: number): boolean => !Number.isSafeInteger(number(row));
    const step = (state: State, row: number): State => {
      if (f[row] === READ) return sumOf(state) === number(row) ? state : ILLEGAL;
      return intern(sumOf(state) + number(row));
    };
    return {
      initial: intern(Number(initial)),
      relevant: (row) =>
        f[row] === READ
          ? outcome[row] === OK && !(nilMatchesAny && value[row] === NULL_REF)
          : outcome[row] === OK || outcome[row] === INFO,
      pure: (row) => f[row] === READ || number(row) === 0,
      show: sumOf,
      meaningless(row) {
        if (!Number.isSafeInteger(initial)) return `begins at ${JSON.stringify(initial)}, which is no integer`;
        if (f[row] === ADD && value[row] === NULL_REF) return 'was asked to add null, which is no integer';
        if (!isUnsafe(row)) return undefined;
        const what = JSON.stringify(values.get(value[row]));
        return `${f[row] === ADD ? 'was asked to add' : 'answered'} ${what}, which is no integer`;
      },
      step,
      outlook: ({ row }, _, first) =>
        sumsOutlook({ initial: first, step: (state, op) => step(state, row[op]), sum: sumOf }, (op) => number(row[op])),
      bytes: () => 40 * sums.length,
    };
  },
  decide(history, rows, semantics): Decision | undefined {
    const { f, value, values } = history;
    const initial = Number(semantics.initial ?? 0);
    const amount = (row: number): number => {
      const held = values.get(value[row]);
      return held === null ? initial : typeof held === 'number' ? held : Number.NaN;
    };
    return outOfBounds(history, rows, { initial, isRead: (row) => f[row] === READ, amount });
  },
} satisfies Model;
