import { describe, expect, it } from 'vitest';
import causal from '../checkers/guarantees/causal.ts';
import causalMemory from '../checkers/guarantees/causal-memory.ts';
import causalWeak from '../checkers/guarantees/causal-weak.ts';
import counter from '../checkers/guarantees/counter.ts';
import linearizable from '../checkers/guarantees/linearizable.ts';
import lock from '../checkers/guarantees/lock.ts';
import queue from '../checkers/guarantees/queue.ts';
import sequential from '../checkers/guarantees/sequential.ts';
import set from '../checkers/guarantees/set.ts';
import { defaultSemantics } from '../checkers/checker.ts';
import type { Anomaly, Checker, Evidence, Semantics, Verdict } from '../checkers/checker.ts';
import type { Guarantee } from '../history/guarantee.ts';
import { historyFromEvents } from '../history/builder.ts';
import type { History } from '../history/history.ts';
import type { Event, Value } from '../history/operation.ts';
import type { Cell } from '../results/record.ts';
import { enoughEvidence, isPromised, judge, type Jury, keysByWritePath, verdictOf } from './judge.ts';
import type { System } from './system.ts';
import reference from './systems/reference.ts';

/** A checker that says what it is told to, and remembers the keys it was shown. */
function saying(
  name: Guarantee,
  verdict: Verdict,
): Checker & { readonly shown: string[]; readonly blamed: (string | undefined)[]; readonly rows: number[] } {
  const shown: string[] = [];
  const blamed: (string | undefined)[] = [];
  const rows: number[] = [];
  const check: Checker['check'] = (history, _budget, { blame }) => {
    blamed.push(blame);
    rows.push(history.length);
    const keys = Array.from({ length: history.length }, (_, row) => String(history.keys[history.key[row]]));
    shown.push([...new Set(keys)].join(' '));
    return verdict;
  };
  return { name, decides: name, check, shown, blamed, rows };
}

const anomaly: Anomaly = { kind: 'test', sentence: 'It broke.', operations: [] };
const examined: Evidence = { operations: 500, reads: 200, writes: 100, concurrent: 50 };
const valid: Verdict = { type: 'valid', examined };
const invalid: Verdict = { type: 'invalid', anomalies: [anomaly], count: 3, examined };
const unknown: Verdict = { type: 'unknown', reason: 'the budget is spent', examined };

let time = 0;
const operation = (process: number, f: 'read' | 'write', key: string, value: number, path: string): Event[] => [
  { type: 'invoke', time: time++, process, f, key, value: f === 'read' ? null : value, path },
  { type: 'ok', time: time++, process, f, key, value },
];
const history = historyFromEvents([
  ...operation(0, 'write', 'a', 1, 'leader-ack'),
  ...operation(1, 'write', 'q', 2, 'quorum-ack'),
  ...operation(2, 'read', 'q', 2, 'leader'),
  ...operation(3, 'read', 'a', 1, 'follower'),
]);

function states(guarantee: Guarantee, verdict: Verdict, changes: Partial<Jury> = {}): Record<string, string> {
  const checkers = new Map([[guarantee, saying(guarantee, verdict)]]);
  const jury: Jury = {
    system: reference,
    writePaths: ['leader-ack', 'quorum-ack'],
    readPaths: ['leader', 'follower'],
    guarantees: [guarantee],
    checkers,
    budget: { spent: () => undefined },
    disruptive: true,
    failovers: 1,
    ...changes,
  };
  const cells = judge(history, jury);
  return Object.fromEntries(
    cells.map((c) => [[c.writePath, c.readPath].filter(Boolean).join(' ') || 'system', c.state]),
  );
}

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

