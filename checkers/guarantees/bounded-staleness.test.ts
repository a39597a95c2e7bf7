import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { NEVER, OK, READ, type History } from '../../history/history.ts';
import type { Event, Position } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { INITIAL, Registers } from '../sessions/registers.ts';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import { reportStaleness } from '../staleness/report.ts';
import { type Shape, staleEvents } from '../staleness/testing.ts';
import { drawn, eachRound, rounds, seed } from '../../test-support/rounds.ts';
import checker from './bounded-staleness.ts';

const ms = (time: number): string => `time=${time * 1e6}`;
const written = [
  `p0: w x 1 version=g0/1/1 ${ms(0)}`,
  `p0 w x 2 ${ms(100)}`,
  `p0 ok version=g0/1/2 ${ms(110)}`,
  `p2: r x 2 version=g0/1/2 path=leader ${ms(120)}`,
];
const late = (time: number, path = 'bounded-500ms'): string =>
  `p1: r x 1 version=g0/1/1 node=n2 role=follower path=${path} ${ms(time)}`;

test('an answer that is as old as its path allows', () => {
  const verdict = judge(checker, [...written, late(600), late(610)]);
  expect(verdict).toEqual({ type: 'valid', examined: { operations: 5, reads: 2, stale: 2, ambiguous: 0 } });
});

test('an answer that nobody had asked to be written yet', () => {
  const verdict = judge(checker, [
    ...written,
    late(605),
    `p3: r x 7 path=bounded-500ms ${ms(606)}`,
    `p0: w x 7 ${ms(700)}`,
  ]);
  expect(sentences(verdict)).toEqual([
    expect.stringMatching(
      /^The read of x at 6\S+ ms returned 7, which was asked to be written only later, at 700 ms\.$/,
    ),
  ]);
});

