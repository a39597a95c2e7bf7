/** What the operator does, from what three servers say: n1 is primary at first, n2 and n3 follow it. */
import { describe, expect, test } from 'vitest';
import { SECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import {
  decide,
  firstMemory,
  type Memory,
  noted,
  promoted,
  allowed,
  resumed,
  HUNG_NS,
  LOOKS,
  SILENT_NS,
  type Selves,
  successor,
} from './decide.ts';
import { turnsOf } from './gtid.ts';
import { answersWithRows } from './line.ts';
import { type Self, selfOf } from './sight.ts';

const nodes = ['n1', 'n2', 'n3'];
const LATE = 10 * SECOND + SILENT_NS + 1;

function self(node: NodeId, rest: Partial<Self> = {}): Self {
  return {
    open: false,
    address: `at-${node}`,
    life: '1',
    turns: turnsOf('1:n1:0'),
    at: 100,
    received: 100,
    unheard: 0,
    ...rest,
  };
}
const primary = (node: NodeId, rest: Partial<Self> = {}): Self => self(node, { open: true, ...rest });
const replica = (node: NodeId, of: NodeId, rest: Partial<Self> = {}): Self =>
  self(node, { follows: { address: `at-${of}`, hears: true }, ...rest });
const selves = (all: Readonly<Record<NodeId, Self>>): Selves => new Map(Object.entries(all));

const calm = { n1: primary('n1'), n2: replica('n2', 'n1'), n3: replica('n3', 'n1') };

/** At 10 s all was well. */
function before(): Memory {
  const first = noted(firstMemory(nodes, 0), selves(calm), 9 * SECOND);
  return noted(first, selves(calm), 10 * SECOND);
}

/** Looks as often as it takes, at this time for the last time, and decides. */
function look(memory: Memory, all: Readonly<Record<NodeId, Self>>, now: number, looks = LOOKS) {
  const seen = selves(all);
  let after = memory;
  for (let left = looks - 1; left >= 0; left--) after = noted(after, seen, now - left * 0.3 * SECOND);
  return { memory: after, deeds: decide(after, seen, now) };
}

const deaf = (node: NodeId, rest: Partial<Self> = {}): Self =>
  replica(node, 'n1', { follows: { address: 'at-n1', hears: false }, ...rest });

describe('while all is well', () => {
  test('nothing is done', () => {
    expect(look(before(), calm, LATE).deeds).toEqual([]);
  });
});

describe('a primary that is silent', () => {
  const gone = { n2: deaf('n2', { received: 120 }), n3: deaf('n3', { received: 130 }) };

  test('is given a while, and is then replaced by the one that has received most, applied or not', () => {
    expect(look(before(), gone, 11 * SECOND).deeds).toEqual([]);
    const { memory, deeds } = look(before(), gone, LATE);
    expect(deeds).toEqual([{ do: 'replace', node: 'n1', why: 'does not answer' }]);
    expect(successor(memory, selves(gone))).toBe('n3');
  });

  test('is given up only after three looks in a row, however long they took', () => {
    expect(look(before(), gone, LATE + SECOND, 2).deeds).toEqual([]);
    expect(look(before(), gone, LATE + SECOND, 3).deeds).toHaveLength(1);
    const twice = look(before(), gone, LATE, 2).memory;
    const seenAgain = noted(twice, selves(calm), LATE + SECOND);
    expect(look(seenAgain, gone, LATE + 5 * SECOND, 2).deeds).toEqual([]);
  });

  test('is waited for while nobody answers at all: that may be for whoever asks', () => {
    const deaf = look(before(), {}, LATE + 10 * SECOND, 20).memory;
    expect(look(deaf, gone, LATE + 11 * SECOND, 2).deeds).toEqual([]);
    expect(look(deaf, gone, LATE + 11 * SECOND, 3).deeds).toHaveLength(1);
    // One that is alone has nobody beside it who could.
    const alone = firstMemory(['n1'], 10 * SECOND);
    expect(look(alone, {}, 10 * SECOND + HUNG_NS + 1).deeds).toEqual([
      { do: 'restart', node: 'n1', why: 'does not answer' },
    ]);
  });

  test('is waited for where another server does not answer either: that one may have what nobody else has', () => {
    expect(look(before(), { n3: gone.n3 }, LATE).deeds).toEqual([]);
  });

  test('is waited for where a replica was started anew: its relay log is gone', () => {
    const restarted = { ...gone, n2: { ...gone.n2, life: '2' } };
    expect(look(before(), restarted, LATE).deeds).toEqual([]);
  });

  test('is started again where it hangs and nobody can take its place', () => {
    const restarted = { ...gone, n2: { ...gone.n2, life: '2' } };
    expect(look(before(), restarted, 10 * SECOND + HUNG_NS + 1).deeds).toEqual([
      { do: 'restart', node: 'n1', why: 'does not answer' },
    ]);
  });

  test('… or where it was told to go on following, which throws it away too', () => {
    expect(look(resumed(before(), 'n2'), gone, LATE).deeds).toEqual([]);
  });

  test('a replica that was started anew counts again once it has had all that the primary had', () => {
    const again = {
      ...calm,
      n1: primary('n1', { at: 140, received: 140 }),
      n2: replica('n2', 'n1', { life: '2', received: 90 }),
    };
    const behind = look(before(), again, 11 * SECOND).memory;
    expect(look(behind, { ...gone, n2: { ...gone.n2, life: '2' } }, LATE + SECOND).deeds).toEqual([]);
    const caughtUp = look(
      behind,
      { ...again, n2: replica('n2', 'n1', { life: '2', received: 140 }) },
      12 * SECOND,
    ).memory;
    expect(look(caughtUp, { ...gone, n2: { ...gone.n2, life: '2' } }, LATE + 2 * SECOND).deeds).toHaveLength(1);
  });

  test('takes writes again where it comes back before anybody took its place', () => {
    const { memory, deeds } = look(before(), { ...gone, n1: self('n1', { life: '2' }) }, LATE);
    expect(deeds).toEqual([{ do: 'reopen', node: 'n1' }]);
    // Its replicas have time to come back to it.
    const open = { ...gone, n1: primary('n1', { life: '2' }) };
    expect(look(allowed(memory, LATE), open, LATE + SECOND).deeds).toEqual([]);
  });
});

describe('a primary that answers, and that no replica hears', () => {
  const cutOff = { n1: primary('n1'), n2: deaf('n2'), n3: deaf('n3') };

  test('is replaced, and ended first by whoever does that', () => {
    expect(look(before(), cutOff, LATE).deeds).toEqual([{ do: 'replace', node: 'n1', why: 'is heard by no replica' }]);
  });

  test('only after three looks in a row', () => {
    expect(look(before(), cutOff, LATE + SECOND, 2).deeds).toEqual([]);
  });

  test('is not where one hears it', () => {
    expect(look(before(), { ...cutOff, n3: calm.n3 }, LATE).deeds).toEqual([]);
  });
});

describe('after another one took its place', () => {
  const turns = turnsOf('1:n1:0,2:n3:130');
  const next = primary('n3', { turns, at: 140, received: 140 });

  test('the others follow it; who has no more than it had by then goes on from there', () => {
    const all = { n1: self('n1', { life: '2', at: 130 }), n2: deaf('n2', { at: 125 }), n3: next };
    expect(look(before(), all, LATE).deeds).toEqual([
      { do: 'follow', node: 'n1', primary: 'n3' },
      { do: 'follow', node: 'n2', primary: 'n3' },
    ]);
  });

  test('it is waited for, and nobody else takes writes, even if it was gone before it was seen taking them', () => {
    const memory = promoted(before(), 'n3', 130, 11 * SECOND);
    const all = { n1: self('n1', { life: '2', at: 130 }), n2: deaf('n2') };
    expect(look(memory, all, LATE + SECOND).deeds).toEqual([]);
    expect(look(memory, { ...all, n3: { ...next, open: false } }, LATE + SECOND).deeds).toEqual([
      { do: 'reopen', node: 'n3' },
    ]);
  });

  test('one that has more is made anew, and so is one that has nothing, or stopped for good', () => {
    const refused = { address: 'at-n3', hears: false, broken: 'an error 1236' };
    const all = { n1: self('n1', { at: 131 }), n2: replica('n2', 'n3', { turns, follows: refused }), n3: next };
    expect(look(before(), all, LATE).deeds).toEqual([
      { do: 'copy', node: 'n1', primary: 'n3', why: 'has what n3 has not' },
      { do: 'copy', node: 'n2', primary: 'n3', why: 'an error 1236' },
    ]);
    const empty = { n1: self('n1', { at: 0 }), n2: replica('n2', 'n3', { turns }), n3: next };
    expect(look(before(), empty, LATE).deeds).toEqual([{ do: 'copy', node: 'n1', primary: 'n3', why: 'has nothing' }]);
  });

  test('one that stopped without a reason goes on', () => {
    const stopped = { address: 'at-n3', hears: false, stopped: true } as const;
    const all = { n1: replica('n1', 'n3', { turns, follows: stopped }), n2: replica('n2', 'n3', { turns }), n3: next };
    expect(look(before(), all, LATE).deeds).toEqual([{ do: 'follow', node: 'n1', primary: 'n3' }]);
  });

  test('of two that take writes the one of the higher term stays', () => {
    const all = { n1: primary('n1'), n2: replica('n2', 'n3', { turns }), n3: next };
    expect(look(before(), all, LATE).deeds).toEqual([
      { do: 'end', node: 'n1', why: 'takes writes, and n3 is primary' },
    ]);
  });
});

describe('what a server says of itself', () => {
  const said = {
    readOnly: 1,
    address: '198.19.0.3',
    life: '/tmp/mariadbd.23',
    logged: '0-1-98',
    replicated: '0-1-98',
    turns: '1:n1:0',
  };
  const slave = {
    Master_Host: '198.19.0.2',
    Slave_IO_Running: 'Yes',
    Slave_SQL_Running: 'Yes',
    Last_IO_Errno: 0,
    Last_SQL_Errno: 0,
    Gtid_IO_Pos: '0-1-105',
  };
  const after = { readOnly: 1, term: 1 };

  test('a replica: what it has received may be more than what it has applied', () => {
    expect(selfOf([[said], [slave], [], [after]])).toMatchObject({
      open: false,
      at: 98,
      received: 105,
      follows: { address: '198.19.0.2', hears: true },
    });
  });

  test('one that its primary refused will not go on; one that looks for its primary will', () => {
    const refused = { ...slave, Slave_IO_Running: 'No', Last_IO_Errno: 1236, Last_IO_Error: 'not in the binlog' };
    expect(selfOf([[said], [refused], [], [after]])?.follows).toMatchObject({
      hears: false,
      broken: 'not in the binlog',
    });
    const looking = { ...slave, Slave_IO_Running: 'Connecting', Last_IO_Errno: 2003 };
    expect(selfOf([[said], [looking], [], [after]])?.follows).toEqual({ address: '198.19.0.2', hears: false });
    const stopped = { ...slave, Slave_IO_Running: 'No' };
    expect(selfOf([[said], [stopped], [], [after]])?.follows).toMatchObject({ stopped: true });
  });

  test('a primary follows nobody; one that changed meanwhile says nothing', () => {
    expect(selfOf([[{ ...said, readOnly: 0 }], [], [{ Value: '3' }], [{ readOnly: 0, term: 1 }]])).toMatchObject({
      open: true,
      received: 98,
      unheard: 3,
    });
    expect(selfOf([[said], [slave], [], [{ readOnly: 0, term: 1 }]])).toBeUndefined();
    expect(selfOf([[said], [slave], [], [{ readOnly: 1, term: 2 }]])).toBeUndefined();
  });
});

test('rows are found in what mysql2 answers, of one statement and of several', () => {
  class ResultSetHeader {
    readonly affectedRows = 1;
  }
  const done = new ResultSetHeader();
  const row = { affectedRows: 7 };
  expect(answersWithRows([row])).toEqual([[row]]);
  expect(answersWithRows([[row], done, []])).toEqual([[row], []]);
  expect(answersWithRows([done, done])).toEqual([]);
  expect(answersWithRows(done)).toEqual([]);
  expect(answersWithRows([])).toEqual([[]]);
});
