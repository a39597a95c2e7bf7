import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { OK } from '../../history/history.ts';
import { eachRound } from '../../test-support/rounds.ts';
import { defaultSemantics } from '../checker.ts';
import { INITIAL, Registers } from '../sessions/registers.ts';
import { agesOf, effectsOf } from './ages.ts';
import { type Shape, staleEvents } from './testing.ts';

const least = (numbers: readonly number[]): number => Math.min(...numbers, Number.POSITIVE_INFINITY);

test('ages are what comparing each read with every write gives', () => {
  const shape: Shape = {
    keys: 2,
    processes: 3,
    operations: 20,
    lag: 3,
    versions: false,
    casPercent: 10,
    infoPercent: 10,
    lies: 5,
  };
  const shapes = [shape, { ...shape, versions: true }, { ...shape, versions: true, lies: 0, infoPercent: 0 }];
  eachRound('ages', (random, label) => {
    const history = historyFromEvents(staleEvents(random, random.pick(shapes)));
    const { call, callTime, retTime, key, outcome } = history;
    const registers = new Registers(history, defaultSemantics);
    const rows = Array.from(call, (_, row) => row);
    const undone = new Set(rows.filter((row) => registers.isWrite(row) && random.chance(0.1)).map((row) => call[row]));
    const { time } = effectsOf(registers);
    const ages = agesOf(registers, undone);
    const expected: object[] = [];
    for (const read of rows) {
      const source = registers.source[read];
      if (source < 0 && source !== INITIAL) continue;
      const writes = rows.filter(
        (row) =>
          key[row] === key[read] && Number.isFinite(time[row]) && registers.isWrite(row) && !undone.has(call[row]),
      );
      const versioned =
        writes.every((row) => registers.hasVersion(row)) && (source === INITIAL || registers.hasVersion(source));
      // A write that does not count itself is held against each of the others alone.
      const alone = source !== INITIAL && undone.has(call[source]);
      const byVersion = (row: number): boolean => versioned || (alone && !Number.isNaN(registers.compare(source, row)));
      const isNewer = (row: number): boolean =>
        source === INITIAL || (byVersion(row) ? registers.compare(source, row) < 0 : registers.precedes(source, row));
      const mayBeNewer = (row: number): boolean =>
        row !== source && (source === INITIAL || (byVersion(row) ? isNewer(row) : !registers.precedes(row, source)));
      const acknowledged = (list: readonly number[]): number =>
        least(list.filter((row) => outcome[row] === OK).map((row) => retTime[row]));
      const newer = writes.filter(isNewer);
      const possible = writes.filter(mayBeNewer);
      const low = newer.length === 0 ? 0 : Math.max(0, callTime[read] - least(newer.map((row) => time[row])));
      const since = (from: number): number => Math.max(-1, callTime[read] - from);
      const high = Math.max(low, retTime[read] - least(possible.map((row) => callTime[row])));
      expected.push({
        row: read,
        low,
        high,
        missed: since(acknowledged(newer)),
        mayHaveMissed: since(acknowledged(possible)),
        exposed: since(acknowledged(writes)),
      });
    }
    const { row, low, high, missed, mayHaveMissed, exposed } = ages;
    const found = Array.from(row, (_, i) => ({
      row: row[i],
      low: low[i],
      high: high[i],
      missed: missed[i],
      mayHaveMissed: mayHaveMissed[i],
      exposed: exposed[i],
    }));
    expect(found, label).toEqual(expected);
  });
});
