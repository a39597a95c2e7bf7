import { expect, test } from 'vitest';
import { BadInput } from './errors.ts';
import { checkImageName } from './setting.ts';

test('the name of an image is one that an engine takes', () => {
  const check = (name: string) => () => checkImageName('image', name);
  for (const name of [
    'redis',
    'redis:7-bookworm',
    'library/redis_x--y.z',
    'registry:5000/a/b:C',
    'Registry.example/a',
    `ghcr.io/a/b:c@sha256:${'0'.repeat(64)}`,
  ])
    expect(check(name), name).not.toThrow();
  for (const name of ['', '-x', 'a b', 'redis:', 'a//b', 'a/', 'a:b:c', 'x@sha256:0', '../a', 'a..b', 'a'.repeat(256)])
    expect(check(name), name).toThrow(BadInput);
  expect(check('UPPER:bad')).toThrow('--set image=UPPER:bad: the name of an image is needed, in lower case.');
});
