import { expect, it } from 'vitest';
import { type Cluster, timings } from './testdata/cluster.ts';
import type { Letter } from './testdata/cluster.ts';
import { elected, quiesce } from './testdata/rest.ts';
import { EPOCH, epochOf } from './types.ts';
import type { Membership, NodeId, Position, Response } from './types.ts';

function promote(cluster: Cluster, id: NodeId, voters: readonly NodeId[], learners: readonly NodeId[] = []): number {
  return cluster.request(id, { type: 'promote-by-force', members: { voters, learners } });
}

it('refuses a membership without the node itself, or with a name twice', () => {
  const cluster = elected();
  const bad: readonly Membership[] = [
    { voters: [], learners: [] },
    { voters: ['n1'], learners: ['n3'] },
    { voters: ['n1', 'n3', 'n3'], learners: [] },
    { voters: ['n1', 'n3'], learners: ['n1'] },
  ];
  for (const { voters, learners } of bad) {
    const request = promote(cluster, 'n3', voters, learners);
    expect(cluster.answers.get(request)).toEqual({ type: 'refused', code: 'BAD_REQUEST' });
  }
  expect(cluster.replica('n3').status()).toMatchObject({ role: 'follower', term: 1 });
});

it('gives each node epochs of its own, whoever is promoted when', () => {
  const ids = Array.from({ length: 40 }, (_, i) => `node-${i}`);
  const cluster = elected(['n1', ...ids]);
  const terms = new Set<number>();
  for (let round = 0; round < 3; round++) {
    for (const id of ids) {
      const before = cluster.replica(id).status().term;
      promote(cluster, id, [id]);
      const { term } = cluster.replica(id).status();
      expect(epochOf(term)).toBeGreaterThan(epochOf(before));
      expect(term % EPOCH).toBe(0);
      expect(Number.isSafeInteger(term)).toBe(true);
      terms.add(term);
      quiesce(cluster, () => true);
    }
  }
  expect(terms.size).toBe(3 * ids.length);
});

it('says how much is lost for certain: what it has heard to be committed and does not have', () => {
  const cluster = elected();
  for (let i = 0; i < 10; i++) cluster.request('n1', { type: 'write', ack: 'quorum-ack', key: 'x', value: i });
  // n3 gets no entries, and hears how far the others have come.
  const entriesToN3 = ({ to, message }: Letter): boolean =>
    to === 'n3' && (message.type !== 'append' || message.entries.length > 0);
  quiesce(cluster, entriesToN3);
  cluster.fire('n1', 'heartbeat');
  quiesce(cluster, entriesToN3);
  const request = promote(cluster, 'n3', ['n3']);
  quiesce(cluster, () => true);
  expect(cluster.answers.get(request)).toMatchObject({
    type: 'done',
    loss: { last: { term: 1, index: 1 }, commitHeard: 11 },
  });
});

it('leads nobody before its epoch is on its disk, and can be promoted again if it crashes before', () => {
  const cluster = elected();
  const lost = promote(cluster, 'n3', ['n1', 'n2', 'n3']);
  expect(cluster.letters).toEqual([]);
  cluster.crash('n3');
  cluster.start('n3');
  expect(cluster.replica('n3').status()).toMatchObject({ term: 1, last: { term: 1, index: 1 } });
  expect(cluster.answers.has(lost)).toBe(false);
  const request = promote(cluster, 'n3', ['n1', 'n2', 'n3']);
  quiesce(cluster);
  expect(cluster.answers.get(request)?.type).toBe<Response['type']>('done');
  for (const id of ['n1', 'n2']) {
    expect(cluster.replica(id).status()).toMatchObject({
      leader: 'n3',
      notServing: undefined,
      members: { voters: ['n1', 'n2', 'n3'] },
    });
  }
});

it('rebuilds the others though it crashed right after its epoch had come to its disk', () => {
  const cluster = elected();
  cluster.request('n1', { type: 'write', ack: 'quorum-ack', key: 'x', value: 1 });
  quiesce(cluster);
  promote(cluster, 'n3', ['n1', 'n2', 'n3']);
  cluster.crash('n3', 1);
  cluster.start('n3');
  cluster.nowMs += 2 * timings.electionMaxMs;
  cluster.fire('n3', 'election');
  quiesce(cluster);
  const { term, role } = cluster.replica('n3').status();
  expect([role, term % EPOCH]).toEqual(['leader', 1]);
  for (const id of ['n1', 'n2'])
    expect(cluster.replica(id).status()).toMatchObject({ leader: 'n3', commit: { term, index: 4 } });
});

it('overrules, when two nodes were promoted by mistake, the one of the lower epoch', () => {
  const cluster = elected();
  const requests = [promote(cluster, 'n1', ['n1', 'n2']), promote(cluster, 'n3', ['n1', 'n2', 'n3'])];
  quiesce(cluster, () => true);
  const terms = ['n1', 'n3'].map((id) => cluster.replica(id).status().term);
  for (const request of requests) expect(cluster.answers.get(request)).toMatchObject({ type: 'done' });
  for (const id of ['n1', 'n3']) cluster.fire(id, 'heartbeat');
  quiesce(cluster);
  for (const id of ['n1', 'n3']) if (cluster.machine(id).timers.has('heartbeat')) cluster.fire(id, 'heartbeat');
  quiesce(cluster);
  const winner = terms[0] > terms[1] ? 'n1' : 'n3';
  expect(cluster.replica('n2').status()).toMatchObject({ leader: winner, term: Math.max(...terms) });
});

it('calls no token undone from a history that was given up, and one of that history undone in the new one', () => {
  const cluster = elected();
  for (const x of [1, 2, 3]) cluster.request('n1', { type: 'write', ack: 'quorum-ack', key: 'x', value: x });
  const ofN3 = ({ from, to }: Letter): boolean => from === 'n3' || to === 'n3';
  quiesce(cluster, ofN3);
  cluster.fire('n1', 'heartbeat');
  quiesce(cluster, ofN3);
  const given = cluster.replica('n2').status().commit;
  expect(given).toEqual({ term: 1, index: 4 });
  promote(cluster, 'n3', ['n1', 'n2', 'n3']);
  quiesce(cluster, () => true);
  const { last } = cluster.replica('n3').status();
  expect(last.index).toBeLessThan(given.index);
  const ask = (id: NodeId, token: Position): number =>
    cluster.request(id, { type: 'read', path: 'follower+token', keys: ['x'], token, waitMs: 100 });
  const ofOld = { term: given.term, index: 5 };
  // n2 has not heard of the promotion: it waits, and gives up as for what has not come yet.
  const waits = ask('n2', last);
  expect(cluster.answers.has(waits)).toBe(false);
  cluster.nowMs += 100;
  cluster.fire('n2', 'requests');
  expect(cluster.answers.get(waits)).toEqual({ type: 'refused', code: 'OFFSET_NOT_AVAILABLE' });
  // The new history reaches it.
  const lives = ask('n2', last);
  quiesce(cluster);
  cluster.fire('n3', 'heartbeat');
  quiesce(cluster);
  expect(cluster.answers.get(lives)).toMatchObject({ type: 'read', values: [null] });
  for (const token of [given, ofOld]) {
    expect(cluster.answers.get(ask('n2', token))).toEqual({ type: 'refused', code: 'TOKEN_UNDONE' });
  }
  expect(cluster.answers.get(ask('n2', { term: 1, index: 1 }))).toMatchObject({ type: 'read' });
});