describe('a cell', () => {
  it('is kept or holds, broken or violated, by what is promised', () => {
    expect(states('linearizable', valid)).toEqual({
      'leader-ack leader': 'holds',
      'leader-ack follower': 'holds',
      'quorum-ack leader': 'kept',
      'quorum-ack follower': 'holds',
    });
    expect(states('linearizable', invalid)['quorum-ack leader']).toBe('broken');
    expect(states('linearizable', invalid)['quorum-ack follower']).toBe('violated');
    expect(states('linearizable', unknown)['quorum-ack leader']).toBe('undecided');
  });

  it('is undecided on too little evidence', () => {
    const little: Verdict = { type: 'valid', examined: { ...examined, reads: 99 } };
    expect(states('linearizable', little)['quorum-ack leader']).toBe('undecided');
    const sequential: Verdict = { type: 'valid', examined: { ...examined, concurrent: 0 } };
    expect(states('linearizable', sequential)['quorum-ack leader']).toBe('undecided');
    expect(enoughEvidence('linearizable', { reads: 99, writes: 50, concurrent: 20 })).toBe(false);
    expect(enoughEvidence('linearizable', { reads: 100, writes: 50, concurrent: 20 })).toBe(true);
  });

  type Steps = readonly (readonly [f: string, asked: number | null, answer: Value])[];
  it.each<[Guarantee, Checker, number, (n: number) => Steps]>([
    ['set', set, 50, (n) => [...times(n, (i) => ['add', i, i] as const), ['read', null, times(n, (i) => i)]]],
    ['queue', queue, 50, (n) => times(2 * n, (i) => (i < n ? ['enqueue', i, i] : ['dequeue', null, i - n]))],
    ['counter', counter, 50, (n) => times(2 * n, (i) => (i < n ? ['add', 1, 1] : ['read', null, n]))],
    ['lock', lock, 20, (n) => times(2 * n, (i) => (i % 2 === 0 ? ['acquire', null, i] : ['release', null, null]))],
  ])(
    'of a %s has enough evidence by what its checker counts, and not with one less',
    (guarantee, checker, n, steps) => {
      const isEnough = (some: Steps): boolean => {
        const events = some.flatMap(([f, asked, answer], i): Event[] => [
          { type: 'invoke', time: 2 * i, process: 0, f, key: 'k', value: asked } as Event,
          { type: 'ok', time: 2 * i + 1, process: 0, f, key: 'k', value: answer } as Event,
        ]);
        const verdict = checker.check(historyFromEvents(events), { spent: () => undefined }, defaultSemantics);
        expect(verdict.type).toBe('valid');
        return enoughEvidence(guarantee, verdict.examined);
      };
      expect([isEnough(steps(n)), isEnough(steps(n - 1))]).toEqual([true, false]);
    },
  );

  it('needs a failover where the guarantee speaks of failovers', () => {
    expect(states('durable', valid)).toEqual({ 'leader-ack': 'holds', 'quorum-ack': 'kept' });
    expect(states('durable', valid, { failovers: 0 })['quorum-ack']).toBe('undecided');
    expect(states('durable', valid, { failovers: 0, disruptive: false })['quorum-ack']).toBe('not exercised');
    expect(states('durable', invalid, { failovers: 0, disruptive: false })['quorum-ack']).toBe('broken');
  });

  it('of durability says what was lost, and of how much, each kind by itself', () => {
    const note = (count: number, evidence: Readonly<Record<string, number>>): string => {
      const verdict: Verdict = {
        type: 'invalid',
        anomalies: [anomaly],
        count,
        examined: { operations: 9000, ...evidence },
      };
      const cells = judge(history, {
        system: reference,
        writePaths: ['quorum-ack'],
        readPaths: ['leader'],
        guarantees: ['durable'],
        checkers: new Map([['durable', saying('durable', verdict)]]),
        budget: { spent: () => undefined },
        disruptive: true,
        failovers: 1,
      });
      return cells[0].note;
    };
    expect(note(412, { acknowledged: 7704, writes: 7704, lost: 412, unexpected: 0 })).toBe(
      '412 of 7,704 acknowledged writes lost (5.3 %)',
    );
    expect(note(13_942, { acknowledged: 7800, writes: 7704, lost: 7000, unexpected: 2 })).toBe(
      '7,000 of 7,704 acknowledged writes that could be judged lost (90.9 %); ' +
        '6,940 acknowledgements with a place of the log that another write has; 2 final reads of what was never written there',
    );
  });

  it('of bounded staleness is of a path with a bound, with all reads of its keys as evidence', () => {
    const system: System = {
      ...reference,
      readPaths: [
        { name: 'leader', about: '', thread: 'session' },
        { name: 'follower', about: '', thread: 'session', boundMs: 500 },
      ],
      promises: (writePath) => (writePath === 'quorum-ack' ? ['bounded-staleness'] : []),
    };
    const given: Semantics[] = [];
    const said = saying('bounded-staleness', valid);
    const checker: Checker = {
      ...said,
      check: (part, budget, semantics) => {
        given.push(semantics);
        return said.check(part, budget, semantics);
      },
    };
    const undone = new Set([7]);
    const checkers = new Map([['bounded-staleness', checker]]);
    expect(states('bounded-staleness', valid, { system, checkers, undone })).toEqual({
      'leader-ack follower': 'holds',
      'quorum-ack follower': 'kept',
    });
    expect(given).toMatchObject([
      { blame: 'follower', boundMs: 500, undone },
      { blame: 'follower', boundMs: 500, undone },
    ]);
    expect(said.rows).toEqual([2, 2]);
  });

  it('of a row is judged on the keys of its write path; of a write path on everything, with the blame on its own', () => {
    const rows = saying('linearizable', valid);
    states('linearizable', valid, { checkers: new Map([['linearizable', rows]]), readPaths: ['leader'] });
    expect(rows.shown).toEqual(['a', 'q']);
    expect([...keysByWritePath(history, ['leader-ack', 'quorum-ack'])]).toEqual([0, 1]);
    const paths = saying('durable', valid);
    states('durable', valid, { checkers: new Map([['durable', paths]]) });
    expect(paths.shown).toEqual(['a q', 'a q']);
    expect(paths.blamed).toEqual(['leader-ack', 'quorum-ack']);
  });

  it('says which devices it speaks for', () => {
    const checker: Checker = {
      ...saying('read-your-writes', valid),
      check: (_history, _budget, semantics) => (semantics.thread === 'device' ? valid : invalid),
    };
    const cells = judge(history, {
      system: reference,
      writePaths: ['quorum-ack'],
      readPaths: ['follower+token'],
      guarantees: ['read-your-writes'],
      checkers: new Map([['read-your-writes', checker]]),
      budget: { spent: () => undefined },
      disruptive: true,
      failovers: 1,
    });
    expect(cells[0].state).toBe('kept');
    expect(cells[0].note).toBe(
      'on each device by itself; across the devices of a session violated by 3 of 200 reads (1.5 %)',
    );
  });

  it('judges the read paths that promise linearizability together as well', () => {
    const both = { ...reference, promises: () => ['linearizable'] as const };
    expect(states('linearizable', valid, { system: both, writePaths: ['quorum-ack'] })).toEqual({
      'quorum-ack leader': 'kept',
      'quorum-ack follower': 'kept',
      'quorum-ack leader + follower': 'kept',
    });
  });
});

