import { MILLISECOND } from '../../history/clock.ts';
import { anyNode } from '../aim.ts';
import type { Fault, Injection, Target } from '../fault.ts';
import { injected } from '../injected.ts';

/** Two of them on one node, on top of its own drift, stay within 1000 ppm: what leases and bounded reads may rely on. */
const DRIFT_PPM_MAX = 400;
/** How many are in force; a plan may have several streams of them. What is more than two only shifts. */
const drifting = new WeakMap<Target, number>();
const DRIFTING_MAX = 2;

export default {
  name: 'clock-shift',
  about: "shifts a node's wall clock by up to 5 s, and has its clocks run fast or slow within what leases allow for",
  levers: ['clock'],
  aimable: true,
  figures: { 'offset-ms': { about: 'of the wall clock', least: -3_600_000, most: 3_600_000 } },
  async inject(cluster, random, _wait, aim) {
    const { levers } = cluster;
    if (levers.clock === undefined) return undefined;
    const leading = cluster.leader();
    const chosen = leading !== undefined && random.chance(0.3) ? leading : anyNode(cluster, random);
    const drawnMs = random.between(50, 5_000) * (random.chance(0.5) ? 1 : -1);
    const drawnPpm = random.between(100, DRIFT_PPM_MAX) * (random.chance(0.5) ? 1 : -1);
    const before = drifting.get(cluster) ?? 0;
    const driftPpm = before < DRIFTING_MAX ? drawnPpm : 0;
    const offsetNs = (aim?.figures?.['offset-ms'] ?? drawnMs) * MILLISECOND;
    const victims = aim?.nodes ?? [chosen];
    const skews: Injection[] = [];
    for (const victim of victims) skews.push(await levers.clock(victim, { offsetNs, driftPpm }));
    drifting.set(cluster, before + 1);
    const all = injected(victims, ...skews);
    let healed = false;
    return {
      ...all,
      async heal() {
        await all.heal();
        if (!healed) drifting.set(cluster, (drifting.get(cluster) ?? 1) - 1);
        healed = true;
      },
    };
  },
} satisfies Fault;
