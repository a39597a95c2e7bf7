/** Revisions checked out beside, in repositories made for it. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkOut } from './checkout.ts';
import { programIn } from './program.ts';

let home = '';
let repository = '';
const silent = (): void => undefined;

function git(...args: readonly string[]): string {
  const words = ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args];
  return execFileSync('git', words, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-checkout-test-')));
  repository = join(home, 'repository');
  mkdirSync(join(repository, 'stores/mine'), { recursive: true });
  git('init', '-q', '-b', 'main');
  writeFileSync(join(repository, 'first'), '1');
  git('add', '.');
  git('commit', '-qm', 'first');
  writeFileSync(join(repository, 'stores/mine/plan.yaml'), 'old');
  git('add', '.');
  git('commit', '-qm', 'second');
  writeFileSync(join(repository, 'stores/mine/plan.yaml'), 'new');
});
afterAll(() => rmSync(home, { recursive: true }));

it('is the same folder of that revision as the one it is asked for in, made ready there', () => {
  const cwd = join(repository, 'stores/mine');
  const checkout = checkOut('main', cwd, 'pwd > where', silent);
  expect(readFileSync(join(checkout.folder, 'plan.yaml'), 'utf8')).toBe('old');
  expect(readFileSync(join(checkout.folder, 'where'), 'utf8').trim()).toBe(realpathSync(checkout.folder));
  checkout.remove();
  expect(existsSync(checkout.folder)).toBe(false);
  expect(() => checkOut('main~1', cwd, undefined, silent)).toThrow(
    'The gate was started in stores/mine/ of its repository, and main~1 has no such folder.',
  );
  expect(git('worktree', 'list', '--porcelain').match(/^worktree /gm)).toHaveLength(1);
});

it('runs the program of the whole revision from a folder below', () => {
  writeFileSync(join(repository, 'package.json'), '{ "name": "tidemark", "bin": "first" }');
  expect(programIn(join(repository, 'stores/mine'), 'candidate')).toMatchObject({
    words: [process.execPath, join(repository, 'first')],
    isCallers: false,
  });
  rmSync(join(repository, 'package.json'));
  expect(programIn(join(repository, 'stores/mine'), 'candidate').isCallers).toBe(true);
});

it('may be made ready by what says much; what fails is told with what it said last', () => {
  const much = 'head -c 3000000 /dev/zero | tr "\\\\0" "x"; echo; echo "at the end"';
  checkOut('main', repository, much, silent).remove();
  expect(() => checkOut('main', repository, `${much}; exit 3`, silent)).toThrow(
    /failed in a checkout of main \(exit 3\): at the end$/,
  );
  expect(() => checkOut('main', repository, 'kill -9 $$', silent)).toThrow(/\(ended by SIGKILL\)/);
});

it('leaves worktrees alone that are away for the moment, and forgets its own whatever became of it', () => {
  const own = join(home, 'own');
  git('worktree', 'add', '-q', '--detach', own, 'main');
  renameSync(own, `${own}-away`);
  const checkout = checkOut('main', repository, undefined, silent);
  rmSync(dirname(checkout.folder), { recursive: true });
  checkout.remove();
  expect(git('worktree', 'list', '--porcelain').match(/^worktree .*/gm)).toEqual([
    `worktree ${repository}`,
    `worktree ${own}`,
  ]);
});
