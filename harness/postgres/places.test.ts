import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../history/operation.ts';
import { atRest, choose } from './decide.ts';
import { canFollow, compare, covers, descentOf, lsn, type Self, selfOf } from './places.ts';

/** n2 was promoted where timeline 1 was at 0/3000060, and n3 where 2 was at 0/5000000. */
const history = '1\t0/3000060\tno recovery target specified\n\n# by hand\n2\t0/5000000\tno recovery target specified\n';

function server(timeline: number, at: string, rest: Partial<Self> = {}): Self {
  const descent = descentOf(
    history
      .split('\n')
      .slice(0, timeline > 2 ? 4 : timeline - 1)
      .join('\n'),
  );
  return { recovering: true, timeline, at: lsn(at), received: lsn(at), from: undefined, descent, ...rest };
}

describe('a place in the log', () => {
  test('is two hexadecimal halves of one number', () => {
    expect(lsn('0/0')).toBe(0);
    expect(lsn('0/16B3748')).toBe(0x16b3748);
    expect(lsn('16/B374D848')).toBe(0x16 * 2 ** 32 + 0xb374d848);
    // As numbers, not as texts.
    expect(lsn('9/FFFFFFFF')).toBeLessThan(lsn('A/0'));
    expect(lsn('F/0')).toBeLessThan(lsn('10/0'));
  });

  test('of a later timeline is further, however short that is', () => {
    expect(compare({ timeline: 2, at: 5 }, { timeline: 1, at: 9 })).toBeGreaterThan(0);
    expect(compare({ timeline: 2, at: 5 }, { timeline: 2, at: 9 })).toBeLessThan(0);
    expect(compare({ timeline: 2, at: 5 }, { timeline: 2, at: 5 })).toBe(0);
  });

  test('and its timelines are read from a history file', () => {
    expect([...descentOf(history)]).toEqual([
      [1, lsn('0/3000060')],
      [2, lsn('0/5000000')],
    ]);
    expect(descentOf('')).toEqual(new Map());
  });

  test('is told by a server in one row', () => {
    const row = {
      recovering: true,
      timeline: 2,
      at: '0/4000000',
      received: '0/4000100',
      sender: '198.18.0.2',
      descent: '1\t0/3000060\tno recovery target specified\n',
    };
    expect(selfOf(row)).toEqual({
      recovering: true,
      timeline: 2,
      at: lsn('0/4000000'),
      received: lsn('0/4000100'),
      from: '198.18.0.2',
      descent: new Map([[1, lsn('0/3000060')]]),
    });
    expect(selfOf({ ...row, descent: null }).descent.size).toBe(0);
  });
});

describe('a token', () => {
  test('of the same timeline is covered from there on', () => {
    expect(covers(server(1, '0/3000000'), { timeline: 1, at: lsn('0/3000000') })).toBe('yes');
    expect(covers(server(1, '0/2FFFFFF'), { timeline: 1, at: lsn('0/3000000') })).toBe('not yet');
  });

  test('of an earlier timeline counts up to where that one ended', () => {
    expect(covers(server(3, '0/6000000'), { timeline: 1, at: lsn('0/3000060') })).toBe('yes');
    expect(covers(server(3, '0/6000000'), { timeline: 1, at: lsn('0/3000061') })).toBe('undone');
    expect(covers(server(3, '0/2000000'), { timeline: 1, at: lsn('0/3000060') })).toBe('not yet');
  });

  test('of a timeline that is no ancestor is undone, and of a later one not known', () => {
    const strange = server(3, '0/6000000', { descent: new Map([[1, lsn('0/3000060')]]) });
    expect(covers(strange, { timeline: 2, at: 1 })).toBe('undone');
    expect(covers(server(1, '0/6000000'), { timeline: 2, at: 1 })).toBe('unknown');
  });
});

