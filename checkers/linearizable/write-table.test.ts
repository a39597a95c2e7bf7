import { expect, test } from 'vitest';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound } from '../../test-support/rounds.ts';
import { WriteTable } from './write-table.ts';

/** Values next to each other; next to each other over all keys only; anywhere. */
const spreads: readonly ((random: Random, fresh: number) => number)[] = [
  (random) => random.below(40) * 2,
  (_, fresh) => fresh * 20,
  (random) => random.below(2 ** 30) * 2 - 2 ** 30,
];

test('finds what was added, key by key, however the values lie', () => {
  let shared = 0;
  eachRound('write table', (random, label) => {
    const keys = 1 + random.below(20);
    const spread = random.pick(spreads);
    const writes = Array.from({ length: random.below(300) }, (_, row) => {
      return { key: random.below(keys), ref: spread(random, random.chance(0.1) ? random.below(row + 1) : row), row };
    });
    const writesOf = new Int32Array(keys);
    const lowest = new Int32Array(keys).fill(0x7fffffff);
    const highest = new Int32Array(keys).fill(-0x80000000);
    for (const { key, ref } of writes) {
      writesOf[key]++;
      lowest[key] = Math.min(lowest[key], ref);
      highest[key] = Math.max(highest[key], ref);
    }
    const table = new WriteTable(
      Int32Array.from(writes, ({ key }) => key),
      writesOf,
      lowest,
      highest,
    );
    if (table.isShared) shared++;
    const known = new Map<string, number>();
    const wrong: string[] = [];
    for (const { key, ref, row } of writes) {
      const name = `${key} ${ref}`;
      if (table.add(key, ref, row) === known.has(name)) wrong.push(`add ${name}`);
      if (!known.has(name)) known.set(name, row);
    }
    for (let i = 0; i < 100; i++) {
      const ref = writes.length > 0 && random.chance(0.7) ? random.pick(writes).ref : spread(random, 1000);
      const key = random.below(keys);
      if (table.get(key, ref) !== (known.get(`${key} ${ref}`) ?? -1)) wrong.push(`get ${key} ${ref}`);
    }
    expect(wrong, label).toEqual([]);
  });
  expect(shared, drawn).toBeGreaterThan(10);
});
