/**
 * Mutual exclusion between processes of one machine, which survives `kill -9` of whoever holds it.
 *
 * A process is named by its pid and the moment it started (in clock ticks since the machine booted), so that a pid used
 * again is not taken for the same process. What is done under the lock is synchronous, so that a busy event loop never
 * sits on it.
 */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Clock } from '../history/clock.ts';
import { MILLISECOND } from '../history/clock.ts';
import { DatabaseUnavailable } from './unavailable.ts';

/** Names one life of one process: `4711-883920`. */
export type ProcessId = string;

/** When a process started, or undefined when there is none. A zombie is none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses, and may hold anything: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function processId(pid: number): ProcessId | undefined {
  const start = startOf(pid);
  return start === undefined ? undefined : `${pid}-${start}`;
}

export function pidOf(process: ProcessId): number {
  return Number.parseInt(process, 10);
}

export function isAlive(process: ProcessId): boolean {
  return processId(pidOf(process)) === process;
}

let attempts = 0;

/**
 * Runs `work`, which must be synchronous, while nobody else holds the lock at `path`. Waits five seconds at most.
 */
export async function underLock<T>(path: string, clock: Clock, work: () => T): Promise<T> {
  const self = `${processId(process.pid) ?? process.pid}-${++attempts}`;
  const candidate = `${path}.${self}`;
  writeFileSync(candidate, self);
  try {
    for (let waited = 0; !acquire(candidate, path); waited++) {
      if (waited >= 500) {
        throw new DatabaseUnavailable(
          `the lock ${path} has been held for more than 5 s`,
          'Remove that file if nothing runs.',
        );
      }
      await clock.sleepUntil(clock.now() + 10 * MILLISECOND);
    }
    try {
      return work();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(candidate, { force: true });
  }
}

/**
 * Takes the lock, if need be from a dead owner. Two processes may find the same owner dead; the one that gets the lock on
 * stealing from this very owner looks again, because the other may have stolen and finished in the meantime. An owner's
 * name is never used twice, so a steal that itself died is stolen from in the same way.
 */
function acquire(candidate: string, path: string): boolean {
  try {
    linkSync(candidate, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = readOwner(path);
  if (owner === undefined || isOwnerAlive(owner)) return false;
  const steal = `${path}.from.${owner}`;
  if (!acquire(candidate, steal)) return false;
  try {
    if (readOwner(path) === owner) rmSync(path, { force: true });
  } finally {
    rmSync(steal, { force: true });
    rmSync(`${path}.${owner}`, { force: true });
  }
  return acquire(candidate, path);
}

/** Undefined when it has just been given up. */
function readOwner(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The owner's name is its process and a number. */
function isOwnerAlive(owner: string): boolean {
  return isAlive(owner.slice(0, owner.lastIndexOf('-')));
}
