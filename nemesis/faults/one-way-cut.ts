import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { towards, without } from '../links.ts';

/** A leader that is heard and does not hear keeps its followers content; one that hears and is not heard believes itself well. */
export default {
  name: 'one-way-cut',
  about: 'a node, the leader half of the time, can send but not receive, or receive but not send',
  levers: ['cut'],
  aimable: true,
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.cut === undefined || nodes.length < 2) return undefined;
    const leading = cluster.leader();
    const following = cluster.followers();
    const aimAtLeader = random.chance(0.5) || following.length === 0;
    const chosen =
      leading !== undefined && aimAtLeader ? leading : random.pick(following.length > 0 ? following : nodes);
    const deaf = random.chance(0.5);
    const victims = aim?.nodes ?? [chosen];
    const others = without(nodes, ...victims);
    if (others.length === 0) return undefined;
    return injected(victims, await levers.cut(deaf ? towards(others, victims) : towards(victims, others)));
  },
} satisfies Fault;
