import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** What a promise of durability is about. A kill leaves what was written to the kernel; this does not. */
export default {
  name: 'power-cut',
  about:
    'cuts the power of all nodes or one, or of those a plan aims at: what was not synced is lost, its end torn; heals by starting',
  levers: ['cutPower'],
  lastsMs: [400, 4_000],
  aimable: true,
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.cutPower === undefined) return undefined;
    const one = (random.chance(0.5) ? cluster.leader() : undefined) ?? anyNode(cluster, random);
    const victims = aim?.nodes ?? (random.chance(0.6) ? nodes : [one]);
    return injected(victims, await levers.cutPower(victims));
  },
} satisfies Fault;
