import { anyNode } from '../aim.ts';
import type { Fault, Injection } from '../fault.ts';
import { injected } from '../injected.ts';
import { without } from '../links.ts';

/**
 * Far beyond the bound that leases and bounded reads rely on. A slow leader believes in its lease when the others, whose
 * clocks run fast, have long since elected another: beside a fault that cuts the leader off, its lease reads are stale.
 */
export default {
  name: 'clock-drift',
  about: "has the leader's clocks run 30 to 50 % slow and those of the others fast, or one node's either way",
  levers: ['clock'],
  optIn: true,
  lastsMs: [3_000, 8_000],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.clock === undefined) return undefined;
    const driftPpm = random.between(300_000, 500_000);
    const leading = cluster.leader();
    const aimAtLeader = leading !== undefined && random.chance(0.7);
    const slow = aimAtLeader ? [leading] : random.chance(0.5) ? [anyNode(cluster, random)] : [];
    const fast = aimAtLeader ? without(nodes, leading) : slow.length === 0 ? [anyNode(cluster, random)] : [];
    const skews: Injection[] = [];
    for (const node of slow) skews.push(await levers.clock(node, { offsetNs: 0, driftPpm: -driftPpm }));
    for (const node of fast) skews.push(await levers.clock(node, { offsetNs: 0, driftPpm }));
    return injected([...slow, ...fast], ...skews);
  },
} satisfies Fault;
