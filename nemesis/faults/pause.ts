import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'pause',
  about: 'stops a node, or those that a plan aims at, without killing (SIGSTOP); heals by letting go on',
  levers: ['pause'],
  optIn: true,
  aimable: true,
  async inject(cluster, random, _wait, aim) {
    const { levers } = cluster;
    if (levers.pause === undefined) return undefined;
    const any = anyNode(cluster, random);
    const victims = aim?.nodes ?? [any];
    return injected(victims, await levers.pause(victims));
  },
} satisfies Fault;