test('an answer that is older', () => {
  const verdict = judge(checker, [...written, late(631.5)]);
  expect(sentences(verdict)).toEqual([
    'n2 (follower) answered a read of x invoked at 631.5 ms with 1, then out of date for at least 521.5 ms, where 500 ms are ' +
      'allowed: 2 had been acknowledged at 110 ms.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 6]);
});

test('a write of unknown outcome counts from when it was read; the initial value is the oldest', () => {
  const verdict = judge(checker, [
    `p0 w x 2 ${ms(0)}`,
    `p0 info ${ms(900)}`,
    `p2: r x 2 path=local ${ms(950)}`,
    `p1: r x null path=bounded-100ms ${ms(1051)}`,
    `p1: r x null path=bounded-200ms ${ms(1052)}`,
  ]);
  expect(sentences(verdict)).toEqual([
    'an unnamed node answered a read of x invoked at 1.051 s with null, the initial value, then out of date for at least 101 ms, ' +
      'where 100 ms are allowed: 2 had been read at 950 ms.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 4]);
});

test('the bound is that of the path, or the one that is given; other reads are evidence only', () => {
  const lines = [...written, late(631, 'follower')];
  expect(sentences(judge(checker, lines))).toEqual([
    'unknown: no read has a bound: it came by a path bounded-<n>ms, or a bound is given',
  ]);
  expect(judge(checker, lines, { boundMs: 500 }).type).toBe('invalid');
  expect(judge(checker, lines, { boundMs: 521 }).type).toBe('valid');
  expect(judge(checker, lines, { boundMs: 500, blame: 'leader' })).toMatchObject({
    type: 'valid',
    examined: { reads: 1 },
  });
  const both = [...lines, late(632, 'bounded-100ms')];
  expect(judge(checker, both)).toMatchObject({ type: 'invalid', count: 1 });
  expect(judge(checker, both, { boundMs: 521 })).toMatchObject({ type: 'invalid', count: 1 });
  // A node that is asked by its name at the end promises nothing about time.
  expect(judge(checker, [...written, late(900, 'node:n2')], { boundMs: 500 })).toMatchObject({
    examined: { reads: 1 },
  });
});

test('what an uncommitted read showed had not taken effect for that', () => {
  const lines = [
    `p0 w x 2 ${ms(0)}`,
    `p0 info ${ms(900)}`,
    `p2: r x 2 path=local ${ms(950)}`,
    `p1: r x null path=bounded-100ms ${ms(1051)}`,
    `p1: r x null path=local ${ms(1060)}`,
  ];
  const uncommitted = ['local'];
  expect(judge(checker, lines)).toMatchObject({ type: 'invalid', count: 1 });
  expect(judge(checker, lines, { uncommitted })).toMatchObject({ type: 'valid', examined: { reads: 1 } });
  expect(judge(checker, lines, { uncommitted, boundMs: 100 })).toMatchObject({ examined: { reads: 1 } });
  expect(judge(checker, lines, { uncommitted, boundMs: 100, blame: 'local' })).toMatchObject({ type: 'invalid' });
});

test('a write that was undone is a loss, not staleness', () => {
  const final = [`p9: r x 1 version=g0/1/1 path=leader ${ms(5000)}`];
  expect(judge(checker, [...written, late(1000)]).type).toBe('invalid');
  expect(judge(checker, ['harness phase "epilogue"', ...written, late(1000), ...final]).type).toBe('valid');
  const undone = new Set([2]);
  expect(judge(checker, [...written, late(1000)], { undone }).type).toBe('valid');
});

test('a write that nobody ever read may have been lost', () => {
  expect(sentences(judge(checker, [...written.slice(0, 3), late(1000)]))).toEqual([
    'unknown: 1 read came too late only if writes that nobody read were not lost',
  ]);
  // … but what was written after it and read is newer all the same.
  const third = [`p3: w x 3 version=g0/1/3 ${ms(130)}`, `p3: r x 3 version=g0/1/3 ${ms(140)}`];
  expect(judge(checker, [...written.slice(0, 3), ...third, late(1000)])).toMatchObject({ type: 'invalid', count: 1 });
});

test('values that nobody wrote, values that several wrote, histories without times', () => {
  expect(sentences(judge(checker, [...written, `p1: r x 7 node=n3 path=bounded-500ms ${ms(130)}`]))).toEqual([
    'The read of x from n3 at 130 ms returned 7, which no write can have left there.',
  ]);
  const twice = [`p0: w x 1 ${ms(0)}`, `p0: w x 1 ${ms(1)}`, late(2).replace(' version=g0/1/1', '')];
  expect(sentences(judge(checker, twice))).toEqual([
    'unknown: 1 read returned a value that several writes wrote, and no version tells them apart: ' +
      'operation 4 read 1 from x, which operations 0, 2 wrote',
  ]);
});

/** Reads that keep 1 ms each, and not both. */
const bothWays = [
  `p2 w x 1 ${ms(0.1)}`,
  `p1 w x 2 ${ms(0.3)}`,
  `p3 w x 3 ${ms(1.1)}`,
  `p2 ok ${ms(1.7)}`,
  `p1 ok ${ms(1.9)}`,
  `p3 ok ${ms(2.7)}`,
];
const one = (value: number, time: number, path: string): string => `p2: r x ${value} node=n2 path=${path} ${ms(time)}`;

test('reads of two values, of which one was too old whichever is the newer value', () => {
  const verdict = judge(checker, [...bothWays, one(3, 4.4, 'bounded-1ms'), one(2, 6.2, 'bounded-1ms')]);
  expect(sentences(verdict)).toEqual([
    'n2 answered a read of x invoked at 4.4 ms with 3, and n2 one invoked at 6.2 ms with 2: if 3 is the newer value, 2 was ' +
      'out of date for at least 3.5 ms, where 1 ms are allowed; if 2 is, 3 was for at least 2.5 ms, where 1 ms are allowed; ' +
      'for 3 had been acknowledged at 2.7 ms, and 2 had been acknowledged at 1.9 ms.',
  ]);
  expect(verdict).toMatchObject({ type: 'invalid', count: 1, anomalies: [{ kind: 'one of two too stale' }] });
  expect(evidence(verdict)).toEqual([1, 2, 6, 8]);
});

test('reads that contradict each other by values do so whatever versions say', () => {
  const reads = [one(3, 4.4, 'bounded-1ms'), one(2, 6.2, 'bounded-1ms')];
  const lines = [...bothWays, ...reads];
  const plain = sentences(judge(checker, lines));
  // The write that has no version may be lost, for nobody read it; versions order those that are left.
  for (const [second, third] of [
    [5, 6],
    [6, 5],
  ]) {
    const versioned = lines.map((line) =>
      /^p1 ok|r x 2/.test(line)
        ? `${line} version=g0/1/${second}`
        : /^p3 ok|r x 3/.test(line)
          ? `${line} version=g0/1/${third}`
          : line,
    );
    expect(sentences(judge(checker, versioned))).toEqual(plain);
  }
});

test('of reads with bounds of their own, each is held against its own', () => {
  const two = (first: string, second: string): string =>
    judge(checker, [...bothWays, one(3, 4.4, first), one(2, 6.2, second)]).type;
  expect(two('bounded-1ms', 'bounded-3ms')).toBe('invalid');
  expect(two('bounded-2ms', 'bounded-3ms')).toBe('invalid');
  expect(two('bounded-3ms', 'bounded-3ms')).toBe('valid');
  expect(two('bounded-1ms', 'bounded-4ms')).toBe('valid');
  // A read without a bound shows what had taken effect, and may be as old as it likes.
  expect(two('bounded-1ms', 'follower')).toBe('valid');
  expect(two('follower', 'bounded-1ms')).toBe('valid');
});

test('one of the two was lost, where the other is what was left at the end', () => {
  const lines = [...bothWays, one(3, 4.4, 'bounded-1ms'), one(2, 6.2, 'bounded-1ms')];
  const epilogue = (value: number): string[] => [
    'harness phase "epilogue"',
    ...lines,
    `p9: r x ${value} path=leader ${ms(5000)}`,
  ];
  expect(judge(checker, lines, { undone: new Set([2]) }).type).toBe('valid');
  const doubt = ['unknown: whether all reads of 1 key are fresh enough together depends on whether writes were lost'];
  expect(sentences(judge(checker, epilogue(2)))).toEqual(doubt);
  expect(sentences(judge(checker, epilogue(3)))).toEqual(doubt);
});

test('the order of cas counts too', () => {
  const lines = [
    `p0: w x 1 ${ms(0)}`,
    `p1 w x 5 ${ms(1)}`,
    `p0: cas x 5 6 ${ms(2)}`,
    `p1 info ${ms(3)}`,
    `p2: r x 5 path=bounded-1ms ${ms(10)}`,
    `p2: r x 6 path=bounded-1ms ${ms(11)}`,
  ];
  const verdict = judge(checker, lines);
  expect(verdict).toMatchObject({ type: 'invalid', count: 1, anomalies: [{ kind: 'too stale' }] });
  expect(sentences(verdict)).toEqual([
    'an unnamed node answered a read of x invoked at 10 ms with 5, then out of date for at least 8 ms, where 1 ms are ' +
      'allowed: by what cas replaced, it is the older value, and 6 had been acknowledged at 2 ms.',
  ]);
  expect(evidence(verdict)).toEqual([2, 3, 6]);
});

test('the order of cas counts where versions say another one', () => {
  const lines = [
    `p0: w x 1 version=g0/1/1 ${ms(0)}`,
    `p1 w x 5 ${ms(1)}`,
    `p0: cas x 5 6 version=g0/1/2 ${ms(2)}`,
    `p1 ok version=g0/1/3 ${ms(3)}`,
    `p3: r x 6 ${ms(4)}`,
    `p2: r x 5 path=bounded-1ms ${ms(10)}`,
  ];
  expect(
    judge(
      checker,
      lines.map((line) => line.replace(/ version=\S+/, '')),
    ).type,
  ).toBe('invalid');
  expect(judge(checker, lines).type).toBe('invalid');
});

// The twin: tries every order of the writes. -----------------------------------------------------------------------------

/** Four times as many: what only reads together contradict is rare. */
const histories = Math.max(2_000, rounds);
const BOUND_MS = 20;

/** Writes that take effect at some moment while they are open, and reads that return any of those that have. */
function smallHistory(random: Random): History {
  const versioned = random.chance(0.5);
  const events: Event[] = [];
  const log: number[] = [];
  const open = new Map<number, number | 'read'>();
  let time = 0;
  let unique = 0;
  /** Nobody uses the number of a process whose write ended with `info` again. */
  let retired = 0;
  const version = (value: number | null): { version?: Position } =>
    versioned && value !== null ? { version: { group: 'g0', history: 1, at: log.indexOf(value) } } : {};
  const end = (process: number, what: number | 'read'): void => {
    const path = { time, process, key: 'x' };
    open.delete(process);
    if (what === 'read') {
      const value = random.pick([null, ...log, ...log.slice(-1)]);
      events.push({ ...path, type: 'ok', f: 'read', value, ...version(value) });
    } else if (random.chance(0.2)) {
      events.push({ ...path, type: 'info', f: 'write', value: what });
      retired++;
    } else {
      if (!log.includes(what)) log.push(what);
      events.push({ ...path, type: 'ok', f: 'write', value: what, ...version(what) });
    }
  };
  for (let step = random.between(8, 30); step > 0; step--) {
    time += random.between(1, 9) * 1e6;
    const process = random.below(4) + retired * 4;
    const what = open.get(process);
    const late = [...open.values()].filter((value): value is number => value !== 'read' && !log.includes(value));
    if (late.length > 0 && random.chance(0.4)) log.push(random.pick(late));
    if (what !== undefined) end(process, what);
    else if (unique < 5 && random.chance(0.4)) {
      open.set(process, ++unique);
      events.push({ type: 'invoke', time, process, f: 'write', key: 'x', value: unique });
    } else {
      open.set(process, 'read');
      const path = random.pick([`bounded-${BOUND_MS}ms`, 'other']);
      events.push({ type: 'invoke', time, process, f: 'read', key: 'x', value: null, path });
    }
  }
  return historyFromEvents(events);
}

function permutations<T>(items: readonly T[]): T[][] {
  return items.length === 0
    ? [[]]
    : items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

/** By trying every order: whether some order lets each bounded read have returned what was newest at a moment within its bound. */
function tooOld(
  history: History,
  registers: Registers,
  without: ReadonlySet<number>,
): { reads: number[]; together: boolean } {
  const rows = Array.from({ length: history.length }, (_, row) => row);
  const writes = rows.filter((row) => registers.isWrite(row) && registers.done[row] !== NEVER && !without.has(row));
  const effect = (write: number): number => {
    const shown = rows.filter((row) => registers.source[row] === write).map((row) => history.retTime[row]);
    const own = history.outcome[write] === OK ? [history.retTime[write]] : [];
    return Math.min(...own, ...shown.map((time) => Math.max(time, history.callTime[write])));
  };
  const effects = new Map(writes.map((write) => [write, effect(write)]));
  const orders = permutations(writes).filter((order) =>
    order.every((a, i) => order.slice(i + 1).every((b) => !registers.precedes(b, a) && !(registers.compare(b, a) < 0))),
  );
  const bounded = rows.filter(
    (row) => history.f[row] === READ && history.outcome[row] === OK && history.paths[history.path[row]] !== 'other',
  );
  const isFresh = (row: number, order: readonly number[]): boolean => {
    const source = registers.source[row];
    const moment = history.callTime[row] - BOUND_MS * 1e6;
    const newer = source === INITIAL ? order : order.slice(order.indexOf(source) + 1);
    return newer.every((write) => (effects.get(write) ?? 0) >= moment);
  };
  return {
    reads: bounded.filter((row) => !orders.some((order) => isFresh(row, order))),
    together: !orders.some((order) => bounded.every((row) => isFresh(row, order))),
  };
}

test('a naive twin that tries every order of the writes agrees', () => {
  const seen = { valid: 0, invalid: 0, unknown: 0, together: 0 };
  for (let round = 0; round < histories; round++) {
    const history = smallHistory(new Random(`bounded/${seed}/${round}`));
    const registers = new Registers(history, defaultSemantics);
    const verdict = checker.check(history, unlimited, defaultSemantics);
    if (verdict.examined.reads === 0) continue;
    const unseen = new Set([...registers.seen].flatMap((shown, row) => (shown === 0 ? [row] : [])));
    const certain = tooOld(history, registers, unseen);
    const suspected = tooOld(history, registers, new Set());
    const expected = certain.together ? 'invalid' : suspected.together ? 'unknown' : 'valid';
    const label = `TIDEMARK_SEED=${seed}, round ${round}`;
    expect(verdict.type, label).toBe(expected);
    if (verdict.type === 'invalid') expect(verdict.count, label).toBe(Math.max(1, certain.reads.length));
    seen[expected]++;
    if (certain.together && certain.reads.length === 0) seen.together++;
  }
  for (const [type, n] of Object.entries(seen)) {
    // Reads that only together contradict are rare.
    expect(n, `${type}, ${drawn}`).toBeGreaterThan(type === 'together' ? 0 : histories / 100);
  }
});

test('valid only where the Δ of the report is within the bound, and invalid only where it is not', () => {
  const seen = { valid: 0, invalid: 0, unknown: 0 };
  const shape: Shape = {
    keys: 1,
    processes: 4,
    operations: 10,
    lag: 2,
    versions: false,
    casPercent: 0,
    infoPercent: 10,
    lies: 0,
  };
  const shapes = [shape, { ...shape, keys: 2 }, { ...shape, versions: true }, { ...shape, casPercent: 40 }];
  eachRound('bounded staleness and Δ', (random, label) => {
    const history = historyFromEvents(staleEvents(random, random.pick(shapes)));
    const { delta, impossible } = reportStaleness(history, defaultSemantics, unlimited);
    const boundMs = random.below(12) / 1000;
    const { type } = checker.check(history, unlimited, { ...defaultSemantics, boundMs });
    if (delta === undefined || impossible > 0) return;
    seen[type]++;
    if (type === 'valid') expect(delta.ns, label).toBeLessThanOrEqual(boundMs * 1e6 + 0.5);
    if (type === 'invalid') expect(delta.ns, label).toBeGreaterThan(boundMs * 1e6);
  });
  expect(seen.valid, drawn).toBeGreaterThan(20);
  expect(seen.invalid, drawn).toBeGreaterThan(20);
});
