import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** A neighbour that takes the machine: everything is done, and late. */
export default {
  name: 'starve-cpu',
  about: 'leaves a node, often the leader, 10 to 30 % of a processor',
  levers: ['squeeze'],
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.squeeze === undefined) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.6) ? leading : anyNode(cluster, random);
    return injected([victim], await levers.squeeze(victim, { cpus: random.between(10, 30) / 100 }));
  },
} satisfies Fault;
