/**
 * Whose a container is: one life of one harness. So what a killed harness left can be told from what another one is using,
 * on this machine or on one that shares the engine.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isAlive, processId } from '../../../results/lock.ts';

/** What every object of ours carries. */
export const labels = { run: 'tidemark.run', owner: 'tidemark.owner', node: 'tidemark.node' } as const;

/**
 * `host boot namespace pid-start`. Pids mean something within one namespace of one boot only: a harness in a container shares
 * the machine and not its pids.
 */
export function owner(): string {
  return `${place()} ${processId(process.pid) ?? process.pid}`;
}

/** The same in few letters, for the name of a file. */
export function ownerMark(): string {
  return `${placeMark()}-${processId(process.pid) ?? process.pid}`;
}

/** Whether it is a process of here that has ended. */
export function isDead(mark: string): boolean {
  const [at, pid, start] = mark.split('-');
  return at === placeMark() && start !== undefined && !isAlive(`${pid}-${start}`);
}

function placeMark(): string {
  return createHash('sha256').update(place()).digest('hex').slice(0, 8);
}

function place(): string {
  return [hostname(), read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')), read(namespace)].join(' ');
}

function namespace(): string {
  return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
}

function read(look: () => string): string {
  try {
    return look().trim();
  } catch {
    return '-'; // no Linux: see `stateOf`
  }
}

/** `unknown`: of another machine, boot or namespace, whose processes cannot be seen from here. */
export function stateOf(label: string): 'alive' | 'dead' | 'unknown' {
  const at = label.lastIndexOf(' ');
  const process = label.slice(at + 1);
  if (label.slice(0, at) !== place() || !process.includes('-')) return 'unknown';
  return isAlive(process) ? 'alive' : 'dead';
}
