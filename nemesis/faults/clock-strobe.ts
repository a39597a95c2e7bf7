import { MILLISECOND } from '../../history/clock.ts';
import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** What looks at the time of day twice sees it go back. */
export default {
  name: 'clock-strobe',
  about: "has a node's wall clock leap to and fro by 50 ms to 5 s, every 20 to 500 ms",
  levers: ['clock'],
  optIn: true,
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.clock === undefined) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.5) ? leading : anyNode(cluster, random);
    const offsetNs = random.between(50, 5_000) * MILLISECOND * (random.chance(0.5) ? 1 : -1);
    const strobeNs = random.between(20, 500) * MILLISECOND;
    return injected([victim], await levers.clock(victim, { offsetNs, driftPpm: 0, strobeNs }));
  },
} satisfies Fault;
