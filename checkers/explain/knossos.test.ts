import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { readEdn } from '../../history/codec/edn.ts';
import { EdnReader } from '../../history/codec/edn-reader.ts';
import type { History } from '../../history/history.ts';
import type { Event } from '../../history/operation.ts';
import { h } from '../../history/testing.ts';
import { need, vectors } from '../../test-support/need.ts';
import { drawn, eachRound } from '../../test-support/rounds.ts';
import type { Semantics, Verdict } from '../checker.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { modelNamed } from '../linearizable/models.ts';
import { registerMachine } from '../linearizable/register.ts';
import { isLinearizableByBruteForce, randomEvents } from '../linearizable/testing.ts';
import { beginning, firstFailure } from './first-failure.ts';
import { knossosOf } from './knossos.ts';
import type { KnossosAnalysis, KnossosResult } from './knossos.ts';
import { knossosEdn, knossosJson } from './knossos-text.ts';

const zero: Semantics = { ...defaultSemantics, initial: 0 };
const asKnossos: Semantics = { ...zero, nilRead: 'any', failedCas: 'ignore' };

function analyse(history: History, semantics: Semantics): KnossosResult {
  const judge = (part: History) => linearizable.check(part, unlimited, semantics);
  return knossosOf(history, {
    verdict: judge(history),
    model: modelNamed(semantics.model),
    semantics,
    judge,
    budget: unlimited,
  });
}

describe('the first operation that cannot be linearised', () => {
  need('vectors');

  test("Knossos's own bad histories: valid before its completion, invalid with it", () => {
    const folder = vectors('knossos-cas-register/bad');
    const expected: Readonly<Record<string, object>> = {
      'bad-analysis.edn': { process: 21, type: 'ok', f: 'read', value: 2, index: 14 },
      'immediate-failure.edn': { process: 1, type: 'ok', f: 'read', value: 3, index: 3 },
      'rethink-fail-minimal.edn': { process: 1, type: 'ok', f: 'read', value: 3, index: 4 },
      'rethink-fail.edn': { process: 12, type: 'ok', f: 'read', value: 3, index: 217 },
    };
    for (const name of readdirSync(folder)) {
      const { history } = readEdn(readFileSync(`${folder}/${name}`, 'utf8'));
      const result = analyse(history, asKnossos) as KnossosAnalysis;
      expect(result.op, name).toMatchObject(expected[name]);
      const at = history.ret.find((ret) => history.eventIndex?.[ret] === result.op?.index || ret === result.op?.index);
      const typeUntil = (position: number): string =>
        linearizable.check(beginning(history, position), unlimited, asKnossos).type;
      expect([typeUntil((at ?? 0) - 1), typeUntil(at ?? 0)], name).toEqual([
        name === 'immediate-failure.edn' ? 'unknown' : 'valid', // nothing was answered before
        'invalid',
      ]);
    }
  });
});

/** The events up to a position, as they were known then; what was refused later is left out, as Knossos does. */
function until(events: readonly Event[], end: number): Event[] {
  const isRefusedLater = (at: number): boolean => {
    const { process } = events[at];
    const answer = events.findIndex((event, i) => i > at && event.process === process);
    return answer >= end && events[answer].type === 'fail';
  };
  return events
    .slice(0, end)
    .filter((event, at) => event.type !== 'invoke' || !isRefusedLater(at))
    .concat(
      openOnes(events, end)
        .filter((at) => !isRefusedLater(at))
        .map((at) => ({ ...events[at], type: 'info' })),
    );
}

function openOnes(events: readonly Event[], end: number): number[] {
  return [...events.slice(0, end).keys()].filter(
    (at) =>
      events[at].type === 'invoke' && !events.slice(at + 1, end).some(({ process }) => process === events[at].process),
  );
}

test('against brute force: impossible with its completion, possible before', { timeout: 3_600_000 }, () => {
  let failures = 0;
  eachRound('first failure', (random, label) => {
    const events = randomEvents(random, {
      keys: 1,
      processes: 2 + random.below(4),
      operations: 4 + random.below(7),
      casPercent: random.pick([0, 40]),
      actualPercent: random.pick([0, 50]),
      values: random.pick([0, 2, 3]),
      infoPercent: random.pick([0, 25]),
      lies: random.pick([0, 20]),
    });
    const history = historyFromEvents(events);
    const judge = (part: History) => linearizable.check(part, unlimited, zero);
    const failure = firstFailure(history, registerMachine(history, zero), 0, judge, unlimited);
    expect(failure === undefined, label).toBe(isLinearizableByBruteForce(events));
    if (failure === undefined) return;
    failures++;
    const at = history.operation(failure.row).completionIndex ?? 0;
    expect(isLinearizableByBruteForce(until(events, at)), `${label}: before ${at}`).toBe(true);
    expect(isLinearizableByBruteForce(until(events, at + 1)), `${label}: with ${at}`).toBe(false);
  });
  expect(failures, drawn).toBeGreaterThan(20);
});

