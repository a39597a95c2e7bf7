import type { NodeId } from '../../history/operation.ts';
import type { Fault, Target } from '../fault.ts';
import { injected } from '../injected.ts';

/** Whose disk it is in each run. Damage to a second one, before the first has healed, could lose what a quorum had. */
const victims = new WeakMap<Target, NodeId>();

export default {
  name: 'corrupt-disk',
  about: 'kills a node and makes a record in the middle of its log unreadable: in each run always the same node',
  levers: ['corruptDisk'],
  optIn: true,
  lastsMs: [400, 2_000],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.corruptDisk === undefined) return undefined;
    const victim = victims.get(cluster) ?? random.pick(nodes);
    victims.set(cluster, victim);
    return injected([victim], await levers.corruptDisk(victim));
  },
} satisfies Fault;
