/** The histories that tell the guarantees apart, and what is said of them. */
import { describe, expect, test } from 'vitest';
import { h } from '../../history/testing.ts';
import type { History } from '../../history/history.ts';
import { check, type CheckOptions, historyFromEvents, withinSteps } from '../index.ts';
import type { Event } from '../../history/operation.ts';

const guarantees = ['causal-weak', 'causal', 'causal-memory', 'sequential'] as const;

/** The guarantees that hold, of the four. Registers begin at 0. */
function held(history: History, options: CheckOptions = {}): readonly string[] {
  return guarantees.filter((name) => check(name, history, { initial: 0, ...options }).type === 'valid');
}

const kinds = (history: History, name: (typeof guarantees)[number] = 'causal'): readonly string[] => {
  const verdict = check(name, history, { initial: 0 });
  return verdict.type === 'invalid' ? verdict.anomalies.map(({ kind }) => kind) : [];
};

/** Transactions, one after another: session, then its parts. */
function transactions(...list: readonly (readonly [number, readonly (readonly unknown[])[]])[]): History {
  const events = list.flatMap(([process, value], i) => [
    { type: 'invoke', time: i * 2, process, f: 'txn', value },
    { type: 'ok', time: i * 2 + 1, process, f: 'txn', value },
  ]);
  return historyFromEvents(events as unknown as Event[]);
}

describe('Bouajjani, Enea, Guerraoui & Hamza 2017, figure 3', () => {
  test('a: causal memory, not convergent', () => {
    const history = h('p0: w x 1', 'p1: w x 2', 'p0: r x 2', 'p1: r x 1');
    expect(held(history)).toEqual(['causal-weak', 'causal-memory']);
    expect(kinds(history)).toEqual(['conflicting orders']);
  });

  test('b: convergent, not causal memory', () => {
    const history = h('p0: w z 1', 'p0: w x 1', 'p0: w y 1', 'p1: w x 2', 'p1: r z 0', 'p1: r y 1', 'p1: r x 2');
    expect(held(history)).toEqual(['causal-weak', 'causal']);
    expect(kinds(history, 'causal-memory')).toEqual(['no order of its own']);
  });

  test('c: convergent and causal memory, not sequential', () => {
    const history = h(
      'p0: w x 1',
      'p0: r y 0',
      'p0: w y 1',
      'p0: r x 1',
      'p1: w x 2',
      'p1: r y 0',
      'p1: w y 2',
      'p1: r x 2',
    );
    expect(held(history)).toEqual(['causal-weak', 'causal', 'causal-memory']);
    expect(kinds(history, 'sequential')).toEqual(['no one order']);
  });

  test('d: causal, neither convergent nor causal memory', () => {
    const history = h('p0: w x 1', 'p1: w x 2', 'p1: r x 1', 'p1: r x 2');
    expect(held(history)).toEqual(['causal-weak']);
  });

  test('e: not causal', () => {
    const history = h('p0: w x 1', 'p0: w y 1', 'p1: r y 1', 'p1: w x 2', 'p2: r x 2', 'p2: r x 1');
    expect(held(history)).toEqual([]);
    const verdict = check('causal', history, { initial: 0 });
    expect(verdict).toMatchObject({ type: 'invalid', count: 1 });
    expect(verdict.type === 'invalid' && verdict.anomalies[0]).toMatchObject({
      kind: 'overwritten in its causal past',
      sentence:
        'Process 2 read 1 from x, which 2 had replaced in its causal past: 2 was written after it (process 0 wrote 1 to x, then ' +
        'wrote 1 to y, which process 1 read, then wrote 2 to x) and is known to the read (process 1 wrote 2 to x, which ' +
        'process 2 read, then read 1 from x).',
    });
  });
});

