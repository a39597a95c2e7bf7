/** What stands beside a store that is not ours: its user, and a way to its ports that no fault closes. */
import { connect, createServer } from 'node:net';

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
