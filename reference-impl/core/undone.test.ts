import { expect, test } from 'vitest';
import { Log, NO_BASE } from './log.ts';
import { State } from './state.ts';
import { generator } from './testdata/chaos.ts';
import type { Command, Entry, Key, Value } from './types.ts';
import { replacedFrom } from './undone.ts';

/** What each entry replaces, by a state that keeps it all. */
function naive(entries: readonly Entry[]): (Value | undefined)[] {
  const values = new Map<Key, Value>();
  return entries.map(({ command }) => {
    if (command.type !== 'write' && command.type !== 'cas') return undefined;
    const before = values.get(command.key) ?? null;
    if (command.type === 'cas' && command.expected !== before) return undefined;
    values.set(command.key, command.type === 'write' ? command.value : command.next);
    return before;
  });
}

function commandOf(random: () => number): Command {
  const value = (): Value => [0, 1, null][Math.floor(random() * 3)] ?? null;
  const key = random() < 0.5 ? 'x' : 'y';
  const kind = random();
  if (kind < 0.1) return { type: 'noop' };
  if (kind < 0.4) return { type: 'write', key, value: value() };
  return { type: 'cas', key, expected: random() < 0.3 ? null : value(), next: value() };
}

test('what committed entries had replaced is told rightly or not at all, and the newest of a key is always known', () => {
  const random = generator(7);
  let unknown = 0;
  for (let round = 0; round < 300; round++) {
    const entries = Array.from(
      { length: 14 },
      (_, i): Entry => ({ term: 1, index: i + 1, command: commandOf(random) }),
    );
    const log = new Log([], NO_BASE);
    const state = new State();
    for (const entry of entries) {
      log.append(entry);
      state.apply(entry);
    }
    state.commit(14);
    const base = Math.floor(random() * 8);
    log.compact(base);
    const from = base + 1 + Math.floor(random() * 4);
    const expected = naive(entries);
    const { overwrote, unknownAt } = replacedFrom(log, state, from);
    expect(overwrote).toHaveLength(15 - from);
    for (const [i, value] of overwrote.entries()) {
      if (!unknownAt.includes(from + i))
        expect(value, `round ${round}, entry ${from + i}`).toBe(expected[from + i - 1]);
    }
    if (base === 0) expect(unknownAt).toEqual([]);
    unknown += unknownAt.length;
    // A cas whose match is not known is never the last word on its key.
    for (const index of unknownAt) {
      const { command } = entries[index - 1];
      if (command.type === 'cas') expect(state.local(command.key)?.index).toBeGreaterThan(index);
    }
  }
  expect(unknown).toBeGreaterThan(100);
});
