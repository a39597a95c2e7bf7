import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { around } from '../links.ts';

export default {
  name: 'lossy-link',
  about: 'loses, duplicates and reorders messages: of one node, or of all',
  levers: ['shape'],
  aimable: true,
  figures: {
    'loss-percent': { about: 'of the messages', least: 0, most: 100 },
    'duplicate-percent': { about: 'of the messages', least: 0, most: 100 },
    'reorder-percent': { about: 'of the messages', least: 0, most: 100 },
  },
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.shape === undefined || nodes.length < 2) return undefined;
    const chosen = random.chance(0.3) ? nodes : [anyNode(cluster, random)];
    const victims = aim?.nodes ?? chosen;
    const said = (figure: string, drawn: number): number => (aim?.figures?.[`${figure}-percent`] ?? drawn) / 100;
    return injected(
      victims,
      await levers.shape(around(victims, nodes), {
        loss: said('loss', random.between(5, 40)),
        duplicate: said('duplicate', random.between(5, 30)),
        reorder: said('reorder', random.between(10, 50)),
      }),
    );
  },
} satisfies Fault;
