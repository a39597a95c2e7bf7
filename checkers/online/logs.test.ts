/** Logs followed: never too early, whatever comes after, and not only at the end. */
import { expect, it } from 'vitest';
import type { Event } from '../../history/operation.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { makeLog } from '../collections/makers-testing.ts';
import { run } from '../collections/testing.ts';
import log from '../guarantees/log.ts';
import { follow } from './testing.ts';

it('log: what is told stays true', () => {
  const seen = { early: 0, late: 0, whole: 0 };
  eachRound('log followed', (random, label) => {
    const { events } = run(random, makeLog, random.pick([0, 20]));
    const { brokenAt, end, history } = follow(log, events);
    expect(end, label).toEqual(log.check(history));
    if (brokenAt !== undefined) expect(end.type, label).toBe('invalid');
    if (brokenAt !== undefined && brokenAt < events.length) seen.early++;
    else if (end.type === 'invalid') seen.late++;
    else seen.whole++;
  });
  expect(Math.min(seen.early, seen.late, seen.whole), drawn).toBeGreaterThan(rounds / 25);
});

const events = (...steps: readonly string[]): Event[] =>
  steps.map((step, time) => {
    const [process, type, f, value] = step.split(' ');
    return { time, process: Number(process), type, f, key: 'x', value: JSON.parse(value ?? 'null') } as Event;
  });

it('a value that nobody sent is told at once; not while a send is under way that may say later what it sent', () => {
  const steps = ['0 invoke send 1', '0 ok send [0,1]', '1 invoke poll', '1 ok poll [[0,1],[1,9]]'];
  expect(follow(log, events(...steps)).brokenAt).toBe(4);
  const [first, ...rest] = steps;
  const meanwhile = events(first, ...rest.slice(0, 2), '2 invoke send 7', rest[2], '2 ok send "none"');
  expect(follow(log, meanwhile)).toMatchObject({ brokenAt: undefined, end: { type: 'unknown' } });
});

it('a value that nobody polled yet is not lost yet', () => {
  const sends = ['0 invoke send 1', '0 ok send [0,1]', '0 invoke send 2', '0 ok send [1,2]'];
  const polls = ['1 invoke poll', '1 ok poll [[1,2]]', '2 invoke poll', '2 ok poll [[0,1]]'];
  expect(follow(log, events(...sends, ...polls))).toMatchObject({ brokenAt: undefined, end: { type: 'valid' } });
  expect(follow(log, events(...sends, ...polls.slice(0, 2)))).toMatchObject({
    brokenAt: undefined,
    end: { type: 'invalid' },
  });
});
