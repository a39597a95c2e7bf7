/**
 * Where versions and positions tell of one log that nobody ever changed, guarantees about states are decided without looking at what each
 * state owes (claims.ts, `settled`). One more write, to a key of its own and without a version, brings back the usual way: the
 * verdicts have to be the same.
 */
import { expect, test } from 'vitest';
import type { Random } from '../../history/random.ts';
import { h } from '../../history/testing.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { type Checker, defaultSemantics } from '../checker.ts';
import consistentPrefix from '../guarantees/consistent-prefix.ts';
import monotonicWrites from '../guarantees/monotonic-writes.ts';
import writesFollowReads from '../guarantees/writes-follow-reads.ts';
import { Registers } from './registers.ts';
import { judge } from './testing.ts';

const UNSETTLING = 'p99: w other 1';

const isSettled = (lines: readonly string[]): boolean => new Registers(h(...lines), defaultSemantics).settled;

/** One log, two nodes that follow it, writes that overlap one another; at times an answer that is of another state than it says. */
function linesOf(random: Random): string[] {
  const lines: string[] = [];
  const log: { readonly key: string; readonly value: number }[] = [];
  /** By process: the value that it is writing, or its place in the log, which it does not know yet. */
  const open = new Map<number, { readonly key: string; readonly value: number; at: number }>();
  const applied = [0, 0];
  // Answers of a shorter or longer log are often right by chance: enough of them are needed for what is not settled.
  const wrong = random.pick([0, 0.4, 1, 1]);
  let value = 0;
  for (let step = random.between(8, 24); step > 0; step--) {
    const process = random.below(4);
    const pending = open.get(process);
    const key = random.pick(['x', 'y', 'z']);
    if (pending !== undefined) {
      if (pending.at === 0) pending.at = log.push(pending);
      else {
        open.delete(process);
        lines.push(`p${process} ok version=g0/1/${pending.at}`);
      }
    } else if (random.chance(0.5)) {
      lines.push(`p${process} w ${key} ${++value} session=s${process}`);
      open.set(process, { key, value, at: 0 });
    } else {
      const node = random.below(2);
      applied[node] += random.below(log.length - applied[node] + 1);
      const shown = random.chance(wrong) ? random.below(log.length + 1) : applied[node];
      const at = log.findLastIndex((entry, i) => i < shown && entry.key === key) + 1;
      const version = at === 0 ? '' : ` version=g0/1/${at}`;
      const position = applied[node] === 0 ? '' : ` position=g0/1/${applied[node]}`;
      lines.push(
        `p${process}: r ${key} ${at === 0 ? 'null' : log[at - 1].value} session=s${process} node=n${node}${version}${position}`,
      );
    }
  }
  for (const [process, { at }] of open) if (at > 0) lines.push(`p${process} ok version=g0/1/${at}`);
  return lines;
}

const checkers: readonly Checker[] = [monotonicWrites, writesFollowReads, consistentPrefix];

test.each(checkers)('$name is the same where nothing is settled', (checker) => {
  let settled = 0;
  let unsettled = 0;
  const attempt = (random: Random, label: string): void => {
    const lines = linesOf(random);
    if (isSettled(lines)) settled++;
    else unsettled++;
    const usual = [...lines, UNSETTLING];
    expect(isSettled(usual), label).toBe(false);
    expect(judge(checker, lines).type, label).toBe(judge(checker, usual).type);
  };
  // A fifth of the usual number: each round is judged twice, and an invalid one explained twice.
  eachRound(`settled/${checker.name}`, attempt, rounds / 5);
  expect(settled, drawn).toBeGreaterThan(unsettled / 10);
  expect(unsettled, drawn).toBeGreaterThan(settled / 10);
});

const log = ['p0: w x 1 session=s version=g0/1/1', 'p0: w y 2 session=s version=g0/1/2'];
const states = ['p1: r y 2 node=n1 version=g0/1/2 position=g0/1/2', 'p1: r x 1 node=n1 position=g0/1/2'];

test('a log that nobody changed is settled', () => {
  expect(isSettled([...log, ...states])).toBe(true);
  expect(judge(monotonicWrites, [...log, ...states])).toMatchObject({
    type: 'valid',
    examined: { operations: 4, reads: 1, writes: 2, states: 1, pairs: 1, ambiguous: 0 },
  });
  expect(judge(consistentPrefix, [...log, ...states])).toMatchObject({
    type: 'valid',
    examined: { operations: 4, reads: 2, writes: 2, states: 1, pairs: 2, ambiguous: 0 },
  });
});

test.each([
  ['a state that misses a write', [...log, ...states, 'p1: r x null node=n1 position=g0/1/2']],
  ['a second term', [...log, ...states, 'p1: w z 1 version=g0/2/3']],
  ['versions against time', ['p0: w x 1 version=g0/1/2', 'p0: w y 2 version=g0/1/1']],
  ['what was written twice', [...log, ...states, 'p2 w x 7', 'p3 w x 7', 'p1: r x 7 node=n1']],
  ['a read of what was asked for only later', ['p1: r x 1 node=n1 position=g0/1/1', ...log, ...states]],
])('%s: nothing is settled', (_, lines) => {
  expect(isSettled(lines)).toBe(false);
});
