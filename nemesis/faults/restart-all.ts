import type { NodeId } from '../../history/operation.ts';
import { crash } from '../crash.ts';
import type { Fault } from '../fault.ts';

/** Nothing survives but what is on the disks: the test of every promise that rests on a sync. */
export default {
  name: 'restart-all',
  about: 'kills all nodes with what they had not synced, once or again and again; heals by starting them',
  levers: ['kill'],
  lastsMs: [400, 6_000],
  async inject(cluster, random, wait) {
    const { nodes } = cluster;
    const next = (): readonly NodeId[] =>
      random.chance(0.6) ? nodes : random.shuffle(nodes).slice(0, random.between(1, nodes.length));
    return crash({ cluster, nodes, next, random, wait });
  },
} satisfies Fault;
