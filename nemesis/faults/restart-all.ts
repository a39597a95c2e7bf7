import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** Nothing survives but what is on the disks: the test of every promise that rests on a sync. */
export default {
  name: 'restart-all',
  about: 'kills all nodes at once, with what they had not synced; heals by starting them again',
  levers: ['kill'],
  lastsMs: [200, 1_200],
  async inject(cluster) {
    const { levers, nodes } = cluster;
    if (levers.kill === undefined) return undefined;
    return injected(nodes, await levers.kill(nodes));
  },
} satisfies Fault;