describe('rows that promise the same, together', () => {
  const promising = (...all: readonly Guarantee[]): System => ({ ...reference, promises: () => all });
  const told = (checker: Checker, of: History, changes: Partial<Jury> = {}): unknown[] => {
    const system = changes.system ?? promising(checker.decides);
    const cells = judge(of, {
      system,
      writePaths: ['leader-ack', 'quorum-ack'],
      readPaths: ['leader', 'follower'],
      guarantees: [checker.decides],
      checkers: new Map([[checker.decides, checker]]),
      budget: { spent: () => undefined },
      disruptive: true,
      failovers: 1,
      ...changes,
    });
    for (const cell of cells) if (cell.state === 'broken') expect(isPromised(system, cell)).toBe(true);
    return cells.filter(({ state }) => state === 'broken').map((c) => [c.writePath, c.readPath]);
  };
  const at = (
    from: number,
    to: number,
    process: number,
    f: 'read' | 'write',
    [key, value, path]: [string, number | null, string],
  ): Event[] => [
    { type: 'invoke', time: from, process, session: `s${process}`, f, key, value: f === 'read' ? null : value, path },
    { type: 'ok', time: to, process, f, key, value },
  ];
  const inOrder = (...events: readonly Event[][]): History =>
    historyFromEvents(events.flat().sort((a, b) => a.time - b.time));
  /** One session sees a write through the leader and then, through a follower, does not, while it is under way. */
  const backwards = inOrder(
    at(0, 9, 0, 'write', ['q', 1, 'quorum-ack']),
    at(1, 2, 1, 'read', ['q', 1, 'leader']),
    at(3, 4, 1, 'read', ['q', null, 'follower']),
  );
  /** Two sessions each write a key of their own, through paths of their own, and then do not see the other's write. */
  const buffers = inOrder(
    at(0, 1, 0, 'write', ['a', 1, 'leader-ack']),
    at(0, 1, 1, 'write', ['q', 1, 'quorum-ack']),
    at(2, 3, 0, 'read', ['q', null, 'leader']),
    at(2, 3, 1, 'read', ['a', null, 'leader']),
  );

  it('break what each row alone keeps: two read paths', () => {
    for (const checker of [linearizable, sequential, causal, causalMemory, causalWeak]) {
      const where = checker === linearizable ? 'quorum-ack' : 'leader-ack + quorum-ack';
      expect(told(checker, backwards), checker.name).toEqual([[where, 'leader + follower']]);
      expect(told(checker, backwards, { writePaths: ['quorum-ack'] }), checker.name).toEqual([
        ['quorum-ack', 'leader + follower'],
      ]);
      expect(told(checker, backwards, { readPaths: ['leader'] }), checker.name).toEqual([]);
    }
  });

  it('break what each row alone keeps: two write paths, where all keys count', () => {
    expect(told(sequential, buffers)).toEqual([['leader-ack + quorum-ack', 'leader + follower']]);
    expect(told(sequential, buffers, { readPaths: ['leader'] })).toEqual([['leader-ack + quorum-ack', 'leader']]);
    expect(told(causal, buffers)).toEqual([]);
    expect(told(sequential, buffers, { writePaths: ['quorum-ack'] })).toEqual([]);
  });

  it('leave out what does not promise, what was not tried and what a fault suspends', () => {
    const rows = [
      { writePath: 'leader-ack', readPath: 'leader' },
      { writePath: 'quorum-ack', readPath: 'leader' },
    ];
    expect(told(sequential, backwards, { rows })).toEqual([]);
    expect(told(sequential, buffers, { rows })).toEqual([['leader-ack + quorum-ack', 'leader']]);
    const one: System = { ...reference, promises: (_write, read) => (read === 'leader' ? ['sequential'] : []) };
    expect(told(sequential, backwards, { system: one })).toEqual([]);
    expect(told(sequential, buffers, { system: one })).toEqual([['leader-ack + quorum-ack', 'leader']]);
    const suspends: System['suspends'] = (_fault, { readPath }) => {
      if (!reference.readPaths.some(({ name }) => name === readPath)) throw new Error(`no read path ${readPath}`);
      return readPath === 'follower';
    };
    const system = { ...promising('sequential'), suspends };
    expect(told(sequential, backwards, { system, struck: ['kill-leader'] })).toEqual([]);
    expect(told(sequential, buffers, { system, struck: ['kill-leader'] })).toEqual([
      ['leader-ack + quorum-ack', 'leader'],
    ]);
  });

  it('speak for each device by itself where one of the paths does', () => {
    const threads: unknown[] = [];
    const checker: Checker = {
      ...saying('sequential', valid),
      check: (_history, _budget, { thread }) => {
        threads.push(thread);
        return valid;
      },
    };
    told(checker, backwards, { writePaths: ['quorum-ack'], readPaths: ['leader', 'follower+token'] });
    told(checker, backwards, { writePaths: ['quorum-ack'] });
    expect(threads).toEqual(['session', 'device', 'device', 'session', 'session', 'session']);
  });
});

