import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const here = new URL('./', import.meta.url);
const table = readFileSync(new URL('MECHANISMS.md', here), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| mechanism'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));

/** Paths begin in this folder, or else in the package's. */
function textOf(path: string): string | undefined {
  const file = [new URL(path, here), new URL(`../${path}`, here)].find((candidate) => existsSync(candidate));
  return file && readFileSync(file, 'utf8');
}

/** What a row names and is not there. */
function missing([, lives, test]: readonly string[]): readonly string[] {
  const places = [...lives.matchAll(/`([\w./-]+\.ts)`: ((?:`[^`]+`(?:, )?)+)/g)];
  if (places.length === 0) return [`no place: ${lives}`];
  const found = places.flatMap(([, path, names]) => {
    const text = textOf(path);
    if (text === undefined) return [path];
    return [...names.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => (text.includes(name) ? [] : [`${path}: ${name}`]));
  });
  const transcript = /^`([\w-]+\.txt)`$/.exec(test);
  if (transcript !== null) return textOf(`core/testdata/${transcript[1]}`) === undefined ? [...found, test] : found;
  const [, path = '', title = ''] = /^`([\w./-]+\.test\.ts)` "(.+)"$/.exec(test) ?? [];
  return textOf(path)?.includes(title) === true && title !== '' ? found : [...found, test];
}

test('every file, function and test that MECHANISMS.md names is there', () => {
  expect(table.length).toBeGreaterThan(150);
  expect(table.flatMap(missing)).toEqual([]);
});
