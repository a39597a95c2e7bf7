import { expect, it } from 'vitest';
import { Cluster } from './testdata/cluster.ts';
import type { Letter } from './testdata/cluster.ts';

/** Delivers and syncs until nothing moves. */
function quiesce(cluster: Cluster, cut: (letter: Letter) => boolean = () => false): void {
  for (let i = 0; i < 10_000; i++) {
    const letter = cluster.letters[0];
    if (letter !== undefined) {
      if (cluster.isUp(letter.to) && !cut(letter)) cluster.deliver(letter);
      else cluster.drop(letter);
      continue;
    }
    const dirty = [...cluster.machines.values()].find((machine) => machine.unsynced.length > 0);
    if (dirty === undefined) return;
    cluster.sync(dirty.id);
  }
  throw new Error('does not come to rest');
}

function elected(): Cluster {
  const cluster = new Cluster(['n1', 'n2', 'n3']);
  cluster.startAll();
  cluster.nowMs = 400;
  cluster.fire('n1', 'election');
  quiesce(cluster);
  return cluster;
}

it('elects, commits a quorum-ack write, and reads it at the leader', () => {
  const cluster = elected();
  expect(cluster.replica('n1').status()).toMatchObject({ role: 'leader', term: 1, commit: { term: 1, index: 1 } });
  const write = cluster.request('n1', { type: 'write', ack: 'quorum-ack', key: 'x', value: 7 });
  expect(cluster.answers.has(write)).toBe(false);
  quiesce(cluster);
  expect(cluster.answers.get(write)).toEqual({ type: 'written', version: { term: 1, index: 2 }, role: 'leader' });
  const read = cluster.request('n1', { type: 'read', path: 'leader', keys: ['x', 'y'], waitMs: 0 });
  expect(cluster.answers.has(read)).toBe(false);
  quiesce(cluster);
  expect(cluster.answers.get(read)).toEqual({
    type: 'read',
    values: [7, null],
    versions: [{ term: 1, index: 2 }, undefined],
    position: { term: 1, index: 2 },
    role: 'leader',
  });
  for (const id of ['n2', 'n3']) {
    const follower = cluster.request(id, { type: 'read', path: 'follower', keys: ['x'], waitMs: 0 });
    expect(cluster.answers.get(follower)).toMatchObject({ values: [7], role: 'follower' });
    const refused = cluster.request(id, { type: 'write', ack: 'quorum-ack', key: 'x', value: 8 });
    expect(cluster.answers.get(refused)).toEqual({ type: 'refused', code: 'NOT_LEADER', leader: 'n1' });
  }
});
