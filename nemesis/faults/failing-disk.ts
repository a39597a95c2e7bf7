import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** After a sync that failed, nobody knows what is on the disk: a sound store ends, and reads its log anew. */
export default {
  name: 'failing-disk',
  about:
    "has reads, writes and syncs of one node's disk fail, all or some of them; heals by starting it where it has ended",
  levers: ['failDisk'],
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.failDisk === undefined) return undefined;
    const victim = (random.chance(0.5) ? cluster.leader() : cluster.mostLagging()) ?? anyNode(cluster, random);
    const share = random.chance(0.5) ? 1 : random.between(1, 20) / 100;
    return injected([victim], await levers.failDisk(victim, { reads: share, writes: share }));
  },
} satisfies Fault;
