import { expect, it } from 'vitest';
import { Cluster, timings } from './testdata/cluster.ts';
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
