import { crash } from '../crash.ts';
import type { Fault } from '../fault.ts';

/** Nothing survives but what is on the disks: the test of every promise that rests on a sync. */
export default {
  name: 'restart-all',
  about: 'kills all nodes with what they had not synced, once or again and again; heals by starting them',
  levers: ['kill'],
  lastsMs: [400, 3_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    return crash(levers, nodes, random, wait);
  },
} satisfies Fault;
