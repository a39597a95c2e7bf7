import { anyNode } from '../aim.ts';
import type { Fault, Injection } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'fill-disk',
  about: 'leaves no room on the disk of the leader, of a follower, or of all nodes; heals by making room',
  levers: ['fillDisk'],
  aimable: true,
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.fillDisk === undefined) return undefined;
    const one = (random.chance(0.5) ? cluster.leader() : cluster.mostLagging()) ?? anyNode(cluster, random);
    const chosen = random.chance(0.15) ? nodes : [one];
    const victims = aim?.nodes ?? chosen;
    const fillings: Injection[] = [];
    for (const victim of victims) fillings.push(await levers.fillDisk(victim));
    return injected(victims, ...fillings);
  },
} satisfies Fault;
