/**
 * Stores that lie about versions and positions. What they say of themselves may never turn a verdict that values alone make invalid into
 * a valid one; and where values alone find nothing, an anomaly names the claims that it rests on.
 */
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Position } from '../../history/operation.ts';
import { h } from '../../history/testing.ts';
import { eachRound } from '../../test-support/rounds.ts';
import { type Checker, defaultSemantics, unlimited, type Verdict } from '../checker.ts';
import boundedStaleness from '../guarantees/bounded-staleness.ts';
import causalMemory from '../guarantees/causal-memory.ts';
import causalWeak from '../guarantees/causal-weak.ts';
import causal from '../guarantees/causal.ts';
import consistentPrefix from '../guarantees/consistent-prefix.ts';
import durable from '../guarantees/durable.ts';
import fenced from '../guarantees/fenced.ts';
import linearizable from '../guarantees/linearizable.ts';
import monotonicReads from '../guarantees/monotonic-reads.ts';
import monotonicWrites from '../guarantees/monotonic-writes.ts';
import readYourWrites from '../guarantees/read-your-writes.ts';
import sequential from '../guarantees/sequential.ts';
import writesFollowReads from '../guarantees/writes-follow-reads.ts';
import { CONTRADICTING } from './claim-words.ts';
import { corrupt, storeEvents } from './lies-testing.ts';
import { evidence, judge, sentences } from './testing.ts';

const stripped = (events: readonly Event[]): Event[] =>
  events.map((event) => {
    const {
      version: _version,
      position: _position,
      ...rest
    } = event as Event & { version?: unknown; position?: unknown };
    return rest;
  });

const semantics = { ...defaultSemantics, boundMs: 2 };
const verdictOn = (checker: Checker, events: readonly Event[]): Verdict =>
  checker.check(historyFromEvents(events), unlimited, semantics);

const checkers: readonly Checker[] = [
  readYourWrites,
  monotonicReads,
  monotonicWrites,
  writesFollowReads,
  consistentPrefix,
  boundedStaleness,
  durable,
  fenced,
  linearizable,
  sequential,
  causal,
  causalWeak,
  causalMemory,
];

test.each(checkers)('$name never believes a lie against the values, and names the claims it rests on', (checker) => {
  let lied = 0;
  let named = 0;
  eachRound(`lies to ${checker.name}`, (random, label) => {
    const repeats = random.chance(0.2);
    const events = storeEvents(random, random.pick([0, 0, 0.3]), repeats);
    const values = verdictOn(checker, stripped(events)).type;
    const lies = corrupt(events, random, random.pick([0.03, 0.1, 0.3]));
    const said = verdictOn(checker, lies);
    // A lie by which the newer write was undone makes of what is stale a loss, and that is for `durable` to say.
    const isLoss =
      checker === boundedStaleness && said.type !== 'invalid' && verdictOn(durable, lies).type === 'invalid';
    if (values === 'invalid' && !isLoss) expect(said.type, label).toBe('invalid');
    if (values === 'invalid' || said.type !== 'invalid') return;
    lied++;
    // Of values written twice a version says which one was read, and sentences speak of values.
    if (repeats) return;
    for (const { kind, sentence } of said.anomalies) {
      if (kind === CONTRADICTING) named++;
      else expect(sentence, label).toMatch(/version|position|in term|\(\d+,\d+\)/);
    }
  });
  if (checker !== linearizable && !checker.name.startsWith('causal')) expect(lied).toBeGreaterThan(0);
  if (checker === linearizable || checker.name.startsWith('causal')) expect(named).toBe(0);
});

test('the truth contradicts nothing', () => {
  eachRound('truthful stores', (random, label) => {
    const events = storeEvents(random, random.pick([0, 0.3]), random.chance(0.2));
    for (const checker of [monotonicReads, consistentPrefix]) {
      const verdict = verdictOn(checker, events);
      const kinds = verdict.type === 'invalid' ? verdict.anomalies.map(({ kind }) => kind) : [];
      expect(kinds, label).not.toContain(CONTRADICTING);
    }
  });
});

const w = ['p0: w x 1 version=g0/1/1', 'p0: w x 2 version=g0/1/2'];

