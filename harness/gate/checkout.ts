/** Other revisions of the repository, in worktrees of their own for as long as a gate lasts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInput } from '../errors.ts';
import { commitOf } from './stored.ts';

export interface Checkout {
  /** The same folder of that revision as the one the gate was started in. */
  readonly folder: string;
  readonly commit: string;
  remove(): void;
}

const PREPARE_MS = 1_800_000;

/**
 * The revision that `word` names, with `prepare` run in the folder that corresponds to `cwd`. Throws {@link BadInput} where there is none,
 * or it cannot be prepared.
 */
export function checkOut(
  word: string,
  cwd: string,
  prepare: string | undefined,
  say: (line: string) => void,
): Checkout {
  const commit = commitOf(word, cwd);
  if (commit === undefined)
    throw new BadInput(
      `'${word}' names no commit of the repository in ${cwd}${branches(cwd)}. (In CI: is the whole history fetched?)`,
    );
  const parent = mkdtempSync(join(tmpdir(), 'tidemark-gate-'));
  const worktree = join(parent, word.replaceAll(/[^\w.-]/g, '-'));
  const remove = (): void => {
    // Only our own: those of the user may be on a disk that is away. Twice: as long as it is being made, it is locked.
    const forget = ['worktree', 'remove', '--force', '--force', worktree];
    spawnSync('git', forget, { cwd, stdio: 'ignore' });
    try {
      rmSync(parent, { recursive: true, force: true });
    } catch (error) {
      say(`${parent} could not be removed: ${(error as Error).message}`);
    }
    spawnSync('git', forget, { cwd, stdio: 'ignore' }); // what git would not remove while its files were there
  };
  try {
    execFileSync('git', ['worktree', 'add', '--detach', worktree, commit], { cwd, stdio: 'pipe', timeout: 120_000 });
    const below = execFileSync('git', ['rev-parse', '--show-prefix'], { cwd, encoding: 'utf8' }).replace(/\n$/, '');
    const folder = join(worktree, below);
    if (!existsSync(folder))
      throw new BadInput(`The gate was started in ${below} of its repository, and ${word} has no such folder.`);
    if (prepare !== undefined) {
      say(`preparing ${word} (${commit.slice(0, 12)}): ${prepare}`);
      prepared(prepare, folder, word, join(parent, 'prepare.log'));
    }
    return { folder, commit, remove };
  } catch (error) {
    remove();
    throw error instanceof BadInput
      ? error
      : new BadInput(`${word} cannot be checked out: ${(error as Error).message}`);
  }
}

/** However much it says, into `log`. */
function prepared(command: string, folder: string, word: string, log: string): void {
  const output = openSync(log, 'w+');
  try {
    const stdio = ['ignore', output, output] as const;
    const { status, signal, error } = spawnSync(command, {
      cwd: folder,
      shell: true,
      stdio: [...stdio],
      timeout: PREPARE_MS,
    });
    if (status === 0) return;
    const how =
      error !== undefined && 'code' in error && error.code === 'ETIMEDOUT'
        ? `not done after ${PREPARE_MS / 60_000} minutes`
        : status === null
          ? `ended by ${signal ?? error?.message}`
          : `exit ${status}`;
    throw new BadInput(`'${command}' failed in a checkout of ${word} (${how}): ${lastLine(output)}`);
  } finally {
    closeSync(output);
  }
}

const TAIL_BYTES = 8_192;

function lastLine(file: number): string {
  const { size } = fstatSync(file);
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  readSync(file, tail, 0, tail.length, size - tail.length);
  return tail.toString('utf8').trim().split('\n').at(-1) ?? '';
}

function branches(cwd: string): string {
  const { stdout } = spawnSync(
    'git',
    ['for-each-ref', '--format=%(refname:short)', '--count=8', 'refs/heads', 'refs/remotes'],
    {
      cwd,
      encoding: 'utf8',
    },
  );
  const names = (stdout ?? '')
    .trim()
    .split('\n')
    .filter((name) => name !== '');
  return names.length === 0 ? '' : `; there are ${names.join(', ')}`;
}
