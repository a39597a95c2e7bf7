import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import { LONG, longOpen, pendingBetween } from './nearby.ts';

/** Clients that answer soon, some very late, some never. */
function events(random: Random, operations: number): Event[] {
  const made: Event[] = [];
  const late: number[] = [];
  for (let process = 0; process < operations; process++) {
    made.push({ time: made.length, type: 'invoke', process, f: 'write', key: 'x', value: process });
    const fate = random.below(1000);
    if (fate >= 20) made.push({ time: made.length, type: 'ok', process, f: 'write', key: 'x', value: process });
    else if (fate >= 10) late.push(process);
    if (late.length > 0 && random.chance(0.005)) {
      const [one] = late.splice(random.below(late.length), 1);
      made.push({ time: made.length, type: 'ok', process: one, f: 'write', key: 'x', value: one });
    }
  }
  return made;
}

test('what was pending between two moments, as by looking at every row', () => {
  const random = new Random('nearby');
  const history = historyFromEvents(events(random, 12_000));
  const { call, ret } = history;
  const rows = [...call.keys()];
  const long = rows.filter((row) => ret[row] - call[row] > LONG);
  expect([...longOpen(history)]).toEqual(long);
  expect(long.length).toBeGreaterThan(100);
  for (let round = 0; round < 100; round++) {
    const since = random.below(history.positions);
    const until = since + random.below(3000);
    const found: number[] = [];
    pendingBetween(history, since, until, (row) => found.push(row));
    expect(found, `${since} to ${until}`).toEqual(rows.filter((row) => call[row] < until && ret[row] >= since));
  }
});