test.each([
  [
    'a version above the position',
    'p1: r x 2 node=n1 version=g0/1/2 position=g0/1/1',
    'A read of x at position (1,1) returned 2 from n1 at 5 ms, whose version (1,2) lies above that.',
    [2, 4],
  ],
  [
    'a version that only its write told',
    'p1: r x 2 node=n1 position=g0/1/1',
    'A read of x at position (1,1) returned 2 from n1 at 5 ms, whose version (1,2) lies above that.',
    [2, 4],
  ],
  [
    'an older write than the newest below the position',
    'p1: r x 1 node=n1 position=g0/1/7',
    'A read of x at position (1,7) returned 1 from n1 at 5 ms, though 2 was written there with version (1,2), which that position covers.',
    [0, 2, 4],
  ],
  [
    'nothing where the position covers a write',
    'p1: r x null node=n1 position=g0/1/1',
    'A read of x at position (1,1) returned null from n1 at 5 ms, the initial value, though 1 was written there with version (1,1), which that position covers.',
    [0, 4],
  ],
])('%s', (_, read, sentence, shown) => {
  const verdict = judge(consistentPrefix, [...w, read]);
  expect(sentences(verdict)).toEqual([sentence]);
  expect(evidence(verdict)).toEqual(shown);
  // Another term may have undone what this one wrote.
  expect(judge(consistentPrefix, [...w, read.replace(/position=g0.1/, 'position=g0/2')]).type).not.toBe('invalid');
});

test('two values at one position', () => {
  const lines = ['p0: w x 1', 'p1 w x 2', 'p2: r x 1 node=n1 position=g0/1/7', 'p3: r x 2 node=n2 position=g0/1/7'];
  expect(sentences(judge(monotonicReads, lines))).toEqual([
    'A read of x at position (1,7) returned 1 from n1 at 4 ms, and another one at the same position 2 from n2 at 6 ms.',
  ]);
  expect(judge(monotonicReads, [...lines.slice(0, 3), lines[3].replace('1/7', '1/8')]).type).not.toBe('invalid');
});

test('two values at one position, of which one was written twice by who knows whom', () => {
  const lines = ['p0 w x 1', 'p0 info', 'p1 w x 1', 'p1 info', 'p2: w x 2 version=g0/1/7'];
  const reads = ['p3: r x 2 node=n1 version=g0/1/7 position=g0/1/7', 'p4: r x 1 node=n2 position=g0/1/7'];
  expect(sentences(judge(monotonicReads, [...lines, ...reads]))).toEqual([
    'A read of x at position (1,7) returned 2 from n1 at 7 ms, and another one at the same position 1 from n2 at 9 ms.',
  ]);
});

test('the version of a write that nobody had asked for yet, where its value had been written before', () => {
  const lines = ['p0: w x 0 version=g0/1/1', 'p0: w x 2 version=g0/1/2', 'p1: r x 2 version=g0/1/2'];
  const late = ['p2: r x 0 node=n1 path=bounded-1ms version=g0/1/3', 'p0: w x 0 version=g0/1/3'];
  const verdict = judge(boundedStaleness, [...lines, 'p3: r x 2 version=g0/1/2', ...late]);
  expect(verdict).toMatchObject({ type: 'invalid', anomalies: [{ kind: 'too stale' }] });
  expect(sentences(judge(monotonicReads, [...lines, ...late])).map((one) => one.replace(/ at \d+ ms/g, ''))).toEqual([
    'A read of x returned 0 from n1 with version (1,3), which belongs to the write of 0 to x.',
  ]);
});

test('a false version is one claim, and other anomalies do not rest on it', () => {
  const lines = [1, 2, 3, 4, 5].map((i) => `p0: w x ${i} session=s version=g0/1/${i === 1 ? 9 : i}`);
  const verdict = judge(monotonicReads, [...lines, 'p1: r x 1', 'p1: r x 5']);
  expect(sentences(verdict)).toEqual([
    'The write of 1 to x was acknowledged at 1 ms with version (1,9), and the write of 5 to x, invoked after that, with the lower version (1,5).',
  ]);
});

