/**
 * Causal threads: whose operations are in order with one another. A session, or each device of it by itself, as the
 * semantics say; a process where the history names no session.
 *
 * The order within a thread is partial: a precedes b iff a completed before b was invoked.
 */
import { type History, NONE } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';

export interface Threads {
  /** Thread of each row. */
  readonly of: Int32Array;
  readonly count: number;
  /** `session s3`, `session s3 on phone`, `process 7`. */
  name(row: number): string;
}

export function threadsOf(history: History, semantics: Semantics): Threads {
  const { session, device, process, length } = history;
  const byDevice = semantics.thread === 'device';
  const devices = history.devices.length + 1;
  const ofSession = new Map<number, number>();
  const ofProcess = new Map<number, number>();
  const of = new Int32Array(length);
  let count = 0;
  for (let row = 0; row < length; row++) {
    const named = session[row] !== NONE;
    const id = !named ? process[row] : byDevice ? session[row] * devices + device[row] + 1 : session[row];
    const known = named ? ofSession : ofProcess;
    let thread = known.get(id);
    if (thread === undefined) {
      thread = count++;
      known.set(id, thread);
    }
    of[row] = thread;
  }
  const name = (row: number): string => {
    if (session[row] === NONE) return `process ${process[row]}`;
    const on = byDevice && device[row] !== NONE ? ` on ${history.devices[device[row]]}` : '';
    return `session ${history.sessions[session[row]]}${on}`;
  };
  return { of, count, name };
}

/** Numbers the (thread, key) pairs that occur: one number a row. */
export function slotsOf(history: History, threads: Threads): { readonly of: Int32Array; readonly count: number } {
  const { key, length } = history;
  const keys = history.keys.length;
  const known = new Map<number, number>();
  const of = new Int32Array(length);
  for (let row = 0; row < length; row++) {
    const pair = threads.of[row] * keys + key[row];
    let slot = known.get(pair);
    if (slot === undefined) {
      slot = known.size;
      known.set(pair, slot);
    }
    of[row] = slot;
  }
  return { of, count: known.size };
}

/**
 * What happened at each event position: `row * 2` for an invocation, `row * 2 + 1` for a completion, NONE where an event
 * belongs to no row of this (filtered) history. An `info` operation has no completion.
 */
export function eventsOf(history: History): Int32Array {
  const events = new Int32Array(history.positions).fill(NONE);
  for (let row = 0; row < history.length; row++) {
    events[history.call[row]] = row * 2;
    if (history.ret[row] < history.positions) events[history.ret[row]] = row * 2 + 1;
  }
  return events;
}
