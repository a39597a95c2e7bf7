import { MILLISECOND } from '../../history/clock.ts';
import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'clock-shift',
  about: "makes a node's clock leap by up to 5 s and run up to 30 % fast or slow",
  levers: ['clock'],
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.clock === undefined) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.3) ? leading : anyNode(cluster, random);
    const offsetNs = random.between(50, 5_000) * MILLISECOND * (random.chance(0.5) ? 1 : -1);
    const driftPpm = random.between(1_000, 300_000) * (random.chance(0.5) ? 1 : -1);
    return injected([victim], await levers.clock(victim, { offsetNs, driftPpm }));
  },
} satisfies Fault;
