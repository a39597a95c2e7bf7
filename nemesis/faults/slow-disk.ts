import { MILLISECOND } from '../../history/clock.ts';
import { anyNode } from '../aim.ts';
import type { Fault, Injection } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'slow-disk',
  about: 'adds 20 to 300 ms to every disk sync of the leader, of the follower that lags most, or of all nodes',
  levers: ['slowDisk'],
  aimable: true,
  figures: { 'delay-ms': { about: 'added to every sync', least: 1, most: 60_000 } },
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.slowDisk === undefined) return undefined;
    const one = (random.chance(0.5) ? cluster.leader() : cluster.mostLagging()) ?? anyNode(cluster, random);
    const chosen = random.chance(0.3) ? nodes : [one];
    const drawnMs = random.between(20, 300);
    const victims = aim?.nodes ?? chosen;
    const delayNs = (aim?.figures?.['delay-ms'] ?? drawnMs) * MILLISECOND;
    const drags: Injection[] = [];
    for (const victim of victims) drags.push(await levers.slowDisk(victim, delayNs));
    return injected(victims, ...drags);
  },
} satisfies Fault;