test('the version that a read told stands against what was asked for after it, as one that a write was acknowledged with does', () => {
  const lines = ['p0 w x 1', 'p0 info', 'p1: r x 1 version=g0/1/9', 'p2: w x 2 version=g0/1/3'];
  expect(sentences(judge(monotonicReads, [...lines, 'p1: r x 1 version=g0/1/9']))).toEqual([
    'The write of 1 to x was read at 3 ms with version (1,9), and the write of 2 to x, invoked after that, with the lower version (1,3).',
  ]);
  // What was read without its version may have been written in an older term first.
  const untold = ['p0 w x 1', 'p0 info', 'p1: r x 1', 'p2: w x 2 version=g0/1/3', 'p1: r x 1 version=g0/1/9'];
  expect(judge(monotonicReads, untold).type).toBe('valid');
  // By that version the second write would be the older one, and the first one, which is gone, undone.
  const late = 'p1: r x 1 version=g0/1/9 path=bounded-1ms';
  const final = ['harness phase "epilogue"', 'p9: r x 2 version=g0/1/3'];
  expect(judge(boundedStaleness, [...lines, 'p3: r x 2', late, ...final])).toMatchObject({
    type: 'invalid',
    anomalies: [{ kind: 'too stale' }],
  });
});

describe('the version of a first attempt', () => {
  const twice = ['p0: w x 1 version=g0/2/5', 'p1: r x 1 version=g0/1/3'];

  test('belongs to one write, whoever is known to have it first', () => {
    const learned = [...twice, 'p2 w x 2', 'p2 info', 'p3: r x 2 version=g0/1/3'];
    const again = [...learned.slice(0, -1), 'p3: r x 2 version=g0/2/6', 'p4: r x 2 version=g0/1/3'];
    for (const lines of [learned, again]) {
      const { anomalies } = judge(monotonicWrites, lines) as Extract<Verdict, { type: 'invalid' }>;
      expect(anomalies.map(({ kind, sentence }) => [kind, sentence.replace(/ at \d+ ms/, '')])).toEqual([
        [
          CONTRADICTING,
          expect.stringMatching(
            /^A read of x returned [12] with version \(1,3\), which belongs to the write of [12] to x\.(?: That rests on \[\d\] as well\.)?$/,
          ),
        ],
      ]);
    }
    expect(judge(monotonicWrites, [...learned.slice(0, -1), 'p3: r x 2 version=g0/1/4']).type).toBe('unknown');
  });

  test('is that of all writes of its transaction', () => {
    const at = (term: number, index: number): Position => ({ group: 'g0', history: term, at: index });
    const step = (process: number, f: string, about: object, answer: object): Event[] =>
      [
        { type: 'invoke', time: 0, process, f, ...about },
        { type: 'ok', time: 0, process, f, ...about, ...answer },
      ] as unknown as Event[];
    const writes = [
      ['w', 'x', 1],
      ['w', 'y', 2],
    ];
    const read = (key: string, value: number): Event[] => step(1, 'read', { key }, { value, version: at(1, 3) });
    const events = [...step(0, 'txn', { value: writes }, { version: at(2, 5) }), ...read('x', 1), ...read('y', 2)];
    expect(verdictOn(monotonicWrites, events).type).toBe('unknown');
    const apart = [...step(0, 'write', { key: 'x', value: 1 }, { version: at(2, 5) })];
    const another = [...step(0, 'write', { key: 'y', value: 2 }, { version: at(2, 6) })];
    expect(verdictOn(monotonicWrites, [...apart, ...another, ...read('x', 1), ...read('y', 2)]).type).toBe('invalid');
  });
});

test('versions that place a key in two groups leave open what one state is', () => {
  const lines = ['p0: w x 1 session=s version=g0/1/1', 'p0: w y 2 session=s version=g0/1/2', 'p1: r* x,y null,2'];
  expect(judge(monotonicWrites, lines).type).toBe('invalid');
  const moved = judge(monotonicWrites, [...lines, 'p2: w x 3 version=g1/1/1', 'p3: w z 1 version=g1/1/2']);
  expect(moved).toMatchObject({ type: 'unknown', reason: expect.stringContaining('several replication groups') });
});

test('a term that a contradicted version claims is no evidence of a deposed leader', () => {
  const lines = ['p0: w x 1 version=g0/3/5', 'p1: w y 2 version=g0/2/9', 'p2: r y 2 version=g0/3/6'];
  expect(judge(fenced, lines)).toMatchObject({ type: 'invalid', anomalies: [{ kind: CONTRADICTING }] });
  expect(h(...lines).length).toBe(3);
});
