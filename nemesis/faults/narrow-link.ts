import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { around } from '../links.ts';

export default {
  name: 'narrow-link',
  about: 'lets the links of one node, often the leader, carry no more than 5 to 50 kB a second each',
  levers: ['throttle'],
  aimable: true,
  figures: { 'kilobytes-per-second': { about: 'that each link carries', least: 1, most: 1_000_000 } },
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.throttle === undefined || nodes.length < 2) return undefined;
    const leading = cluster.leader();
    const chosen = leading !== undefined && random.chance(0.6) ? leading : anyNode(cluster, random);
    const drawn = random.between(5, 50);
    const bytesPerSecond = (aim?.figures?.['kilobytes-per-second'] ?? drawn) * 1000;
    const victims = aim?.nodes ?? [chosen];
    return injected(victims, await levers.throttle(around(victims, nodes), bytesPerSecond));
  },
} satisfies Fault;