describe('a standby', () => {
  test('follows a primary unless it has more than that one had when they parted', () => {
    const primary = server(2, '0/4000000', { recovering: false });
    expect(canFollow(server(1, '0/3000060'), primary)).toBe(true);
    expect(canFollow(server(1, '0/3000068'), primary)).toBe(false);
    // Not replayed yet, and in its log.
    expect(canFollow(server(1, '0/3000000', { received: lsn('0/3000068') }), primary)).toBe(false);
    expect(canFollow(server(2, '0/4000000'), primary)).toBe(true);
    expect(canFollow(server(3, '0/4000000'), primary)).toBe(false);
  });
});

describe('the operator', () => {
  const nodes = ['n1', 'n2', 'n3'];
  const seen = (selves: Readonly<Record<NodeId, Self>>) => new Map(Object.entries(selves));

  test('promotes whoever has received most, on the latest timeline', () => {
    const cluster = { nodes, quorum: 1, timeline: 1 };
    const [n2, n3] = [server(1, '0/3000000'), server(1, '0/2000000', { received: lsn('0/3000001') })];
    expect(choose(cluster, seen({ n2, n3 }))).toEqual({ type: 'promote', node: 'n3' });
    const later = server(2, '0/3000060');
    expect(choose({ ...cluster, timeline: 2 }, seen({ n2: later, n3: server(1, '0/9000000') }))).toEqual({
      type: 'promote',
      node: 'n2',
    });
  });

  test('promotes nobody while one that may have more does not answer', () => {
    const n2 = server(1, '0/3000000');
    // Who led last, and is back on its timeline, needs nobody else; not where another was promoted since.
    expect(choose({ nodes, quorum: 1, timeline: 1, primary: 'n2' }, seen({ n2 }))).toEqual({
      type: 'promote',
      node: 'n2',
    });
    expect(choose({ nodes, quorum: 1, timeline: 2, primary: 'n2' }, seen({ n2 }))).toMatchObject({ type: 'wait' });
    expect(choose({ nodes, quorum: 1, timeline: 1, primary: 'n2' }, seen({ n2 }), 'n2')).toMatchObject({
      type: 'wait',
    });
    expect(choose({ nodes, quorum: 1, timeline: 1 }, seen({ n2 }))).toMatchObject({ type: 'wait' });
    // All standbys had it.
    expect(choose({ nodes, quorum: 2, timeline: 1 }, seen({ n2 }))).toEqual({ type: 'promote', node: 'n2' });
    const five = ['n1', 'n2', 'n3', 'n4', 'n5'];
    expect(choose({ nodes: five, quorum: 2, timeline: 1 }, seen({ n2, n3: n2 }))).toMatchObject({ type: 'wait' });
    expect(choose({ nodes: five, quorum: 2, timeline: 1 }, seen({ n2, n3: n2, n4: n2 })).type).toBe('promote');
  });

  test('counts the old primary where that came back as a standby, and can leave it out', () => {
    const cluster = { nodes, quorum: 1, timeline: 1 };
    const selves = seen({ n1: server(1, '0/4000000'), n2: server(1, '0/3000000') });
    expect(choose(cluster, selves)).toEqual({ type: 'promote', node: 'n1' });
    expect(choose(cluster, selves, 'n1')).toMatchObject({ type: 'wait' });
    expect(choose(cluster, new Map([...selves, ['n3', server(1, '0/1000000')]]), 'n1')).toEqual({
      type: 'promote',
      node: 'n2',
    });
  });

  test('begins no timeline beside one that none who answers has heard of', () => {
    const selves = seen({ n1: server(1, '0/9000000'), n3: server(1, '0/3000000') });
    expect(choose({ nodes, quorum: 1, timeline: 2 }, selves)).toMatchObject({ type: 'wait' });
  });

  test('waits until nothing more comes', () => {
    const before = seen({ n2: server(1, '0/3000000'), n3: server(1, '0/2000000') });
    expect(atRest(before, before)).toBe(true);
    expect(atRest(before, new Map([...before, ['n3', server(1, '0/2000001')]]))).toBe(false);
    expect(atRest(before, seen({ n2: server(1, '0/3000000') }))).toBe(false);
  });
});
