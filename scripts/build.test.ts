import { spawn, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asset } from '../harness/entry.ts';

/** A checkout in small: the real build script and settings, a few sources. */
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-build-'));
  for (const file of [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build.mjs',
    'bin/tidemark.mjs',
  ]) {
    cpSync(asset(file), join(root, file));
  }
  mkdirSync(join(root, 'harness/testdata'), { recursive: true });
  symlinkSync(asset('node_modules'), join(root, 'node_modules'));
  write('harness/words.ts', "export const word: string = 'first';\n");
  write('harness/words.test.ts', 'export {};\n');
  write('harness/testdata/sample.ts', 'export {};\n');
  write('harness/plugin.ts', "export default { load: async () => (await import('./words.ts')).word };\n");
  write(
    'harness/cli.ts',
    "import plugin from './plugin.ts';\nexport const main = async () => { console.log(await plugin.load()); process.exit(0); };\n",
  );
});
afterAll(() => rmSync(root, { recursive: true }));

const write = (path: string, text: string): void => writeFileSync(join(root, path), text);
const run = (file: string, ...args: string[]): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [join(root, file), ...args], { encoding: 'utf8' });
const built = (): string => readFileSync(join(root, 'dist/.build.json'), 'utf8');

test('the build: whole, quiet when nothing is to do, again after an edit', async () => {
  // A checkout that was never built: the bin builds, says so, and runs what it built, lazily imported parts included.
  expect(run('bin/tidemark.mjs')).toMatchObject({
    status: 0,
    stdout: 'first\n',
    stderr: 'tidemark: not built yet, building first\n',
  });
  const files = readdirSync(join(root, 'dist/harness')).filter((name) => name.endsWith('.js'));
  expect(files).toEqual(['cli.js', 'plugin.js', 'words.js']);

  // Up to date: not even a byte of dist/ is written, and no compiler is needed.
  const first = built();
  const inPlace = { status: 0, stdout: '', stderr: '' };
  expect(run('scripts/build.mjs')).toMatchObject(inPlace);
  expect(built()).toBe(first);
  write('harness/words.test.ts', 'export const changed = 1;\n');
  expect(run('scripts/build.mjs')).toMatchObject(inPlace);
  expect(built()).toBe(first);

  // Edited, and built by two at once: each ends well, and what they leave is whole.
  write('harness/words.ts', "export const word: string = 'second';\n");
  const two = [1, 2].map(() => spawn(process.execPath, [join(root, 'scripts/build.mjs')]));
  const codes = await Promise.all(two.map((child) => new Promise((resolve) => child.on('close', resolve))));
  expect(codes).toEqual([0, 0]);
  expect(readdirSync(root).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
  expect(built()).not.toBe(first);
  expect(run('bin/tidemark.mjs')).toMatchObject({ status: 0, stdout: 'second\n', stderr: '' });
}, 60_000);

test('a type error is told every time, and fails all but prepare', () => {
  write('harness/words.ts', 'export const word: string = 3;\n');
  const build = run('scripts/build.mjs');
  expect(build.status).toBe(1);
  expect(build.stderr).toContain(
    "harness/words.ts(1,14): error TS2322: Type 'number' is not assignable to type 'string'.",
  );
  expect(run('scripts/build.mjs')).toMatchObject({ status: 1, stderr: expect.stringContaining('type errors') });
  expect(run('scripts/build.mjs', '--lenient')).toMatchObject({
    status: 0,
    stderr: expect.stringContaining('type errors'),
  });
}, 60_000);

test('without a compiler: an older dist/ is run and said to be old, none is a sentence and 254', () => {
  rmSync(join(root, 'node_modules'));
  expect(run('scripts/build.mjs')).toMatchObject({ status: 1 });
  write('harness/words.ts', "export const word: string = 'third';\n");
  expect(run('scripts/build.mjs')).toMatchObject({ status: 0, stderr: '' });
  expect(run('bin/tidemark.mjs')).toMatchObject({
    status: 0,
    stderr: 'tidemark: dist/ is older than the sources, and TypeScript is not installed\n',
  });
  rmSync(join(root, 'dist'), { recursive: true });
  expect(existsSync(join(root, 'dist'))).toBe(false);
  expect(run('bin/tidemark.mjs')).toMatchObject({
    status: 254,
    stderr: `tidemark is not built: run 'npm ci --include=dev && npm run build' in ${root}/\n`,
  });
  expect(run('scripts/build.mjs')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('npm ci --include=dev'),
  });
});
