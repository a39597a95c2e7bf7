import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between } from '../links.ts';

/** No node is cut off, and yet not all agree on who can be reached. */
export default {
  name: 'bridge',
  about: 'two halves that see one another only through one node, which sees both',
  levers: ['cut'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.cut === undefined || nodes.length < 3) return undefined;
    const [bridge, ...rest] = random.shuffle(nodes);
    const half = Math.floor(rest.length / 2);
    return injected([bridge], await levers.cut(between(rest.slice(0, half), rest.slice(half))));
  },
} satisfies Fault;
