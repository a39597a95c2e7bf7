/** What the harness does beside a store that is not ours: a way to its ports that no fault closes, and commands of its operator. */
import { execFile } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { MILLISECOND } from '../../../../history/clock.ts';
import type { Answers } from './protocol.ts';

const SAID_BYTES = 1 << 20;
const opened = new Set<number>();

/** Whoever connects to `at` speaks to the store's port, as if from this node itself. */
export function openAside(port: number, at: number): void {
  if (opened.has(at)) return;
  opened.add(at);
  const server = createServer((caller) => {
    const line = connect(port, '127.0.0.1');
    caller.pipe(line).pipe(caller);
    // Either end of it takes the other one along.
    for (const [one, other] of [
      [caller, line],
      [line, caller],
    ]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.on('error', (error) => process.stderr.write(`agent: ${error.message}\n`));
  server.listen(at, '0.0.0.0');
}

/** util-linux has it wherever the agent runs. */
export function asUser(command: readonly [string, ...string[]], user: string | undefined): [string, ...string[]] {
  if (user === undefined) return [...command];
  return ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', ...command];
}

/** Resolves with how it ended, whatever its code; rejects where it could not begin, or had to be ended. */
export function performed(command: readonly [string, ...string[]], withinNs: number): Promise<Answers['perform']> {
  const [program, ...rest] = command;
  return new Promise((resolve, reject) => {
    const timeout = Math.ceil(withinNs / MILLISECOND);
    execFile(
      program,
      rest,
      { timeout, killSignal: 'SIGKILL', maxBuffer: SAID_BYTES, cwd: '/' },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(new Error(`${program}: ${error.killed === true ? `no end within ${timeout} ms` : error.message}`));
      },
    );
  });
}
