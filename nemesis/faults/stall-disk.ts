import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** The process runs and answers its peers, and nothing that it writes gets anywhere. */
export default {
  name: 'stall-disk',
  about: 'has the disk of the leader, or of a follower, hold every write and sync; heals by letting them go on',
  levers: ['stallDisk'],
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.stallDisk === undefined) return undefined;
    const victim = (random.chance(0.6) ? cluster.leader() : cluster.mostLagging()) ?? anyNode(cluster, random);
    return injected([victim], await levers.stallDisk(victim));
  },
} satisfies Fault;
