import { expect, it } from 'vitest';
import { Cluster, timings } from './testdata/cluster.ts';
import { elected, quiesce } from './testdata/rest.ts';
import type { Acknowledgement } from './types.ts';

/** Whether n1, which leads alone and has the write on its own disk, answers it. */
function isAnswered(ofCluster: Acknowledgement | undefined, ofRequest: Acknowledgement | undefined): boolean {
  const config = ofCluster === undefined ? timings : { ...timings, acknowledgement: ofCluster };
  const cluster = new Cluster(['n1', 'n2', 'n3'], config);
  cluster.startAll();
  cluster.nowMs = 400;
  cluster.fire('n1', 'election');
  for (let i = 0; i < 100 && cluster.replica('n1').status().commit.index === 0; i++) {
    const [letter] = cluster.letters;
    if (letter !== undefined) cluster.deliver(letter);
    else for (const { id, unsynced } of cluster.machines.values()) if (unsynced.length > 0) cluster.sync(id);
  }
  const ack = ofRequest === undefined ? undefined : { ack: ofRequest };
  const write = cluster.request('n1', { type: 'write', key: 'x', value: 1, ...ack });
  while (cluster.machine('n1').unsynced.length > 0) cluster.sync('n1');
  return cluster.answers.has(write);
}

it('is the cluster’s own unless the request says otherwise', () => {
  expect(isAnswered(undefined, undefined)).toBe(false);
  expect(isAnswered('leader-ack', undefined)).toBe(true);
  expect(isAnswered('leader-ack', 'quorum-ack')).toBe(false);
  expect(isAnswered('quorum-ack', 'leader-ack')).toBe(true);
});

it.each(['all-ack', 'all-applied'] as const)(
  'of %s does not wait behind a write that waits for a removed node',
  (ack) => {
    const cluster = elected();
    const gone = ({ from, to }: { readonly from: string; readonly to: string }): boolean =>
      from === 'n3' || to === 'n3';
    const before = cluster.request('n1', { type: 'write', ack, key: 'x', value: 1 });
    quiesce(cluster, gone);
    expect(cluster.replica('n1').status().waitingFor).toEqual(['n3']);
    cluster.request('n1', { type: 'change-members', change: { remove: 'n3' } });
    quiesce(cluster, gone);
    const after = cluster.request('n1', { type: 'write', ack, key: 'x', value: 2 });
    quiesce(cluster, gone);
    expect(cluster.answers.get(after)).toMatchObject({ type: 'written' });
    expect(cluster.answers.has(before)).toBe(false);
    cluster.nowMs += timings.requestTimeoutMs;
    cluster.fire('n1', 'requests');
    expect(cluster.answers.get(before)).toEqual({ type: 'unknown', code: 'TIMEOUT', waitingFor: ['n3'] });
  },
);
