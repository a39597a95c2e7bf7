import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { around } from '../links.ts';

export default {
  name: 'isolate',
  about:
    'cuts a node, or those that a plan aims at, off from all others, both ways; where that is all of them, from one another',
  levers: ['cut'],
  optIn: true,
  aimable: true,
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.cut === undefined || nodes.length < 2) return undefined;
    const any = anyNode(cluster, random);
    const victims = aim?.nodes ?? [any];
    return injected(victims, await levers.cut(around(victims, nodes)));
  },
} satisfies Fault;
