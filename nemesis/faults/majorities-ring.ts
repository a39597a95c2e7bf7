import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between } from '../links.ts';

/** Everybody reaches a majority, and no two the same one: whoever is elected is not heard by all who could vote. */
export default {
  name: 'majorities-ring',
  about: 'sets the nodes in a ring and lets each see as many neighbours as make a majority with it, from five nodes on',
  levers: ['cut'],
  optIn: true,
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    // Of three, each would see both others; of four, a majority is not the same number to either side.
    if (levers.cut === undefined || nodes.length < 5) return undefined;
    const ring = random.shuffle(nodes);
    const reach = Math.ceil(Math.floor(nodes.length / 2) / 2);
    const isNear = (a: number, b: number): boolean => {
      const apart = Math.abs(a - b);
      return Math.min(apart, ring.length - apart) <= reach;
    };
    const cuts = ring.flatMap((one, a) => {
      const far = ring.filter((_, b) => b > a && !isNear(a, b));
      return between([one], far);
    });
    return injected(nodes, await levers.cut(cuts));
  },
} satisfies Fault;
