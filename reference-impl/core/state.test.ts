import { expect, it } from 'vitest';
import { InvariantViolated } from './invariant.ts';
import { sameValue, State } from './state.ts';
import type { Image } from './state.ts';
import { generator } from './testdata/chaos.ts';
import { replay } from './testdata/observer.ts';
import type { Command, Entry, StoredValue } from './types.ts';

const KEYS = ['a', 'b', 5, '5'] as const;

/** The whole state after each prefix, made anew, against versions pushed and popped. */
it('agrees with a state made anew from the log, whatever was appended, committed and undone', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = generator(seed);
    const state = new State();
    const log: Entry[] = [];
    let committed = 0;
    for (let step = 0; step < 120; step++) {
      const draw = random();
      if (draw < 0.6) {
        const entry = { term: 1 + (step >> 4), index: log.length + 1, command: someCommand(random) };
        log.push(entry);
        state.apply(entry);
      } else if (draw < 0.8) {
        committed += Math.floor(random() * (log.length - committed + 1));
        state.commit(committed);
      } else {
        state.undo(log.splice(committed + Math.floor(random() * (log.length - committed + 1))));
      }
      const states = replay(log);
      for (const key of KEYS) {
        const seen = `seed ${seed}, step ${step}, key ${key}`;
        expect(content(state.local(key)), seen).toEqual(states[log.length].get(key));
        expect(content(state.committed(key)), seen).toEqual(states[committed].get(key));
      }
    }
    state.rebuild(new State(), log, committed);
    const states = replay(log);
    for (const key of KEYS) expect(content(state.local(key))).toEqual(states[log.length].get(key));
  }
});

/** Images taken at random moments, read in portions of random size, against the state made anew from the log. */
it('gives images that stay what they were, whatever happens meanwhile', () => {
  let overwritten = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const state = new State();
    const log: Entry[] = [];
    let committed = 0;
    const images: { readonly index: number; readonly image: Image; readonly read: StoredValue[]; ended: boolean }[] =
      [];
    for (let step = 0; step < 150; step++) {
      const draw = random();
      if (draw < 0.5) {
        log.push({ term: 1, index: log.length + 1, command: someCommand(random) });
        state.apply(log[log.length - 1]);
      } else if (draw < 0.65) state.commit((committed += Math.floor(random() * (log.length - committed + 1))));
      else if (draw < 0.75) state.undo(log.splice(committed + Math.floor(random() * (log.length - committed + 1))));
      else if (draw < 0.8) images.push({ index: committed, image: state.image(), read: [], ended: false });
      for (const image of images) {
        if (image.ended || random() < 0.7) continue;
        const portion = image.image.next(1 + Math.floor(random() * 2));
        if (portion !== undefined) image.read.push(...portion);
        else image.ended = true;
      }
    }
    const states = replay(log);
    for (const { index, image, read, ended } of images) {
      if (!ended) for (let more = image.next(2); more !== undefined; more = image.next(2)) read.push(...more);
      const seen = new Map(read.map(({ key, ...version }) => [key, version]));
      expect(seen, `seed ${seed}, image at ${index}`).toEqual(states[index]);
      expect(seen.size).toBe(read.length);
      for (const [key, version] of seen) if (state.committed(key)?.index !== version.index) overwritten++;
      image.release();
    }
  }
  expect(overwritten).toBeGreaterThan(500);
});

it('keeps nothing for an image that was released, and one version a key while it is held', () => {
  const state = new State();
  const kept: number[] = [];
  for (let round = 0; round < 3; round++) {
    const image = state.image();
    for (let i = 0; i < 2000; i++) {
      const index = state.lastIndex + 1;
      state.apply({ term: 1, index, command: { type: 'write', key: index % 3, value: index } });
      state.commit(index);
    }
    kept.push(state.versionsKept);
    image.release();
  }
  expect(kept).toEqual([0, 3, 3]);
  expect(state.versionsKept).toBe(0);
});

it('takes over a snapshot with its writers, and leaves images of what was before alone', () => {
  const state = new State();
  const after = [{ group: 'g1', term: 1, index: 9 }];
  state.apply({ term: 1, index: 1, command: { type: 'write', key: 'x', value: 1 }, after, stampMs: 5 });
  expect(state.stampMs).toBeUndefined();
  state.commit(1);
  expect(state.stampMs).toBe(5);
  const image = state.image();
  const values = [{ key: 'y', term: 2, index: 7, value: 2, after }];
  const members = { voters: ['n1'], learners: [] };
  const terms = [{ term: 2, index: 1 }];
  state.load({ term: 2, index: 8, members, membersIndex: 0, terms, stampMs: 6, values, requests: [] });
  expect(image.next(9)).toEqual([{ key: 'x', term: 1, index: 1, value: 1, after }]);
  expect(image.next(9)).toBeUndefined();
  expect(state.image().next(9)).toEqual(values);
  expect([state.committedIndex, state.lastIndex, state.stampMs]).toEqual([8, 8, 6]);
  state.apply({ term: 2, index: 9, command: { type: 'write', key: 'y', value: 3 }, stampMs: 7 });
  expect(state.undo([{ term: 2, index: 9, command: { type: 'write', key: 'y', value: 3 } }])).toEqual([2]);
  state.apply({ term: 3, index: 9, command: { type: 'noop' } });
  state.commit(9);
  expect(state.stampMs).toBe(6);
});

function content(version: ReturnType<State['local']>): unknown {
  return version === undefined ? undefined : { value: version.value, term: version.term, index: version.index };
}

function someCommand(random: () => number): Command {
  const key = KEYS[Math.floor(random() * KEYS.length)];
  const value = Math.floor(random() * 3);
  const draw = random();
  if (draw < 0.1) return { type: 'noop' };
  if (draw < 0.5) return { type: 'write', key, value };
  return { type: 'cas', key, expected: random() < 0.2 ? null : Math.floor(random() * 3), next: value };
}

it('keeps no version that nobody can ask for', () => {
  const state = new State();
  for (let index = 1; index <= 5000; index++) {
    state.apply({ term: 1, index, command: { type: 'write', key: 'x', value: index } });
    if (index > 10) state.commit(index - 10);
  }
  let versions = 0;
  for (let version = state.local('x'); version !== undefined; version = version.previous) versions++;
  expect(versions).toBe(11);
});

it('compares values as their JSON texts', () => {
  expect(sameValue([1, { a: null }], [1, { a: null }])).toBe(true);
  expect(sameValue({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(false);
  expect(sameValue(0, -0)).toBe(true);
  expect(sameValue(null, 0)).toBe(false);
  expect(sameValue(1, '1')).toBe(false);
});

it('refuses entries out of order, and to undo what is committed', () => {
  const state = new State();
  const entry: Entry = { term: 1, index: 1, command: { type: 'noop' } };
  state.apply(entry);
  expect(() => state.apply(entry)).toThrow(InvariantViolated);
  state.commit(1);
  expect(() => state.undo([entry])).toThrow(InvariantViolated);
  expect(() => state.commit(2)).toThrow(InvariantViolated);
});
