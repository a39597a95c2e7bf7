import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between, without } from '../links.ts';

export default {
  name: 'split-majority',
  about: 'splits the cluster into a majority and a minority; the leader is in the minority half of the time',
  levers: ['cut'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    const leading = cluster.leader();
    if (levers.cut === undefined || nodes.length < 3) return undefined;
    const size = Math.floor((nodes.length - 1) / 2);
    const others = random.shuffle(leading === undefined ? nodes : without(nodes, leading));
    const minority =
      leading !== undefined && random.chance(0.5) ? [leading, ...others.slice(0, size - 1)] : others.slice(0, size);
    return injected(minority, await levers.cut(between(minority, without(nodes, ...minority))));
  },
} satisfies Fault;
