import { MILLISECOND } from '../../history/clock.ts';
import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** Two of them on one node, on top of its own drift, stay within 1000 ppm: what leases and bounded reads may rely on. */
const DRIFT_PPM_MAX = 400;

export default {
  name: 'clock-shift',
  about: "shifts a node's wall clock by up to 5 s, and has its clocks run fast or slow within what leases allow for",
  levers: ['clock'],
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.clock === undefined) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.3) ? leading : anyNode(cluster, random);
    const offsetNs = random.between(50, 5_000) * MILLISECOND * (random.chance(0.5) ? 1 : -1);
    const driftPpm = random.between(100, DRIFT_PPM_MAX) * (random.chance(0.5) ? 1 : -1);
    return injected([victim], await levers.clock(victim, { offsetNs, driftPpm }));
  },
} satisfies Fault;