describe('the map', () => {
  const bad = h('p0: w x 1', 'p3 w x 3', 'p0: w x 2', 'p1: r x 1');

  test('operations, configurations and paths', () => {
    const write = { process: 0, type: 'ok', f: 'write', value: 2, index: 4 };
    const read = { process: 1, type: 'ok', f: 'read', value: 1, index: 6 };
    expect(analyse(bad, zero)).toMatchObject({
      'valid?': false,
      analyzer: 'linear',
      op: read,
      'previous-ok': write,
      'last-op': write,
      configs: [
        {
          model: { value: 2 },
          'last-op': write,
          pending: [
            { process: 3, type: 'invoke', f: 'write', value: 3, index: 2 },
            { process: 1, type: 'invoke', f: 'read', value: 1, index: 5 },
          ],
        },
      ],
      'final-paths': [
        [
          { op: write, model: { value: 2 } },
          { op: read, model: { msg: "can't read 1 from register 2" } },
        ],
        [
          { op: write, model: { value: 2 } },
          { op: { process: 3, type: 'invoke', f: 'write', value: 3, index: 2 }, model: { value: 3 } },
          { op: read, model: { msg: "can't read 1 from register 3" } },
        ],
      ],
    });
  });

  test('of what is pending, every order up to what the model refuses', () => {
    const open = h('p0: w x 1', 'p3 cas x 1 2', 'p4 cas x 7 8', 'p1: r x 5');
    const result = analyse(open, zero) as KnossosAnalysis;
    const said = result['final-paths']?.map((path) =>
      path.map(({ op, model }) => `${op.f} ${JSON.stringify(Object.values(model)[0])}`).join(', '),
    );
    // 5 is found by nobody, so that what was pending before can be placed or not.
    expect(said).toEqual([
      'write 1, read "can\'t read 5 from register 1"',
      'write 1, cas 2, read "can\'t read 5 from register 2"',
      'write 1, cas "can\'t CAS 1 from 7 to 8"',
      'write 1, cas 2, cas "can\'t CAS 2 from 7 to 8"',
    ]);
  });

  test('transactions are one operation, and their registers one state', () => {
    const txn = (process: number, type: string, value: unknown): Event =>
      ({ process, type, f: 'txn', value, time: 0 }) as Event;
    const written = [
      ['w', 'a', 1],
      ['w', 'b', 1],
    ];
    const asked = [
      ['r', 'a', null],
      ['r', 'b', null],
    ];
    const answered = [
      ['r', 'a', 1],
      ['r', 'b', null],
    ];
    const history = historyFromEvents([
      txn(0, 'invoke', written),
      txn(0, 'ok', written),
      txn(1, 'invoke', asked),
      txn(1, 'ok', answered),
    ]);
    const semantics = { ...defaultSemantics, model: 'multi-register' };
    const judge = (part: History) => linearizable.check(part, unlimited, semantics);
    const verdict = judge(history);
    const lastState = verdict.type === 'invalid' ? verdict.anomalies[0].lastState : undefined;
    expect(lastState).toMatchObject({
      stuck: { f: 'txn', value: answered },
      configurations: [{ held: { a: 1, b: 1 } }],
    });
    const result = knossosOf(history, {
      verdict,
      model: modelNamed('multi-register'),
      semantics,
      judge,
      budget: unlimited,
    });
    expect(result).toMatchObject({
      op: { f: 'txn', value: answered, index: 3 },
      'previous-ok': { value: written },
      configs: [{ model: { value: { a: 1, b: 1 } } }],
      'final-paths': [
        [{ model: { value: { a: 1, b: 1 } } }, { model: { msg: expect.stringMatching(/^can't txn/) as unknown } }],
      ],
    });
    expect(knossosEdn(result)).toContain(':f :txn, :value [[:r "a" 1] [:r "b" nil]]');
  });

  test('keys that a torn read connects are told together, as transactions are', () => {
    const lines = ['p1 r* x,y', 'p0: w x 1', 'p0: w y 1', 'p1 ok null,1'];
    const result = analyse(h(...lines), defaultSemantics);
    const torn = [['r', 'x', null], ['r', 'y', 1]]; // biome-ignore format: pairs
    expect(result).toMatchObject({
      'valid?': false,
      op: { process: 1, f: 'readMany', value: torn, index: 5 },
      'previous-ok': { process: 0, f: 'write', key: 'y', value: 1, index: 4 },
      'last-op': { process: 0, f: 'write', key: 'y', value: 1, index: 4 },
      configs: [{ model: { value: { x: 1, y: 1 } }, pending: [{ f: 'readMany', type: 'invoke', value: torn }] }],
      'final-paths': [
        [
          { op: { f: 'write', key: 'y' }, model: { value: { x: 1, y: 1 } } },
          {
            op: { f: 'readMany' },
            model: { msg: expect.stringMatching(/^can't readMany .* in \{"x":1,"y":1\}$/) as unknown },
          },
        ],
      ],
    });
    expect(knossosEdn(result)).toContain(':op {:process 1, :type :ok, :f :readMany, :value [[:r "x" nil] [:r "y" 1]],');
    // Beside keys that have nothing to do with them they are named together, and none of them alone.
    const beside = analyse(h(...lines, 'p2: w z 1', 'p2: r z null'), defaultSemantics);
    expect(beside).toMatchObject({
      failures: ['z', ['x', 'y']],
      results: [{ key: 'z' }, { result: { op: { f: 'readMany' }, configs: [{ model: { value: { x: 1, y: 1 } } }] } }],
    });
    expect(JSON.parse(knossosJson(beside))).toMatchObject({ results: { '["x","y"]': { op: { f: 'readMany' } } } });
    // One key is named as it is, also where what was read of it twice is torn.
    const twice = h('p1 r* x,x', 'p0: w x 1', 'p1 ok null,1', 'p2: r z null');
    expect(analyse(twice, defaultSemantics)).toMatchObject({
      failures: ['x'],
      results: [{ result: { op: { process: 1 } } }],
    });
    // What is of one of them says what that held.
    const lone = ['p0 w x 1', 'p2 w y 1', 'p1 r* x,y', 'p3: r y 1', 'p3 r x', 'p1 ok 1,null', 'p3 ok null'];
    expect(analyse(h(...lone), defaultSemantics)).toMatchObject({
      op: { process: 3, f: 'read', key: 'x', value: null },
      'final-paths': [
        [{ op: { f: 'read', key: 'y' } }, { op: { key: 'x' }, model: { msg: "can't read null from register 1" } }],
      ],
    });
  });

  test('a lock is locked or not, as Knossos has it', () => {
    const lock = (process: number, type: string, f: string): Event =>
      ({ process, type, f, key: 'k', value: null, time: 0 }) as Event;
    const history = historyFromEvents(
      [0, 1].flatMap((process) => [lock(process, 'invoke', 'acquire'), lock(process, 'ok', 'acquire')]),
    );
    const semantics = { ...defaultSemantics, model: 'mutex' };
    const judge = (part: History) => linearizable.check(part, unlimited, semantics);
    const result = knossosOf(history, {
      verdict: judge(history),
      model: modelNamed('mutex'),
      semantics,
      judge,
      budget: unlimited,
    });
    expect(result).toMatchObject({ configs: [{ model: { 'locked?': true } }] });
    expect(knossosEdn(result)).toContain(':model {:locked? true}');
    expect(knossosEdn(result)).toContain(':model {:msg "already held"}');
  });

  test('valid, unknown with its cause, and several keys', () => {
    expect(analyse(h('p0: w x 1', 'p1: r x 1'), zero)).toEqual({ 'valid?': true, analyzer: 'linear' });
    const spent = { type: 'unknown', reason: 'key x: 10 s spent', examined: { operations: 1 } } as const;
    const judge = () => spent;
    expect(
      knossosOf(bad, { verdict: spent, model: undefined, semantics: zero, judge, budget: unlimited }),
    ).toMatchObject({ 'valid?': 'unknown', cause: 'timeout' });
    const two = analyse(h('p0: w x 1', 'p0: w y 1', 'p1: r x 7'), zero);
    expect(JSON.parse(knossosJson(two))).toMatchObject({
      'valid?': false,
      failures: ['x'],
      results: { x: { 'valid?': false } },
    });
  });

  test('where the first impossible completion is not found, the operation that the explanation is about', () => {
    const verdict = linearizable.check(bad, unlimited, zero);
    const judge = (): Verdict => ({ type: 'unknown', reason: '1 s spent', examined: { operations: 1 } });
    const result = knossosOf(bad, { verdict, model: undefined, semantics: zero, judge, budget: unlimited });
    expect(result).toMatchObject({ 'valid?': false, op: { type: 'ok', f: 'read' } });
    expect(result).not.toHaveProperty('configs');
  });

  test('EDN with keywords, which reads back', () => {
    const line = knossosEdn(analyse(h('p0: w x "a\\"b"', 'p1: r x ":kw"'), zero));
    expect(line).toMatch(
      /^\{:valid\? false, :analyzer :linear, :op \{:process 1, :type :ok, :f :read, :value :kw, :index 3/,
    );
    expect(line).toContain(':model {:value "a\\"b"}');
    expect(knossosEdn(analyse(h('p1: r x {"#set":[1,2]}'), zero))).toContain(':value #{1 2}');
    expect(new EdnReader(line).next()).toMatchObject({ ':valid?': false, ':analyzer': ':linear' });
  });
});
