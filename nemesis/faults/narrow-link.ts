import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between, without } from '../links.ts';

export default {
  name: 'narrow-link',
  about: 'lets the links of one node, often the leader, carry no more than 5 to 50 kB a second each',
  levers: ['throttle'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.throttle === undefined || nodes.length < 2) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.6) ? leading : anyNode(cluster, random);
    const bytesPerSecond = random.between(5, 50) * 1000;
    return injected([victim], await levers.throttle(between([victim], without(nodes, victim)), bytesPerSecond));
  },
} satisfies Fault;