describe('a promise that a fault suspends', () => {
  const system: System = {
    ...reference,
    promises: () => ['linearizable'],
    suspends: (fault, { readPath }) => fault === 'clock-drift' && readPath === 'follower',
  };
  const judged = (of: Verdict, struck: readonly string[]): readonly Cell[] =>
    judge(history, {
      system,
      writePaths: ['quorum-ack'],
      readPaths: ['leader', 'follower'],
      guarantees: ['linearizable'],
      checkers: new Map([['linearizable', saying('linearizable', of)]]),
      budget: { spent: () => undefined },
      disruptive: true,
      failovers: 1,
      struck,
    });
  const told = (cells: readonly Cell[]): unknown[] => cells.map((c) => [c.readPath, c.state, c.suspendedBy]);
  const verdict = (cells: readonly Cell[]): string => verdictOf(cells, (cell) => isPromised(system, cell));

  it('becomes a finding that names the fault, and decides nothing', () => {
    const cells = judged(invalid, ['kill-leader', 'clock-drift', 'clock-drift']);
    expect(told(cells)).toEqual([
      ['leader', 'broken', undefined],
      ['follower', 'violated', ['clock-drift']],
    ]);
    expect(verdict(cells)).toBe('broken');
    expect(verdict(cells.slice(1))).toBe('undecided');
    expect(told(judged(valid, ['clock-drift']))).toEqual([
      ['leader', 'kept', undefined],
      ['follower', 'holds', ['clock-drift']],
    ]);
    const unsure = judged(unknown, ['clock-drift']);
    expect(told(unsure)[1]).toEqual(['follower', 'undecided', ['clock-drift']]);
    expect(verdict([...judged(valid, ['clock-drift']).slice(0, 1), unsure[1]])).toBe('kept');
  });

  it('stands where the fault did not strike, also together with others', () => {
    expect(told(judged(invalid, ['kill-leader']))).toEqual([
      ['leader', 'broken', undefined],
      ['follower', 'broken', undefined],
      ['leader + follower', 'broken', undefined],
    ]);
  });
});

describe('the verdict of a run', () => {
  const verdict = (guarantee: Guarantee, of: Verdict): string => {
    const jury: Jury = {
      system: reference,
      writePaths: ['quorum-ack'],
      readPaths: ['leader', 'follower'],
      guarantees: [guarantee],
      checkers: new Map([[guarantee, saying(guarantee, of)]]),
      budget: { spent: () => undefined },
      disruptive: true,
      failovers: 1,
    };
    return verdictOf(judge(history, jury), (cell) => isPromised(reference, cell));
  };

  it('follows from promised cells alone', () => {
    expect(verdict('linearizable', valid)).toBe('kept');
    expect(verdict('linearizable', invalid)).toBe('broken');
    expect(verdict('linearizable', unknown)).toBe('undecided');
  });
});
