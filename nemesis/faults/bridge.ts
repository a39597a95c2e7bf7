import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between, without } from '../links.ts';

/** No node is cut off, and yet not all agree on who can be reached. */
export default {
  name: 'bridge',
  about: 'two halves that see one another only through one follower, which sees both',
  levers: ['cut'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.cut === undefined || nodes.length < 3) return undefined;
    // A leader in the middle would reach everybody, and followers hardly talk to one another.
    const leading = cluster.leader();
    const bridge = random.pick(leading === undefined ? nodes : without(nodes, leading));
    const rest = random.shuffle(without(nodes, bridge));
    const half = Math.floor(rest.length / 2);
    return injected([bridge], await levers.cut(between(rest.slice(0, half), rest.slice(half))));
  },
} satisfies Fault;
