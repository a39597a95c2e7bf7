import { describe, expect, test } from 'vitest';
import { covers, infoOf } from './places.ts';

const info = (fields: Readonly<Record<string, string | number>>) =>
  infoOf(
    ['# Replication', ...Object.entries(fields).map(([name, value]) => `${name}:${value}`)].join('\r\n').concat('\r\n'),
  );

const replica = {
  role: 'slave',
  master_replid: 'b',
  master_replid2: 'a',
  second_repl_offset: 101,
  master_repl_offset: 180,
  slave_repl_offset: 150,
};

describe('a place in a replication stream', () => {
  test('is told by a master and by a replica each in its own field', () => {
    expect(info(replica)).toMatchObject({ isMaster: false, id: 'b', offset: 150 });
    expect(info({ ...replica, role: 'master' })).toMatchObject({ isMaster: true, id: 'b', offset: 180 });
  });

  test('is covered by its own stream from there on', () => {
    expect(covers(info(replica), { id: 'b', offset: 150 })).toBe('yes');
    expect(covers(info(replica), { id: 'b', offset: 151 })).toBe('not yet');
  });

  test('of the stream before counts up to where that one ended', () => {
    expect(covers(info(replica), { id: 'a', offset: 100 })).toBe('yes');
    expect(covers(info(replica), { id: 'a', offset: 101 })).toBe('undone');
    expect(covers(info({ ...replica, slave_repl_offset: 90 }), { id: 'a', offset: 95 })).toBe('not yet');
  });

  test('of a stream that is not known here tells nothing', () => {
    expect(covers(info(replica), { id: 'c', offset: 1 })).toBe('unknown');
  });
});
