/** Registers as a machine, and how a row of a register's history is to be read. */
import type { Semantics } from '../checker.ts';
import type { Machine } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { CAS, FAIL, HAS_ACTUAL, INFO, MISMATCH, NULL_REF, OK, READ, WRITE } from '../../history/history.ts';
import type { Columns, History } from '../../history/history.ts';

/** What a row says or does to a register. */
export const SILENT = 0; // nothing: unanswered reads, refusals, reads of null where null matches anything
export const WRITES = 1; // leaves `value`
export const READS = 2; // found `value`, or `actual` where it is a failed cas
export const SWAPS = 3; // found `expected` and left `value`
export const DENIES = 4; // found something else than `expected`
export const ABSURD = 5; // says that it failed although it found `expected`

/** The columns that say it. */
type Answers = Pick<Columns, 'f' | 'outcome' | 'flags' | 'value' | 'expected' | 'actual'>;

/** The semantics of a register, with references instead of values. */
export interface RegisterReading {
  /** Reference of the initial value. */
  readonly initial: number;
  /**
   * What null stands for where it was read: the initial value, unless null matches any state. So a store that answers null
   * for what was never written may still be told that its registers begin at 0.
   */
  readonly nullRead: number;
  /** What it stands for where it was written, or a cas expected it: itself, but in the string model. */
  readonly nullWritten: number;
  readonly nilMatchesAny: boolean;
  readonly failedCasConstrains: boolean;
}

export function registerReading(history: Pick<History, 'values'>, semantics: Semantics): RegisterReading {
  const initial = history.values.intern(semantics.initial);
  const nilMatchesAny = semantics.nilRead === 'any';
  return {
    initial,
    nullRead: nilMatchesAny ? NULL_REF : initial,
    nullWritten: NULL_REF,
    nilMatchesAny,
    failedCasConstrains: semantics.failedCas === 'constrain',
  };
}

/** One of the constants above. A row that took effect for certain or perhaps is judged alike; `ret` tells them apart. */
export function deed(history: Answers, reading: RegisterReading, row: number): number {
  const outcome = history.outcome[row];
  switch (history.f[row]) {
    case READ:
      return outcome === OK && !(reading.nilMatchesAny && history.value[row] === NULL_REF) ? READS : SILENT;
    case WRITE:
      return outcome === OK || outcome === INFO ? WRITES : SILENT;
    case CAS: {
      if (outcome !== FAIL) return SWAPS;
      const flags = history.flags[row];
      if ((flags & MISMATCH) === 0 || !reading.failedCasConstrains) return SILENT;
      if ((flags & HAS_ACTUAL) === 0 || (reading.nilMatchesAny && history.actual[row] === NULL_REF)) return DENIES;
      return found(history, reading, row) === reference(reading, history.expected[row]) ? ABSURD : READS;
    }
    default:
      return SILENT;
  }
}

/** What was written, or what a cas expected, by the reference to it. */
export function reference(reading: RegisterReading, ref: number): number {
  return ref === NULL_REF ? reading.nullWritten : ref;
}

/** What was read, by the reference to it. */
export function readReference(reading: RegisterReading, ref: number): number {
  return ref === NULL_REF ? reading.nullRead : ref;
}

/** What a row that READS found. */
export function found(history: Answers, reading: RegisterReading, row: number): number {
  return readReference(reading, history.f[row] === READ ? history.value[row] : history.actual[row]);
}

export function registerMachine(history: History, semantics: Semantics): Machine {
  const reading = registerReading(history, semantics);
  const { value, expected } = history;
  const needs = (row: number): number => {
    const what = deed(history, reading, row);
    if (what === READS) return found(history, reading, row);
    return what === SWAPS ? reference(reading, expected[row]) : ILLEGAL;
  };
  const leaves = (row: number): number => {
    const what = deed(history, reading, row);
    return what === WRITES || what === SWAPS ? reference(reading, value[row]) : ILLEGAL;
  };
  return {
    initial: reading.initial,
    relevant: (row) => deed(history, reading, row) !== SILENT,
    pure: (row) => leaves(row) === ILLEGAL,
    step(state, row) {
      switch (deed(history, reading, row)) {
        case WRITES:
          return reference(reading, value[row]);
        case READS:
          return state === found(history, reading, row) ? state : ILLEGAL;
        case SWAPS:
          return state === reference(reading, expected[row]) ? reference(reading, value[row]) : ILLEGAL;
        case DENIES:
          return state === reference(reading, expected[row]) ? ILLEGAL : state;
        default:
          return ILLEGAL;
      }
    },
    show: (state) => history.values.get(state),
    register: { needs, leaves },
  };
}
