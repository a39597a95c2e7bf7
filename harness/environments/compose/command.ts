/** Docker's Compose, as the user has it: the engine's plug-in, or the program of its own that came before. */
import { spawn } from 'node:child_process';
import { realClock, SECOND } from '../../../history/clock.ts';
import { BadInput } from '../../errors.ts';

const clock = realClock();
const HELLO_NS = 15 * SECOND;
const WORDS_BYTES = 4000;

interface Said {
  readonly code: number | undefined;
  readonly words: string;
}

/** The words that it is called by. @throws BadInput where there is none */
export async function composeCommand(): Promise<readonly [string, ...string[]]> {
  for (const command of [['docker', 'compose'], ['docker-compose']] as const) {
    const { code } = await run([...command, 'version'], HELLO_NS);
    if (code === 0) return [...command];
  }
  throw new BadInput(
    "--compose: neither 'docker compose' nor 'docker-compose' can be run here: install Docker's Compose, or start the nodes and give --endpoint.",
  );
}

/** Rejects with its last words where it fails or takes too long. */
export async function compose(
  command: readonly [string, ...string[]],
  args: readonly string[],
  ns: number,
): Promise<void> {
  const { code, words } = await run([...command, ...args], ns);
  if (code === 0) return;
  const last = words
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-3)
    .join(' / ');
  const how = code === undefined ? `took more than ${ns / SECOND} s` : `ended with code ${code}`;
  throw new Error(`'${command.join(' ')}' ${how}${last === '' ? '' : `: ${last}`}`);
}

/** `code` is undefined where it did not end in time. */
function run([program, ...args]: readonly string[], ns: number): Promise<Said> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let words = '';
    const keep = (chunk: Buffer): void => void (words = (words + chunk.toString('utf8')).slice(-WORDS_BYTES));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let late = false;
    const cancel = clock.timer(clock.now() + ns, () => {
      late = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    });
    child.once('error', (error) => {
      cancel();
      resolve({ code: 127, words: error.message });
    });
    child.once('close', (code, signal) => {
      cancel();
      resolve({ code: late ? undefined : (code ?? (signal === null ? 0 : 128)), words });
    });
  });
}
