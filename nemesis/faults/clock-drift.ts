import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** Far beyond the bound that leases and bounded reads rely on: a slow leader believes in its lease when it has ended. */
export default {
  name: 'clock-drift',
  about: "has a node's clocks, mostly the leader's, run 10 to 50 % slow or fast: beyond what leases allow for",
  levers: ['clock'],
  optIn: true,
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.clock === undefined) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.7) ? leading : anyNode(cluster, random);
    const driftPpm = random.between(100_000, 500_000) * (random.chance(0.7) ? -1 : 1);
    return injected([victim], await levers.clock(victim, { offsetNs: 0, driftPpm }));
  },
} satisfies Fault;
