/**
 * What docs/ shows is what happens: each js block runs as it stands, and prints the text block that follows it; each line of a console
 * block that begins with `$ ` is run, and what stands below it is the beginning or (after a line of `…`) any later
 * part of what it prints. TIDEMARK_UPDATE=1 prints what a block should hold.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';
import { asset } from './entry.ts';

interface Example {
  readonly line: number;
  readonly code: string;
  readonly output: string;
}

const textOf = (file: string): string => readFileSync(asset(`docs/${file}`), 'utf8');
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

function examplesIn(text: string): readonly Example[] {
  return [...text.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)].map(({ index, 1: code = '', 2: output = '' }) => {
    return { line: lineAt(text, index), code, output };
  });
}

/** Commands with what they print, in the order of the page: later ones see the files of earlier ones. */
function commandsIn(text: string): readonly Example[] {
  return [...text.matchAll(/```console\n(.*?)```/gs)].flatMap(({ index, 1: block = '' }) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [code = '', ...output] = part.split('\n');
        return { line: lineAt(text, index), code, output: output.join('\n') };
      }),
  );
}

/** How long something took, and when: not the same twice. */
const settled = (output: string): string => output.replace(/; [\d.]+ (?:ms|s)\)/g, '; …)').replace(/\s+$/gm, '');

/** Pages with something that runs. */
const files = readdirSync(asset('docs')).filter(
  (name) => name.endsWith('.md') && examplesIn(textOf(name)).length + commandsIn(textOf(name)).length > 0,
);

describe.each(files)('docs/%s', (file) => {
  beforeAll(buildFirst);
  const text = textOf(file);
  const examples = examplesIn(text);
  const commands = commandsIn(text);
  test.each(examples)('the example at line $line', ({ code, output }) => {
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: asset('.'), // so that the package's own name is this package
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toBe(output);
  });

  if (commands.length === 0) return;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-docs-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  test(`its ${commands.length} commands`, { timeout: 120_000 }, (context) => {
    if (process.env['TIDEMARK_DEEP'] === undefined && process.env['CI'] === undefined)
      context.skip('long: in CI and in npm run test:deep');
    for (const { code, output } of commands) {
      const command = code.replaceAll('npx tidemark', `'${process.execPath}' '${asset('bin/tidemark.mjs')}'`);
      const ended = spawnSync('bash', ['-c', command], {
        cwd: folder,
        encoding: 'utf8',
        timeout: 60_000,
        env: { ...process.env, NO_COLOR: '1' },
      });
      const printed = settled(ended.stdout);
      if (process.env['TIDEMARK_UPDATE'] !== undefined) console.log(`$ ${code}\n${ended.stdout}${ended.stderr}`);
      let at = 0;
      for (const part of settled(output).split(/^…(?:\n|$)/m)) {
        const found = printed.indexOf(part.trimEnd(), at);
        expect(
          found,
          `${code}\nprinted:\n${printed}\nwhich does not hold, in its place:\n${part}`,
        ).toBeGreaterThanOrEqual(at);
        at = found + part.length;
      }
    }
  });
});

test('the sample in the README is what its command prints', { timeout: 300_000 }, async () => {
  buildFirst();
  const readme = readFileSync(asset('README.md'), 'utf8');
  const [, sample = ''] = /\n```\n\$ npx tidemark run\n(.*?)\n```\n/s.exec(readme) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-readme-'));
  try {
    const { code, stdout } = await tidemark(['run'], { cwd: folder });
    expect(code).toBe(0);
    const printed = new Set(lasting(stdout));
    // What is left out of it stands there as three points.
    expect(lasting(sample).filter((line) => line.trim() !== '…' && !printed.has(line))).toEqual([]);
    expect(lasting(sample).length).toBeGreaterThan(50);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The lines, without what differs from run to run: its name, and how long it took here. */
function lasting(text: string): readonly string[] {
  return text
    .replace(/\d{8}-\d{6}-\d{3}-[a-z0-9]{6}/g, 'RUN')
    .replace(/ of the cluster's time in .*/, '')
    .split('\n');
}
