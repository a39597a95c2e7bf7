import type { Fault, Unheard } from '../fault.ts';
import { injected } from '../injected.ts';

/** Nothing is wrong between the nodes. Where only answers are lost, writes happen of which no client ever knows. */
export default {
  name: 'clients-cut-off',
  about: 'cuts clients off from the leader, or from all nodes: what they ask is lost, or the answers, or both',
  levers: ['cutClients'],
  aimable: true,
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.cutClients === undefined) return undefined;
    const leading = cluster.leader();
    const chosen = leading !== undefined && random.chance(0.8) ? [leading] : nodes;
    const victims = aim?.nodes ?? chosen;
    const ways: readonly (readonly Unheard[])[] = [['requests'], ['answers'], ['requests', 'answers']];
    return injected(victims, await levers.cutClients(victims, random.pick(ways)));
  },
} satisfies Fault;
