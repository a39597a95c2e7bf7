/** What the kernel counts of this container's use of the machine, whichever version of cgroups it has. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Pressed } from './protocol.ts';

const NS_PER_MS = 1_000_000;
const US_PER_MS = 1_000;
/** Of a process that the kernel is to end first, when memory has run out: the agent has to stay. */
const ENDED_FIRST = '500';

export function pressed(): Pressed {
  const v1 = {
    cpu: read('cpu/cpu.stat') ?? read('cpu,cpuacct/cpu.stat'),
    memory: read('memory/memory.stat'),
  };
  if (v1.cpu !== undefined && v1.memory !== undefined) {
    return {
      throttledMs: field(v1.cpu, 'throttled_time') / NS_PER_MS,
      memoryBytes: sum(v1.memory, 'total_rss', 'total_mapped_file'),
      memoryFailures: Number(read('memory/memory.failcnt') ?? 0),
    };
  }
  return {
    throttledMs: field(read('cpu.stat'), 'throttled_usec') / US_PER_MS,
    memoryBytes: sum(read('memory.stat'), 'anon', 'file_mapped'),
    memoryFailures: field(read('memory.events'), 'max'),
  };
}

export function endFirst(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, ENDED_FIRST);
  } catch {
    // It has ended already, or this kernel has no such thing.
  }
}

function read(name: string): string | undefined {
  try {
    return readFileSync(`/sys/fs/cgroup/${name}`, 'latin1');
  } catch {
    return undefined; // the other version of cgroups
  }
}

function sum(text: string | undefined, ...names: readonly string[]): number {
  return names.reduce((total, name) => total + field(text, name), 0);
}

function field(text: string | undefined, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? 0);
}