describe('single operations', () => {
  test('sequential, though not linearizable: real time plays no part', () => {
    expect(held(h('p0: w x 1', 'p1: r x 0'))).toEqual(guarantees);
  });

  test('a value from the future of the session goes in a circle', () => {
    const history = h('p0: r x 1', 'p0: w y 1', 'p1: r y 1', 'p1: w x 1');
    expect(held(history)).toEqual([]);
    expect(kinds(history)).toEqual(['cyclic causality']);
  });

  test('the initial value after a write', () => {
    expect(kinds(h('p0: w x 1', 'p0: w y 1', 'p1: r y 1', 'p1: r x 0'))).toEqual(['initial value after a write']);
  });

  test('a value that was never written, or whose write failed', () => {
    expect(kinds(h('p0: r x 1'))).toEqual(['read of a value never written']);
    expect(kinds(h('p0 w x 1', 'p0 fail', 'p1: r x 1'))).toEqual(['read of a refused write']);
  });

  test('a write of unknown outcome precedes nothing until it is read', () => {
    const late = ['p0 w x 1 session=a', 'p0 info', 'p1: w x 2 session=a', 'p1: r x 2 session=a', 'p2: r x 1 session=b'];
    expect(held(h(...late))).toEqual(guarantees);
    expect(held(h(...late, 'p1: r x 1 session=a'))).toEqual(guarantees);
    expect(held(h(...late, 'p1: r x 1 session=a', 'p1: r x 2 session=a'))).toEqual(['causal-weak']);
  });

  test('what a session was never told is no read of its own', () => {
    const lost = ['p0 cas x 0 1 session=a', 'p0 info', 'p1: cas x 0 2 session=a', 'p2: r x 1 session=b'];
    expect(held(h(...lost))).toContain('causal-memory');
    expect(held(h(...lost, 'p1: r x 1 session=a'))).not.toContain('causal-memory');
    expect(held(h(...lost.map((line) => line.replace('p0 info', 'p0 ok'))))).not.toContain('causal-memory');
  });

  test('devices whose operations overlap have no order', () => {
    const overlapping = [
      'p0 w x 1 session=a',
      'p1: w x 2 session=a',
      'p0 ok',
      'p2: r x 2 session=b',
      'p2: r x 1 session=b',
    ];
    expect(held(h(...overlapping))).toEqual(guarantees);
    const inOrder = ['p0: w x 1 session=a', 'p1: w x 2 session=a', 'p2: r x 2 session=b', 'p2: r x 1 session=b'];
    expect(held(h(...inOrder))).toEqual([]);
    const devices = inOrder.map((line) => line.replace(/^p([01])(.*)$/, 'p$1$2 device=d$1'));
    expect(held(h(...devices), { thread: 'device' })).toEqual(guarantees);
  });

  test('values written twice: unknown, unless versions tell them apart, or nobody read them', () => {
    const twice = ['p0: w x 1 version=g/1/1', 'p1: w x 2 version=g/1/2', 'p0: w x 1 version=g/1/3'];
    expect(held(h(...twice))).toEqual(guarantees);
    const verdict = check('causal', h('p0: w x 1', 'p0: w x 1', 'p1: r x 1'), { initial: 0 });
    expect(verdict).toMatchObject({ type: 'unknown', reason: expect.stringContaining('operations 0, 2') as string });
    expect(kinds(h(...twice, 'p2: r x 2 version=g/1/2', 'p2: r x 1 version=g/1/3'))).toEqual([]);
    expect(kinds(h(...twice, 'p0: r x 1 version=g/1/1'))).toEqual(['overwritten in its causal past']);
  });

  test('a failed cas that does not say what it found', () => {
    const refused = ['p0 cas x 1 9', 'p0 fail error=mismatch'];
    expect(held(h('p0: w x 1', ...refused))).toEqual([]);
    expect(held(h('p0: w x 1', ...refused), { failedCas: 'ignore' })).toEqual(guarantees);
    expect(held(h('p0: w x 1', 'p1: w x 2', ...refused))).toEqual(guarantees);
  });

  test('appends are not judged, and a spent budget is unknown', () => {
    const events = [
      { type: 'invoke', time: 0, process: 0, f: 'txn', value: [['append', 'x', 1]] },
      { type: 'ok', time: 1, process: 0, f: 'txn', value: [['append', 'x', 1]] },
    ] as unknown as Event[];
    for (const name of guarantees) {
      expect(check(name, events)).toMatchObject({
        type: 'unknown',
        reason: expect.stringContaining('append') as string,
      });
    }
    expect(check('causal', h('p0: w x 1', 'p0: r x 1'), { budget: withinSteps(0) }).type).toBe('unknown');
    expect(check('causal', h('p0 w x 1')).type).toBe('unknown');
  });
});

