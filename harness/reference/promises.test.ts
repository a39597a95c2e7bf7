import { describe, expect, test } from 'vitest';
import { type Guarantee, guaranteeNames } from '../../history/guarantee.ts';
import { readPaths, writePaths } from './paths.ts';
import { promises, promisesOfWrites, suspends } from './promises.ts';

const reads = readPaths.map(({ name }) => name);
const writes = writePaths.map(({ name }) => name);
const pairs = writes.flatMap((write) => reads.map((read) => [write, read] as const));

function promisedBy(guarantee: Guarantee, write: string): string[] {
  return reads.filter((read) => promises(write, read).includes(guarantee));
}

describe('the promises of the reference store', () => {
  test('of reading one’s own writes are made by every strategy for it, for writes that no failover undoes', () => {
    const fromLeader = ['leader', 'leader-lease', 'follower-linearizable'];
    const strategies = fromLeader.concat('follower+token', 'own-leader', 'leader-window', 'shared-token', 'region');
    expect(promisedBy('read-your-writes', 'leader-ack')).toEqual([]);
    for (const write of ['quorum-ack', 'all-ack']) expect(promisedBy('read-your-writes', write)).toEqual(strategies);
    expect(promisedBy('read-your-writes', 'all-applied')).toEqual(reads.filter((read) => read !== 'local'));
  });

  test('of linearizable reads are made by those who ask whether they still lead, or hold a lease', () => {
    expect(promisedBy('linearizable', 'leader-ack')).toEqual([]);
    expect(promisedBy('linearizable', 'quorum-ack')).toEqual(['leader', 'leader-lease', 'follower-linearizable']);
  });

  test('include nothing of what may be undone, and nothing that wall clocks would have to keep', () => {
    for (const write of writes) expect(promises(write, 'local')).toEqual([]);
    expect(promises('quorum-ack', 'follower+timestamp')).toEqual(promises('quorum-ack', 'follower'));
    expect(promisesOfWrites('leader-ack')).toEqual([]);
  });

  test('of a bound are made where the path states one, and the write is committed when it is acknowledged', () => {
    expect(promisedBy('bounded-staleness', 'leader-ack')).toEqual([]);
    expect(promisedBy('bounded-staleness', 'quorum-ack')).toEqual(['bounded-500ms', 'bounded-2000ms']);
  });

  test('of one order of writes are made by every path that shows committed states, for writes that no failover undoes', () => {
    const committed = reads.filter((read) => read !== 'local');
    expect(promisedBy('consistent-prefix', 'leader-ack')).toEqual([]);
    for (const write of ['quorum-ack', 'all-ack', 'all-applied'])
      expect(promisedBy('consistent-prefix', write)).toEqual(committed);
    expect(
      suspends('clock-drift', { writePath: 'quorum-ack', readPath: 'leader-lease', guarantee: 'consistent-prefix' }),
    ).toBe(false);
  });

  test('grow, and never shrink, with what the acknowledgement waits for', () => {
    for (const read of reads) {
      for (const [less, more] of [
        ['leader-ack', 'quorum-ack'],
        ['quorum-ack', 'all-ack'],
        ['all-ack', 'all-applied'],
      ] as const) {
        expect(promises(more, read)).toEqual(expect.arrayContaining([...promises(less, read)]));
      }
    }
  });
});

describe('a fault beyond what is assumed', () => {
  const suspended = (fault: string): string[] =>
    pairs.flatMap(([writePath, readPath]) =>
      promises(writePath, readPath)
        .filter((guarantee) => suspends(fault, { writePath, readPath, guarantee }))
        .map((guarantee) => `${writePath} ${readPath} ${guarantee}`),
    );

  test('of the clocks suspends what rests on leases and freshness, and nothing else', () => {
    const paths = new Set(suspended('clock-drift').map((line) => line.split(' ')[1]));
    expect([...paths].sort()).toEqual(['bounded-2000ms', 'bounded-500ms', 'leader-lease', 'leader-window']);
    for (const guarantee of guaranteeNames)
      expect(suspends('clock-drift', { writePath: 'quorum-ack', guarantee })).toBe(false);
    expect(suspended('clock-drift')).not.toContain('quorum-ack leader-lease writes-follow-reads');
  });

  test('of a promotion by force suspends all that may be lost with committed entries', () => {
    expect(suspended('promote-by-force').length).toBe(pairs.flatMap(([w, r]) => promises(w, r)).length);
    const of = (guarantee: Guarantee): boolean => suspends('promote-by-force', { writePath: 'quorum-ack', guarantee });
    expect([of('durable'), of('fenced'), of('convergent'), of('one-leader-per-term')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('of a change of members suspends what a removed node does not know that it owes', () => {
    const rest = suspended('change-members').map((line) => line.replace(/^all-applied (.*) read-your-writes$/, '$1'));
    expect(rest).toEqual(['follower', 'bounded-500ms', 'bounded-2000ms', 'monotonic', 'follower+timestamp']);
    for (const fault of ['undo-change', 'rival-changes']) expect(suspended(fault)).toEqual(suspended('change-members'));
  });

  test('is none of the common ones', () => {
    for (const fault of ['isolate-leader', 'restart-all', 'clock-shift', 'switchover'])
      expect(suspended(fault)).toEqual([]);
  });
});
