import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** Once, and until it is healed: the crash loops of kill-leader and kill-random are their own. */
export default {
  name: 'kill',
  about: 'kills a node, or those that a plan aims at, with what was not synced; heals by starting',
  levers: ['kill'],
  optIn: true,
  aimable: true,
  async inject(cluster, random, _wait, aim) {
    const { levers } = cluster;
    if (levers.kill === undefined) return undefined;
    const any = anyNode(cluster, random);
    const victims = aim?.nodes ?? [any];
    return injected(victims, await levers.kill(victims));
  },
} satisfies Fault;