describe('transactions', () => {
  test('long fork: convergent, not sequential', () => {
    const history = transactions(
      [0, [['w', 'x', 1]]],
      [1, [['w', 'y', 1]]],
      [
        2,
        [
          ['r', 'x', 1],
          ['r', 'y', 0],
        ],
      ], // prettier-ignore
      [
        3,
        [
          ['r', 'x', 0],
          ['r', 'y', 1],
        ],
      ], // prettier-ignore
    );
    expect(held(history)).toEqual(['causal-weak', 'causal', 'causal-memory']);
  });

  test('half of a transaction is not seen', () => {
    const history = transactions(
      [
        0,
        [
          ['w', 'x', 1],
          ['w', 'y', 1],
        ],
      ],
      [
        1,
        [
          ['r', 'x', 1],
          ['r', 'y', 0],
        ],
      ],
    ); // prettier-ignore
    expect(held(history)).toEqual([]);
  });

  test('halves of two are explained by no order', () => {
    const both = (process: number, value: number) =>
      [
        process,
        [
          ['w', 'x', value],
          ['w', 'y', value],
        ],
      ] as const; // prettier-ignore
    const history = transactions(both(0, 1), both(1, 2), [
      2,
      [
        ['r', 'x', 1],
        ['r', 'y', 2],
      ],
    ]); // prettier-ignore
    expect(held(history)).toEqual([]);
    expect(kinds(history, 'causal-weak')).toEqual(['conflicting orders']);
  });

  test('within a transaction', () => {
    expect(
      kinds(
        transactions(
          [
            0,
            [
              ['w', 'x', 1],
              ['w', 'x', 2],
            ],
          ],
          [1, [['r', 'x', 1]]],
        ),
      ),
    ).toEqual(['read of an intermediate value']); // prettier-ignore
    expect(
      kinds(
        transactions([
          0,
          [
            ['w', 'x', 1],
            ['r', 'x', 0],
          ],
        ]),
      ),
    ).toEqual(['own write not read']); // prettier-ignore
    expect(
      kinds(
        transactions([
          0,
          [
            ['r', 'x', 1],
            ['w', 'x', 1],
          ],
        ]),
      ),
    ).toEqual(['read from its own future']); // prettier-ignore
    expect(
      held(
        transactions([
          0,
          [
            ['w', 'x', 1],
            ['r', 'x', 1],
          ],
        ]),
      ),
    ).toEqual(guarantees); // prettier-ignore
  });
});

describe('a read of many keys is called what it was recorded as', () => {
  const judged = (name: (typeof guarantees)[number], ...lines: string[]): { sentence: string; examined: object } => {
    const { type, examined, ...more } = check(name, h(...lines));
    return { sentence: type === 'invalid' && 'anomalies' in more ? more.anomalies[0].sentence : type, examined };
  };

  test.each(['causal', 'causal-memory', 'sequential'] as const)('%s', (name) => {
    const { sentence, examined } = judged(name, 'p0: w x 1', 'p0: w y 1', 'p1: r* x,y null,1');
    expect(sentence).toContain('which process 1 read and in the same readMany read null from x');
    expect(examined).toMatchObject({ operations: 3, reads: 2, transactions: 0, readsOfManyKeys: 1 });
    const knows = ['p0: w u 1', 'p1: w v 1', 'p2: r u 1', 'p2: r v 1'];
    const torn = ['p0: w x 1', 'p0: w y 2', 'p1: w y 1', 'p1: w x 2', ...knows, 'p2: r* x,y 1,1'];
    expect(judged(name, ...torn).sentence).toMatch(/^No order of writes explains one readMany: /);
  });

  test('in a circle of sequential', () => {
    const { sentence } = judged('sequential', 'p0: w x 1', 'p1: w y 1', 'p2: r* x,y 1,null', 'p3: r* y,x 1,null');
    expect(sentence).toContain('which process 2 read and in the same readMany read null from y, before');
  });

  test('transactions stay transactions', () => {
    const history = transactions([0, [['w', 'x', 1], ['w', 'y', 1]]], [1, [['r', 'x', 1], ['r', 'y', 0]]]); // biome-ignore format: pairs
    const verdict = check('causal', history, { initial: 0 });
    expect(verdict.type === 'invalid' && verdict.anomalies[0].sentence).toContain(' and in the same transaction ');
    expect(verdict.examined).toMatchObject({ transactions: 2 });
    expect(verdict.examined).not.toHaveProperty('readsOfManyKeys');
  });
});
