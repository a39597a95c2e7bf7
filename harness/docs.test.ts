/** What docs/ shows is what happens: each js block runs as it stands, and prints the text block that follows it. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildFirst } from '../test-support/tidemark.ts';
import { asset } from './entry.ts';

interface Example {
  readonly line: number;
  readonly code: string;
  readonly output: string;
}

function examplesIn(file: string): readonly Example[] {
  const text = readFileSync(asset(`docs/${file}`), 'utf8');
  return [...text.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)].map(({ index, 1: code = '', 2: output = '' }) => {
    return { line: text.slice(0, index).split('\n').length, code, output };
  });
}

const files = readdirSync(asset('docs')).filter((name) => name.endsWith('.md'));

describe.each(files)('docs/%s', (file) => {
  beforeAll(buildFirst);
  const examples = examplesIn(file);
  if (examples.length === 0) test.skip('has no examples in JavaScript', () => undefined);
  test.each(examples)('the example at line $line', ({ code, output }) => {
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: asset('.'), // so that the package's own name is this package
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toBe(output);
  });
});
