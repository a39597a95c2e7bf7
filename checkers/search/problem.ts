/** One key's operations laid out for the search: events in order, and a slot for every operation while it is pending. */
import type { Machine } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { METHODS, NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';

/** Operations are numbered 0 … count-1 in the order of their calls. */
export interface Problem {
  readonly count: number;
  /** Row in the history. */
  readonly row: Int32Array;
  readonly pure: Uint8Array;
  /** May take effect before its end, or not at all: nobody knows, or it is asked about as if nobody knew. */
  readonly optional: Uint8Array;
  /** Optional, and at its end nobody can tell any more whether it happened: it never returned. */
  readonly open: Uint8Array;
  /** Leaves its own state whatever was there before. Registers only. */
  readonly blind: Uint8Array;
  /** Operations of the same class do the same. */
  readonly class: Int32Array;
  readonly classes: number;
  /** Bit of the operation while it is pending; slots are used again. */
  readonly slot: Int32Array;
  /** How many slots there are: the most operations that were ever pending at once. */
  readonly slots: number;
  /** Place in the order of ends; open operations end last, or where nobody can tell any more whether they happened. */
  readonly end: Int32Array;
  /** Call (2 * operation) and end (2 * operation + 1) of each, in order. */
  readonly events: Int32Array;
}

/** Place among the events of each operation's call, and of its end; NONE where it is not among them. */
export interface Places {
  readonly call: Int32Array;
  readonly end: Int32Array;
}

export function placesOf({ count, events }: Problem): Places {
  const call = new Int32Array(count).fill(NONE);
  const end = new Int32Array(count).fill(NONE);
  events.forEach((event, at) => {
    ((event & 1) === 0 ? call : end)[event >> 1] = at;
  });
  return { call, end };
}

/**
 * `rows` are rows of one key, ascending. Those for which `mayBeMissing` is 1 are optional, between their calls and returns.
 * Optional operations whose effect nobody could ever notice are left out where the machine is a register: dropping them
 * changes no answer.
 */
export function layOut(
  history: History,
  machine: Machine,
  rows: ArrayLike<number>,
  mayBeMissing?: Uint8Array,
): Problem {
  const isOptional = Uint8Array.from(rows, (row, i) => (mayBeMissing?.[i] === 1 || history.ret[row] === NEVER ? 1 : 0));
  const ends = lastNotice(history, machine, rows, isOptional);
  const kept: number[] = [];
  for (let i = 0; i < rows.length; i++) if (ends[i] > history.call[rows[i]]) kept.push(i);
  const count = kept.length;
  const row = new Int32Array(count);
  const endAt = new Int32Array(count);
  const pure = new Uint8Array(count);
  const optional = new Uint8Array(count);
  const open = new Uint8Array(count);
  const blind = new Uint8Array(count);
  for (let op = 0; op < count; op++) {
    const r = rows[kept[op]];
    row[op] = r;
    endAt[op] = ends[kept[op]];
    pure[op] = machine.pure(r) ? 1 : 0;
    optional[op] = isOptional[kept[op]];
    open[op] = optional[op] === 1 && (endAt[op] === NEVER || endAt[op] < history.ret[r]) ? 1 : 0;
    blind[op] =
      machine.register !== undefined && machine.register.needs(r) === ILLEGAL && machine.register.leaves(r) !== ILLEGAL
        ? 1
        : 0;
  }
  const byEnd = Int32Array.from({ length: count }, (_, op) => op).sort(
    (a, b) => endAt[a] - endAt[b] || open[a] - open[b] || a - b,
  );
  const end = new Int32Array(count);
  for (let i = 0; i < count; i++) end[byEnd[i]] = i;
  const events = merge(history, row, byEnd, endAt);
  return {
    count,
    row,
    pure,
    optional,
    open,
    blind,
    end,
    events,
    ...classify(history, machine, row),
    ...assignSlots(events, count),
  };
}

/**
 * Up to when each row matters: its return. Where the machine is a register, an optional write matters at most until the last
 * return of an operation that could have found it, or that denies having found something.
 */
function lastNotice(history: History, machine: Machine, rows: ArrayLike<number>, isOptional: Uint8Array): Int32Array {
  const { call, ret } = history;
  const ends = Int32Array.from(rows, (row) => ret[row]);
  const { register } = machine;
  if (register === undefined) return ends;
  const noticed = new Map<number, number>();
  let denied = -1;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const needs = register.needs(row);
    if (needs !== ILLEGAL) noticed.set(needs, Math.max(noticed.get(needs) ?? -1, ret[row]));
    else if (machine.pure(row)) denied = Math.max(denied, ret[row]);
  }
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (isOptional[i] === 0) continue;
    const last = Math.max(noticed.get(register.leaves(row)) ?? -1, denied);
    ends[i] = last > call[row] ? Math.min(ret[row], last) : -1;
  }
  return ends;
}

/** Calls come in ascending order already, ends by `byEnd`. */
function merge(history: History, row: Int32Array, byEnd: Int32Array, endAt: Int32Array): Int32Array {
  const count = row.length;
  const events = new Int32Array(2 * count);
  let next = 0;
  let ended = 0;
  for (let op = 0; op < count; op++) {
    while (endAt[byEnd[ended]] < history.call[row[op]]) events[next++] = 2 * byEnd[ended++] + 1;
    events[next++] = 2 * op;
  }
  while (ended < count) events[next++] = 2 * byEnd[ended++] + 1;
  return events;
}

function assignSlots(events: Int32Array, count: number): { slot: Int32Array; slots: number } {
  const slot = new Int32Array(count);
  const free: number[] = [];
  let slots = 0;
  for (const event of events) {
    const op = event >> 1;
    if ((event & 1) === 1) free.push(slot[op]);
    else slot[op] = free.pop() ?? slots++;
  }
  return { slot, slots };
}

function classify(history: History, machine: Machine, row: Int32Array): { class: Int32Array; classes: number } {
  const { f, value, expected } = history;
  const ids = new Map<number | string, number>();
  const of = Int32Array.from(row, (r) => {
    // Numbers in place of texts where they are as good: a Map finds them much faster.
    const what =
      machine.kind?.(r) ??
      (expected[r] === NONE ? value[r] * METHODS.length + f[r] : `${f[r]} ${value[r]} ${expected[r]}`);
    const id = ids.get(what) ?? ids.size;
    ids.set(what, id);
    return id;
  });
  return { class: of, classes: ids.size };
}
