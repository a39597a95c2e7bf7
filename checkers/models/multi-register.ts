import { INFO, NULL_REF, OK, READ, WRITE } from '../../history/history.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { impossibleAlone } from '../linearizable/alone.ts';
import { readReference, reference, registerReading } from '../linearizable/register.ts';
import { CellsOutlook, type Deeds } from '../search/cells.ts';
import { Versions } from '../search/versions.ts';

/** Of more registers than this, those that hold what they held at first are not shown. */
const SHOWN_MAX = 8;

const model: Model = {
  name: 'multi-register',
  about: 'A register for each key; a transaction of reads and writes, or a read of many keys, is one operation.',
  methods: ['read', 'write'],
  partition: 'linked',
  transactions: true,
  machine(history, semantics): Machine {
    const { batch, f, key, length, outcome, value } = history;
    const reading = registerReading(history, semantics);
    const states = new Versions(history.keys.length);
    // A cell is the reference less that of the initial value, so that all begin at 0.
    const reads = (row: number): boolean =>
      f[row] === READ && outcome[row] === OK && !(reading.nilMatchesAny && value[row] === NULL_REF);
    const cellOf = (row: number): number =>
      ((f[row] === READ ? readReference : reference)(reading, value[row]) - reading.initial) | 0;
    const some = (first: number, holds: (row: number) => boolean): boolean => {
      for (
        let row = first;
        row < length && (row === first || (batch[row] === first && batch[first] === first));
        row++
      ) {
        if (holds(row)) return true;
      }
      return false;
    };
    const kinds = new Map<string, number>();
    /** What the operation finds before it writes, and what it leaves. */
    const deedsOf = (first: number): Deeds => {
      const found = new Map<number, number>();
      const left = new Map<number, number>();
      const contradictsItself = some(first, (row) => {
        const cell = cellOf(row);
        if (f[row] === WRITE) left.set(key[row], cell);
        else if (reads(row)) {
          const expected = left.get(key[row]) ?? found.get(key[row]) ?? cell;
          if (expected !== cell) return true;
          if (!left.has(key[row])) found.set(key[row], cell);
        }
        return false;
      });
      return { finds: [...found].flat(), leaves: [...left].flat(), contradictsItself };
    };
    const step = (state: State, first: number): State => {
      let after: State = state;
      const isIllegal = some(first, (row) => {
        const cell = cellOf(row);
        if (f[row] === WRITE) after = states.set(after, key[row], cell);
        else if (reads(row)) return states.get(after, key[row]) !== cell;
        return false;
      });
      return isIllegal ? ILLEGAL : after;
    };
    const happened = (row: number): boolean => outcome[row] === OK || outcome[row] === INFO;
    return {
      initial: 0,
      relevant: (first) => some(first, (row) => reads(row) || (f[row] !== READ && happened(row))),
      pure: (first) => !some(first, (row) => f[row] !== READ),
      show: (state) =>
        Object.fromEntries(
          history.keys
            .map((name, k) => [name, history.values.get((states.get(state, k) + reading.initial) | 0)] as const)
            .filter((_, k) => history.keys.length <= SHOWN_MAX || states.get(state, k) !== 0),
        ),
      kind(first) {
        let text = '';
        some(first, (row) => {
          if (f[row] === WRITE || reads(row)) text += `${f[row]} ${key[row]} ${value[row]},`;
          return false;
        });
        const known = kinds.get(text) ?? kinds.size;
        kinds.set(text, known);
        return known;
      },
      step,
      outlook: (problem, places, initial) =>
        new CellsOutlook(problem, places, { initial, step }, states, history.keys.length, deedsOf),
      bytes: () => states.bytes,
    };
  },
  decide: (history, rows, semantics, budget) => impossibleAlone(history, model, rows, semantics, budget),
};

export default model;
