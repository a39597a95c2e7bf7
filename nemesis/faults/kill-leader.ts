import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'kill-leader',
  about: 'kills the leader at once, with what it had not synced; heals by starting it again',
  levers: ['kill'],
  async inject(cluster) {
    const { levers } = cluster;
    const victim = cluster.leader();
    if (levers.kill === undefined || victim === undefined) return undefined;
    return injected([victim], await levers.kill([victim]));
  },
} satisfies Fault;
