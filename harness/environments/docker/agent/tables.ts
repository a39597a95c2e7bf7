/** The kernel's rules and queues for this network namespace, through the programs that every Debian has. */
import { execFile } from 'node:child_process';
import { place } from './place.ts';

const DEADLINE_MS = 10_000;
/** How long to wait for whoever else changes rules. */
export const LOCK_S = '5';

/** Carries out lines of `iptables-restore` for the filter table: all, or none. */
export function restore(lines: readonly string[]): Promise<string> {
  return run(['iptables-restore', '--noflush', '--wait', LOCK_S], transaction(lines));
}

export function transaction(lines: readonly string[]): string {
  return ['*filter', ...lines, 'COMMIT', ''].join('\n');
}

/** A chain of our own, with the one jump to it. */
export function removeChain(from: 'INPUT' | 'OUTPUT', name: string): Promise<unknown> {
  return restore([`-D ${from} -j ${name}`, `-F ${name}`, `-X ${name}`]);
}

/** All rules and queueing disciplines there are, without their counters; on a machine, where others change theirs, our rules. */
export async function rulesAndQueues(): Promise<{ rules: string; queues: string }> {
  if (place.machine !== undefined) return { rules: place.machine.rules ? await ownRules() : '', queues: '' };
  const [rules, queues] = await Promise.all([run(['iptables-save']), run(['tc', 'qdisc', 'show'])]);
  return { rules: plain(rules).join('\n'), queues };
}

async function ownRules(): Promise<string> {
  const ours = new RegExp(`^TM-[A-Z]+-${place.machine?.port}$`);
  return plain(await run(['iptables-save', '-t', 'filter']))
    .filter((line) => line.split(/[ :]/).some((word) => ours.test(word)))
    .join('\n');
}

function plain(saved: string): readonly string[] {
  return saved
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
}

export function run([program, ...rest]: readonly [string, ...string[]], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, rest, { timeout: DEADLINE_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} failed: ${stderr.trim().split('\n')[0] || error.message}`));
    });
    child.stdin?.on('error', () => undefined); // it may end without reading; its code says so
    child.stdin?.end(input);
  });
}
