import { anyNode } from '../aim.ts';
import type { Fault, Injection } from '../fault.ts';
import { injected } from '../injected.ts';

/** A neighbour that takes the machine: everything is done, and late. */
export default {
  name: 'starve-cpu',
  about: 'leaves a node, often the leader, 10 to 30 % of a processor',
  levers: ['squeeze'],
  aimable: true,
  figures: { 'cpu-percent': { about: 'of a processor that is left', least: 1, most: 100 } },
  async inject(cluster, random, _wait, aim) {
    const { levers } = cluster;
    if (levers.squeeze === undefined) return undefined;
    const leading = cluster.leader();
    const chosen = leading !== undefined && random.chance(0.6) ? leading : anyNode(cluster, random);
    const drawn = random.between(10, 30);
    const cpus = (aim?.figures?.['cpu-percent'] ?? drawn) / 100;
    const victims = aim?.nodes ?? [chosen];
    const squeezes: Injection[] = [];
    for (const victim of victims) squeezes.push(await levers.squeeze(victim, { cpus }));
    return injected(victims, ...squeezes);
  },
} satisfies Fault;
