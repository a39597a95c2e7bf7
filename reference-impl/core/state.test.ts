import { expect, it } from 'vitest';
import { InvariantViolated } from './invariant.ts';
import { sameValue, State } from './state.ts';
import { generator } from './testdata/chaos.ts';
import { replay } from './testdata/observer.ts';
import type { Command, Entry } from './types.ts';

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
    state.rebuild(log, committed);
    const states = replay(log);
    for (const key of KEYS) expect(content(state.local(key))).toEqual(states[log.length].get(key));
  }
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
