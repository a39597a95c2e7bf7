import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** What a promise of durability is about. A kill leaves what was written to the kernel; this does not. */
export default {
  name: 'power-cut',
  about:
    'cuts the power of all nodes at once, or of one: what was not synced is lost, the last of it torn; heals by starting',
  levers: ['cutPower'],
  lastsMs: [400, 4_000],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.cutPower === undefined) return undefined;
    const one = (random.chance(0.5) ? cluster.leader() : undefined) ?? anyNode(cluster, random);
    const victims = random.chance(0.6) ? nodes : [one];
    return injected(victims, await levers.cutPower(victims));
  },
} satisfies Fault;
