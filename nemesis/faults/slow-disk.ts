import { MILLISECOND } from '../../history/clock.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'slow-disk',
  about: 'adds 20 to 300 ms to every disk sync of a node: the leader, or the follower that lags most',
  levers: ['slowDisk'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.slowDisk === undefined) return undefined;
    const victim = (random.chance(0.5) ? cluster.leader() : cluster.mostLagging()) ?? random.pick(nodes);
    return injected([victim], await levers.slowDisk(victim, random.between(20, 300) * MILLISECOND));
  },
} satisfies Fault;
