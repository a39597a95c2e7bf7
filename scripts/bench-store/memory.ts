/**
 * What a node of 1,000,000 keys of 100 bytes holds in memory, as leader, as follower, and after a restart; and how long it
 * takes to start again. Three real processes on loopback.
 *
 *     node dist/scripts/bench-store/memory.js [--keys 1000000] [--bytes 100]
 */
import { count } from '../../harness/table.ts';
import { argumentsOf } from '../arguments.ts';
import { Cluster, reference } from './clusters.ts';

const { keys = 1_000_000, bytes = 100 } = argumentsOf({ keys: 'count', bytes: 'count' });

const cluster = await Cluster.up(reference);
try {
  say('empty');
  const { seconds } = await cluster.order({ op: 'fill', clients: 8, seconds: 0, keys, bytes });
  console.log(`${count(keys)} keys of ${bytes} bytes written in ${seconds.toFixed(0)} s`);
  say('filled');
  const follower = (cluster.leader + 1) % 3;
  const took = await cluster.restart(follower);
  console.log(`a follower, restarted: answers after ${took.toFixed(1)} s; ${megabytes(follower)}`);
} finally {
  await cluster.down();
}

function say(when: string): void {
  const others = [1, 2].map((i) => megabytes((cluster.leader + i) % 3));
  console.log(`${when}: leader ${megabytes(cluster.leader)}; followers ${others.join(', ')}`);
}

function megabytes(node: number): string {
  const { now, most } = cluster.memory(node);
  return `${(now / 1e6).toFixed(0)} MB resident (${(most / 1e6).toFixed(0)} MB at most)`;
}
