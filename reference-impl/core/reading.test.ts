import { expect, it } from 'vitest';
import { Freshness, Notes, Probes } from './reading.ts';
import { generator } from './testdata/chaos.ts';
import { mergedAfter } from './tokens.ts';
import type { Position } from './types.ts';

it('a user who is dropped from a full table leaves a token that stands for all who are not in it', () => {
  const random = generator(1);
  const notes = new Notes(5);
  const seen = new Map<string, number>();
  for (let index = 1; index <= 2000; index++) {
    const user = `u${Math.floor(random() * 12)}`;
    // Sometimes an old token comes again, from another device.
    const token: Position = { term: 1, index: random() < 0.2 ? 1 + Math.floor(random() * index) : index };
    notes.note(user, token);
    seen.set(user, Math.max(seen.get(user) ?? 0, token.index));
    for (const [name, highest] of seen) {
      const known = Math.max(notes.of(name).index, notes.dropped.index);
      expect(known, `${name} at ${index}`).toBeGreaterThanOrEqual(highest);
    }
  }
});

it('freshness is that of the last answer that is covered, and a lagging node keeps few answers', () => {
  const freshness = new Freshness();
  expect(freshness.atMs).toBe(Number.NEGATIVE_INFINITY);
  for (let id = 1; id <= 10_000; id++) freshness.came({ id, sentAtMs: id, commit: id, last: id });
  freshness.covered(0);
  expect(freshness.atMs).toBe(Number.NEGATIVE_INFINITY);
  expect(freshness.comes).toBe(true);
  // What was thinned out costs freshness, and never claims any.
  for (let commit = 1; commit <= 10_000; commit += 97) {
    freshness.covered(commit);
    expect(freshness.atMs).toBeLessThanOrEqual(commit);
  }
  freshness.covered(10_000);
  expect(freshness.atMs).toBeGreaterThan(9000);
});

it('ids of probes ascend over the lives of a node, and over clocks that show fractions', () => {
  expect(new Probes(1000.25).nextId).toBeGreaterThan(new Probes(1000.2).nextId);
  expect(Number.isInteger(new Probes(1000.2571).nextId)).toBe(true);
});

it('what the writers of several values had seen is merged, of each group the latest', () => {
  const version = (...parts: readonly (readonly [string, number, number])[]) => ({
    term: 1,
    index: 1,
    value: null,
    after: parts.map(([group, term, index]) => ({ group, term, index })),
    previous: undefined,
  });
  expect(mergedAfter([undefined, version()])).toBeUndefined();
  expect(mergedAfter([version(['g1', 2, 5], ['g2', 1, 1]), undefined, version(['g1', 1, 9], ['g2', 1, 3])])).toEqual([
    { group: 'g1', term: 2, index: 5 },
    { group: 'g2', term: 1, index: 3 },
  ]);
});
