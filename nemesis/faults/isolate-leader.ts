import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between, without } from '../links.ts';

/** The classic: a leader that does not know it has been replaced. */
export default {
  name: 'isolate-leader',
  about: 'cuts the leader off from all other nodes, both ways',
  levers: ['cut'],
  strikesLeader: true,
  async inject(cluster) {
    const { levers, nodes } = cluster;
    const victim = cluster.leader();
    if (levers.cut === undefined || victim === undefined || nodes.length < 2) return undefined;
    return injected([victim], await levers.cut(between([victim], without(nodes, victim))));
  },
} satisfies Fault;
