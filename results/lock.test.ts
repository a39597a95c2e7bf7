import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MILLISECOND, realClock } from '../history/clock.ts';
import { isAlive, processId, underLock } from './lock.ts';

const clock = realClock();
const folder = mkdtempSync(join(tmpdir(), 'tm-lock-'));
const lock = join(folder, 'lock');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Names a process that has ended. */
function deadOwner(number: number): string {
  return `${spawnSync('true').pid}-1-${number}`;
}

test('the lock goes from one to the next', async () => {
  const order: number[] = [];
  await Promise.all([1, 2, 3].map((n) => underLock(lock, clock, () => order.push(n))));
  expect(order.sort((a, b) => a - b)).toEqual([1, 2, 3]);
  await expect(
    underLock(lock, clock, () => {
      throw new Error('the work failed');
    }),
  ).rejects.toThrow('the work failed');
  expect(await underLock(lock, clock, () => 'done')).toBe('done');
  expect(readdirSync(folder)).toEqual([]);
});

test('a living owner is waited for', async () => {
  writeFileSync(lock, `${processId(process.pid)}-1000`);
  let entered = false;
  const waiting = underLock(lock, clock, () => (entered = true));
  await clock.sleepUntil(clock.now() + 50 * MILLISECOND);
  expect(entered).toBe(false);
  rmSync(lock);
  await waiting;
  expect(entered).toBe(true);
});

test('a dead owner loses it, and so does one that died on taking it from a dead owner', async () => {
  const [first, second] = [deadOwner(1), deadOwner(2)];
  writeFileSync(lock, first);
  writeFileSync(`${lock}.${first}`, first);
  writeFileSync(`${lock}.from.${first}`, second);
  expect(await Promise.all([1, 2].map((n) => underLock(lock, clock, () => n)))).toEqual([1, 2]);
  expect(readdirSync(folder)).toEqual([]);
});

test('a pid alone does not make a process', () => {
  const self = processId(process.pid);
  expect(self !== undefined && isAlive(self)).toBe(true);
  expect(isAlive(`${process.pid}-1`)).toBe(false);
  expect(isAlive(deadOwner(1).slice(0, -2))).toBe(false);
});
