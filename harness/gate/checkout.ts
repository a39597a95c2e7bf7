/** Other revisions of the repository, in worktrees of their own for as long as a gate lasts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInput } from '../errors.ts';
import { commitOf } from './stored.ts';

export interface Checkout {
  readonly folder: string;
  readonly commit: string;
  remove(): void;
}

/** The revision that `word` names, with `prepare` run in it. Throws {@link BadInput} where there is none, or it cannot be prepared. */
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
  const folder = join(parent, word.replaceAll(/[^\w.-]/g, '-'));
  const remove = (): void => {
    spawnSync('git', ['worktree', 'remove', '--force', folder], { cwd, stdio: 'ignore' });
    rmSync(parent, { recursive: true, force: true });
    spawnSync('git', ['worktree', 'prune'], { cwd, stdio: 'ignore' });
  };
  try {
    execFileSync('git', ['worktree', 'add', '--detach', folder, commit], { cwd, stdio: 'pipe', timeout: 120_000 });
    if (prepare !== undefined) {
      say(`preparing ${word} (${commit.slice(0, 12)}): ${prepare}`);
      const done = spawnSync(prepare, { cwd: folder, shell: true, encoding: 'utf8', timeout: 1_800_000 });
      if (done.status !== 0) {
        const last = `${done.stdout}${done.stderr}`.trim().split('\n').at(-1) ?? '';
        throw new BadInput(`'${prepare}' failed in a checkout of ${word} (exit ${done.status ?? 'none'}): ${last}`);
      }
    }
  } catch (error) {
    remove();
    throw error instanceof BadInput
      ? error
      : new BadInput(`${word} cannot be checked out: ${(error as Error).message}`);
  }
  return { folder, commit, remove };
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
