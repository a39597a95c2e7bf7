/** Registers of which one operation may read or write several: their machine, and the model of those that reads of many keys connect. */
import { CAS, INFO, NULL_REF, OK, READ, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { CellsOutlook, type Deeds } from '../search/cells.ts';
import { Versions } from '../search/versions.ts';
import { DENIES, deed, found, READS, readReference, reference, registerReading, SILENT, SWAPS } from './register.ts';

/** Of more registers than this, those that hold what they held at first are not shown. */
const SHOWN_MAX = 8;

/**
 * Registers that reads of many keys connect: besides what the model knows, a cas, which is never part of a batch. Without what is known of
 * each key alone: whoever asks has looked at that.
 */
export const connectedRegisters: Model = {
  name: 'connected registers',
  about: 'A register for each key; a read of many keys is one operation.',
  methods: ['read', 'write', 'cas'],
  partition: 'linked',
  machine: machineOfMany,
};

/** A batch is one operation, named by its first row. */
export function machineOfMany(history: History, semantics: Semantics): Machine {
  const { batch, expected, f, key, length, outcome, value } = history;
  const reading = registerReading(history, semantics);
  /** What a cas does, and what it finds or denies; undefined of other rows. */
  const casOf = (row: number): { readonly what: number; readonly seen: number } | undefined => {
    if (f[row] !== CAS) return undefined;
    const what = deed(history, reading, row);
    const ref = what === READS ? found(history, reading, row) : reference(reading, expected[row]);
    return { what, seen: (ref - reading.initial) | 0 };
  };
  const states = new Versions(history.keys.length);
  // A cell is the reference less that of the initial value, so that all begin at 0.
  const reads = (row: number): boolean =>
    f[row] === READ && outcome[row] === OK && !(reading.nilMatchesAny && value[row] === NULL_REF);
  const cellOf = (row: number): number =>
    ((f[row] === READ ? readReference : reference)(reading, value[row]) - reading.initial) | 0;
  const some = (first: number, holds: (row: number) => boolean): boolean => {
    for (let row = first; row < length && (row === first || (batch[row] === first && batch[first] === first)); row++) {
      if (holds(row)) return true;
    }
    return false;
  };
  const kinds = new Map<string, number>();
  /** Keys that any row is of: a part of a history knows the names of all. */
  let own: ReadonlySet<number> | undefined;
  /** What the operation finds before it writes, and what it leaves. */
  const deedsOf = (first: number): Deeds => {
    const cas = casOf(first);
    if (cas !== undefined) {
      const { what, seen } = cas;
      if (what === SWAPS) return { finds: [key[first], seen], leaves: [key[first], cellOf(first)] };
      if (what === READS) return { finds: [key[first], seen], leaves: [] };
      if (what === DENIES) return { finds: [], leaves: [], denies: [key[first], seen] };
      return { finds: [], leaves: [], contradictsItself: true };
    }
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
    const cas = casOf(first);
    if (cas !== undefined) {
      const { what, seen } = cas;
      const isThere = states.get(state, key[first]) === seen;
      if (what === SWAPS) return isThere ? states.set(state, key[first], cellOf(first)) : ILLEGAL;
      return (what === READS && isThere) || (what === DENIES && !isThere) ? state : ILLEGAL;
    }
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
    relevant: (first) =>
      f[first] === CAS
        ? deed(history, reading, first) !== SILENT
        : some(first, (row) => reads(row) || (f[row] !== READ && happened(row))),
    pure: (first) => (f[first] === CAS ? casOf(first)?.what !== SWAPS : !some(first, (row) => f[row] !== READ)),
    show(state) {
      own ??= new Set(key);
      const isFew = own.size <= SHOWN_MAX;
      const shown = [...own].sort((a, b) => a - b).filter((k) => isFew || states.get(state, k) !== 0);
      return Object.fromEntries(
        shown.map((k) => [history.keys[k], history.values.get((states.get(state, k) + reading.initial) | 0)]),
      );
    },
    kind(first) {
      const cas = casOf(first);
      let text = cas === undefined ? '' : `${cas.what} ${cas.seen} `;
      some(first, (row) => {
        if (f[row] !== READ || reads(row)) text += `${f[row]} ${key[row]} ${value[row]},`;
        return false;
      });
      const known = kinds.get(text) ?? kinds.size;
      kinds.set(text, known);
      return known;
    },
    step,
    deeds: deedsOf,
    outlook: (problem, places, initial) =>
      new CellsOutlook(problem, places, { initial, step }, states, history.keys.length, deedsOf),
    bytes: () => states.bytes,
  };
}
