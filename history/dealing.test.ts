import { expect, test } from 'vitest';
import { drawn, eachRound, rounds } from '../test-support/rounds.ts';
import { BadHistory, HistoryBuilder, type AnyEvent } from './builder.ts';
import { Dealer } from './dealing.ts';
import type { History } from './history.ts';
import type { Random } from './random.ts';

/** Processes that overlap; some completions name no key, some reads fail, or end with nobody knowing how. */
function randomEvents(random: Random): AnyEvent[] {
  interface Open {
    readonly process: number;
    readonly f: string;
    readonly key: string;
    readonly value: number | null;
  }
  const open: Open[] = [];
  const events: object[] = [];
  let next = 1;
  for (let step = 0; step < 14; step++) {
    const time = step * 10;
    if (open.length === 0 || (open.length < 6 && random.chance(0.55))) {
      const f = random.chance(0.7) ? 'read' : 'write';
      const key = random.chance(0.7) ? 'x' : 'y';
      const one = { process: random.below(2), f, key, value: f === 'write' ? next++ : null };
      open.push(one);
      events.push({ type: 'invoke', time, ...one });
      continue;
    }
    const [one] = open.splice(random.below(open.length), 1);
    const type = random.chance(0.7) ? 'ok' : random.chance(0.5) ? 'fail' : 'info';
    const { key: _key, ...unnamed } = one;
    const named = random.chance(0.8) ? one : unnamed;
    const value = one.f === 'read' && type === 'ok' ? 100 + step : one.value;
    const answer = random.chance(0.5) ? { node: `n${step}`, role: 'follower', version: ['g', 1, step] } : {};
    events.push({ type, time, ...named, ...(type === 'fail' ? { error: 'gone' } : {}), value, ...answer });
  }
  return events as AnyEvent[];
}

const rowsOf = (history: History): unknown[] =>
  Array.from({ length: history.length }, (_, row) => history.operation(row));

/** Undefined: an end that names no key has no operation to belong to. */
function built(events: readonly AnyEvent[], chosen: readonly number[]): HistoryBuilder | undefined {
  const builder = new HistoryBuilder({ processes: 'overlapping' }, chosen);
  try {
    for (const event of events) builder.add(event);
    return builder;
  } catch (error) {
    if (error instanceof BadHistory) return undefined;
    throw error;
  }
}

test('a history dealt again is the one that a builder makes of that dealing', () => {
  let exchanged = 0;
  eachRound(
    'dealing',
    (random, label) => {
      const events = randomEvents(random);
      const first = built(events, []);
      if (first?.dealing === undefined) return;
      const history = first.build();
      const { dealing } = first;
      const chosen = dealing.choices.map(({ rows }) => random.below(rows.length));
      const expected = built(events, chosen)?.build();
      const dealt = new Dealer(history, dealing).deal(chosen);
      if (expected === undefined || dealt === undefined) {
        expect(dealt, label).toBe(expected);
        return;
      }
      expect(rowsOf(dealt), label).toEqual(rowsOf(expected));
      const ofX = (row: number): boolean => history.keys[history.key[row]] === 'x';
      const part = new Dealer(history, dealing, ofX).deal(chosen);
      expect(part && rowsOf(part), label).toEqual(rowsOf(expected.filter(ofX)));
      if (JSON.stringify(rowsOf(dealt)) !== JSON.stringify(rowsOf(history))) exchanged++;
    },
    rounds / 4,
  );
  expect(exchanged, drawn).toBeGreaterThan(20);
});
