import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { CAS, type History, NEVER, OK } from '../../history/history.ts';
import { h } from '../../history/testing.ts';
import { drawn, eachRound } from '../../test-support/rounds.ts';
import { defaultSemantics } from '../checker.ts';
import { INITIAL, Registers } from '../sessions/registers.ts';
import { agesOf, effectsOf } from './ages.ts';
import { clustersOf } from './clusters.ts';
import { deltaOf } from './delta.ts';
import { type Shape, staleEvents } from './testing.ts';

const least = (numbers: readonly number[]): number => Math.min(...numbers, Number.POSITIVE_INFINITY);

/**
 * Pairs `older,newer` of writes of one key, by time and by cas that succeeded: nothing stands between such a cas and what it
 * replaced. The initial value of key k is -1 - k. By time alone where that orders a write before itself.
 */
function orderOf(registers: Registers, undone: ReadonlySet<number>): ReadonlySet<string> {
  const { history, done } = registers;
  const { call, key, f } = history;
  const pairs = new Set<string>();
  for (const k of history.keys.keys()) {
    const rows = Array.from(call, (_, row) => row).filter(
      (row) => key[row] === k && registers.isWrite(row) && !undone.has(call[row]),
    );
    const happened = new Set(rows.filter((row) => done[row] !== NEVER));
    const found = new Map<number, number>();
    for (const cas of happened) {
      if (f[cas] !== CAS) continue;
      const before = replacedBy(history, k, rows, cas);
      if (before === undefined) continue;
      found.set(cas, before);
      if (before >= 0) happened.add(before);
    }
    const nodes = [-1 - k, ...happened];
    const before = new Set<string>();
    for (const a of nodes) for (const b of happened) if (done[a] < call[b]) before.add(`${a},${b}`);
    const byTime = [...before];
    for (const [cas, older] of found) before.add(`${older},${cas}`);
    for (const b of happened) before.add(`${-1 - k},${b}`);
    for (let size = -1; size < before.size; ) {
      size = before.size;
      for (const [cas, older] of found) {
        for (const other of nodes.filter((row) => row !== cas && row !== older)) {
          if (before.has(`${other},${cas}`)) before.add(`${other},${older}`);
          if (before.has(`${older},${other}`)) before.add(`${cas},${other}`);
        }
      }
      for (const a of nodes) {
        for (const b of nodes) {
          for (const c of before.has(`${a},${b}`) ? nodes : []) if (before.has(`${b},${c}`)) before.add(`${a},${c}`);
        }
      }
    }
    for (const pair of nodes.some((a) => before.has(`${a},${a}`)) ? byTime : before) pairs.add(pair);
  }
  return pairs;
}

/** The one write whose value a cas found, or the initial value: -1 - k. */
function replacedBy(history: History, k: number, rows: readonly number[], cas: number): number | undefined {
  const valueOf = (row: number): unknown => history.values.get(history.value[row]);
  const expected = history.values.get(history.expected[cas]);
  if (expected === null) return -1 - k;
  return rows.find((row) => valueOf(row) === expected);
}

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
  const shapes = [
    shape,
    { ...shape, versions: true },
    { ...shape, versions: true, lies: 0, infoPercent: 0 },
    { ...shape, casPercent: 40, lies: 0 },
    { ...shape, casPercent: 70, processes: 5, infoPercent: 30 },
  ];
  eachRound('ages', (random, label) => {
    const history = historyFromEvents(staleEvents(random, random.pick(shapes)));
    const { call, callTime, retTime, key, outcome } = history;
    const registers = new Registers(history, defaultSemantics);
    const rows = Array.from(call, (_, row) => row);
    const undone = new Set(rows.filter((row) => registers.isWrite(row) && random.chance(0.1)).map((row) => call[row]));
    const { time } = effectsOf(registers);
    const ages = agesOf(registers, undone, defaultSemantics);
    const order = orderOf(registers, undone);
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
        source === INITIAL ||
        (byVersion(row)
          ? registers.compare(source, row) < 0
          : alone
            ? registers.precedes(source, row)
            : order.has(`${source},${row}`));
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

test('a cas that succeeded makes what it found out of date', () => {
  const lines = ['p0: w x 1 info time=0', 'p1: cas x 1 2 time=1000', 'p2: cas x 2 3 time=3000', 'p3: r x 1 time=9000'];
  const history = h(...lines);
  const { low, versions } = agesOf(new Registers(history, defaultSemantics), new Set(), defaultSemantics);
  expect([[...low], [...versions]]).toEqual([[8000], [2]]);
});

test('no read is older than Δ, and where Δ comes of one read and no choice, one is as old', () => {
  const shape: Shape = {
    keys: 1,
    processes: 4,
    operations: 10,
    lag: 2,
    versions: false,
    casPercent: 60,
    infoPercent: 15,
    lies: 0,
  };
  let told = 0;
  eachRound('ages and Δ', (random, label) => {
    const events = staleEvents(random, random.pick([shape, { ...shape, casPercent: 20 }, { ...shape, keys: 2 }]));
    const why = `${label}\n${events.map((event) => JSON.stringify(event)).join('\n')}`;
    const registers = new Registers(historyFromEvents(events), defaultSemantics);
    const clusters = clustersOf(registers, defaultSemantics);
    const delta = deltaOf(clusters);
    if (clusters.impossible > 0 || delta.ns === Number.POSITIVE_INFINITY) return;
    const oldest = Math.max(0, ...agesOf(registers, new Set(), defaultSemantics).low);
    expect(oldest, why).toBeLessThanOrEqual(delta.ns);
    const { call, firstRow } = clusters;
    const { ret } = registers.history;
    // One of the two was invoked after the other had taken effect.
    const isForced = ([a, b]: readonly [number, number]): boolean =>
      [
        [a, b],
        [b, a],
      ].some(([one, other]) => call[one] > (firstRow[other] < 0 ? -1 : ret[firstRow[other]]));
    if (delta.ns === 0 || (delta.pair !== undefined && !isForced(delta.pair))) return;
    told++;
    expect(oldest, why).toBe(delta.ns);
  });
  expect(told, drawn).toBeGreaterThan(50);
});
