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
  aimable: true,
  figures: {
    'drift-ppm': {
      about: 'by which the clocks of those aimed at run fast; below zero: slow',
      least: -900_000,
      most: 900_000,
    },
  },
  optIn: true,
  lastsMs: [3_000, 8_000],
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.clock === undefined) return undefined;
    const drawnPpm = random.between(300_000, 500_000);
    const saidPpm = aim?.figures?.['drift-ppm'];
    const driftPpm = Math.abs(saidPpm ?? drawnPpm);
    const leading = cluster.leader();
    const aimAtLeader = leading !== undefined && random.chance(0.7);
    const slow = aimAtLeader ? [leading] : random.chance(0.5) ? [anyNode(cluster, random)] : [];
    const fast = aimAtLeader ? without(nodes, leading) : slow.length === 0 ? [anyNode(cluster, random)] : [];
    const skews: Injection[] = [];
    if (aim?.nodes !== undefined) {
      for (const node of aim.nodes) {
        const ppm = saidPpm ?? (slow.includes(node) ? -drawnPpm : drawnPpm);
        skews.push(await levers.clock(node, { offsetNs: 0, driftPpm: ppm }));
      }
      return injected(aim.nodes, ...skews);
    }
    for (const node of slow) skews.push(await levers.clock(node, { offsetNs: 0, driftPpm: -driftPpm }));
    for (const node of fast) skews.push(await levers.clock(node, { offsetNs: 0, driftPpm }));
    return injected([...slow, ...fast], ...skews);
  },
} satisfies Fault;
