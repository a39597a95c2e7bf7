import { expect, test } from 'vitest';
import { realClock, SECOND } from '../../history/clock.ts';
import type { Deployment } from '../environments/environment.ts';
import { KeptLines } from './asking.ts';

const cluster = { clock: realClock() } as unknown as Deployment; // all that is asked of it

test('a line is kept for who asks and whom, and given up with the first question that fails', async () => {
  const closed: number[] = [];
  const lines = new KeptLines<number>((line) => void closed.push(line));
  let opened = 0;
  const ask = (node: string, asker: string, withinNs = SECOND, question = (line: number) => Promise.resolve(line)) =>
    lines.ask(cluster, { node, asker, withinNs }, () => Promise.resolve(++opened), question);
  expect([await ask('n1', 'a'), await ask('n1', 'a'), await ask('n2', 'a'), await ask('n1', 'b')]).toEqual([
    1, 1, 2, 3,
  ]);
  expect(await ask('n1', 'a', SECOND, () => Promise.reject(new Error('gone')))).toBeUndefined();
  expect(await ask('n2', 'a', 1, () => new Promise(() => undefined))).toBeUndefined();
  expect(closed).toEqual([1, 2]);
  expect([await ask('n1', 'a'), await ask('n2', 'a'), await ask('n1', 'b')]).toEqual([4, 5, 3]);
});

test('one that cannot be opened is no answer, and opened anew at the next question', async () => {
  const lines = new KeptLines<number>(() => undefined);
  const ask = (open: () => Promise<number>) =>
    lines.ask(cluster, { node: 'n1', asker: 'a', withinNs: SECOND }, open, (line) => Promise.resolve(line));
  expect(await ask(() => Promise.reject(new Error('refused')))).toBeUndefined();
  expect(await ask(() => Promise.resolve(7))).toBe(7);
});
