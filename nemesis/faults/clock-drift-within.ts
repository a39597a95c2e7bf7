import type { Fault, Injection, Target } from '../fault.ts';
import { injected } from '../injected.ts';
import { without } from '../links.ts';

/** Left for a clock's own drift, and for a clock-shift beside this. */
const MARGIN_PPM = 600;

/** Two at a time would add up to more than is stood. */
const drifting = new WeakSet<Target>();

/**
 * The worst that a sound lease has to stand: a leader that is slow, and whose lease lasts long, among others that are fast,
 * and soon elect another. Of any use where the system states a bound that is wide enough to show.
 */
export default {
  name: 'clock-drift-within',
  about: "has the leader's clocks run slow and those of the others fast, as far as the system says that it stands",
  levers: ['clock'],
  strikesLeader: true,
  optIn: true,
  lastsMs: [3_000, 8_000],
  async inject(cluster) {
    const { levers, nodes, clockDriftPpmMax = 0 } = cluster;
    const driftPpm = clockDriftPpmMax - MARGIN_PPM;
    const leading = cluster.leader();
    if (levers.clock === undefined || leading === undefined || driftPpm <= 0 || drifting.has(cluster)) return undefined;
    drifting.add(cluster);
    const skews: Injection[] = [];
    for (const node of [leading, ...without(nodes, leading)]) {
      skews.push(await levers.clock(node, { offsetNs: 0, driftPpm: node === leading ? -driftPpm : driftPpm }));
    }
    const all = injected(nodes, ...skews);
    return {
      ...all,
      async heal() {
        await all.heal();
        drifting.delete(cluster);
      },
    };
  },
} satisfies Fault;
