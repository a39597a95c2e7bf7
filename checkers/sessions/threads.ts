/**
 * Causal threads: whose operations are in order with one another. A session, or each device of it by itself, as the
 * semantics say; a process where the history names no session.
 *
 * The order within a thread is partial: a precedes b iff a completed before b was invoked.
 */
import { type History, NONE } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { Pairs } from './pairs.ts';

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
  const sessions = history.sessions.length;
  const devices = byDevice ? history.devices.length + 1 : 1;
  // A process stands for itself, as a pair that no session has.
  const ofProcess = processes(history);
  const pairs = new Pairs(sessions + ofProcess.count, devices, length);
  /** Plus one: many pairs may never occur. */
  const numbers = new Int32Array(Math.max(pairs.count, length));
  const of = new Int32Array(length);
  let count = 0;
  for (let row = 0; row < length; row++) {
    const named = session[row] !== NONE;
    const pair = named
      ? pairs.of(session[row], byDevice ? device[row] + 1 : 0)
      : pairs.of(sessions + ofProcess.of(process[row]), 0);
    if (numbers[pair] === 0) numbers[pair] = ++count;
    of[row] = numbers[pair] - 1;
  }
  const name = (row: number): string => {
    if (session[row] === NONE) return `process ${process[row]}`;
    const on = byDevice && device[row] !== NONE ? ` on ${history.devices[device[row]]}` : '';
    return `session ${history.sessions[session[row]]}${on}`;
  };
  return { of, count, name };
}

/** Numbers for the processes of rows without a session: their own where they are small, as they mostly are. */
function processes({ session, process, length }: History): { readonly count: number; of(process: number): number } {
  let lowest = 0;
  let highest = NONE;
  for (let row = 0; row < length; row++) {
    if (session[row] !== NONE) continue;
    if (process[row] > highest) highest = process[row];
    if (process[row] < lowest) lowest = process[row];
  }
  if (lowest >= 0 && highest < length * 2 + 1024) return { count: highest + 1, of: (one) => one };
  const pairs = new Pairs(2 ** 32, 1, length);
  return { count: length, of: (one) => pairs.of(one, 0) };
}

/**
 * What happened at each event position: `row * 2` for an invocation, `row * 2 + 1` for a completion, NONE where an event
 * belongs to no row of this (filtered) history. An `info` operation has no completion.
 */
export function eventsOf({ call, ret, positions, length }: History): Int32Array {
  const events = new Int32Array(positions).fill(NONE);
  for (let row = 0; row < length; row++) {
    events[call[row]] = row * 2;
    if (ret[row] < positions) events[ret[row]] = row * 2 + 1;
  }
  return events;
}
