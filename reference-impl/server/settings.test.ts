import { afterAll, expect, test } from 'vitest';
import { TestCluster, until } from './testing.ts';

let cluster: TestCluster | undefined;
afterAll(() => cluster?.close());

test('a node with another election timeout is no part of the cluster, and the logs of both say why', async () => {
  cluster = await TestCluster.make();
  const [n1, n2, n3] = cluster.nodes;
  n1.start('--election-ms', '3000');
  n2.start();
  n3.start();
  const leader = await cluster.leader();
  expect(leader).not.toBe(n1);
  const other = leader === n2 ? n3 : n2;
  const theirs = (id: string): string => `${id} has election-ms 300 and n1 has 3000: it must be the same on all nodes`;
  const ours = (id: string): string => `n1 has election-ms 3000 and ${id} has 300: it must be the same on all nodes`;
  for (const node of [leader, other]) {
    const { id, address } = node;
    await until('n1 to refuse', () => n1.log.includes(`is not let in: ${theirs(id)}`));
    await until('n1 to be refused', () => n1.log.includes(`${id} is not reached at ${address}: ${ours(id)}`));
    await until('the other to refuse', () => node.log.includes(`is not let in: ${ours(id)}`));
    await until('the other to be refused', () =>
      node.log.includes(`n1 is not reached at ${n1.address}: ${theirs(id)}`),
    );
  }
  const { groups } = await n1.status();
  expect(groups[0].leader).toBeUndefined();
});
