import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between, towards, without } from '../links.ts';

export default {
  name: 'lossy-link',
  about: 'loses, duplicates and reorders messages: of one node, or of all',
  levers: ['shape'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.shape === undefined || nodes.length < 2) return undefined;
    const victims = random.chance(0.3) ? nodes : [anyNode(cluster, random)];
    const links = victims === nodes ? towards(nodes, nodes) : between(victims, without(nodes, ...victims));
    return injected(
      victims,
      await levers.shape(links, {
        loss: random.between(5, 40) / 100,
        duplicate: random.between(5, 30) / 100,
        reorder: random.between(10, 50) / 100,
      }),
    );
  },
} satisfies Fault;
