/** The kernel's rules and queues for this network namespace, through the programs that every Debian has. */
import { execFile } from 'node:child_process';

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

/** All rules and queueing disciplines there are, without their counters. */
export async function rulesAndQueues(): Promise<{ rules: string; queues: string }> {
  const [rules, queues] = await Promise.all([run(['iptables-save']), run(['tc', 'qdisc', 'show'])]);
  const plain = rules
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
  return { rules: plain.join('\n'), queues };
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
