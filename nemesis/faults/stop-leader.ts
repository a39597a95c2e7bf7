import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'stop-leader',
  about: 'ends the leader in good order (SIGTERM), so that it can hand over; heals by starting it',
  levers: ['stop'],
  strikesLeader: true,
  async inject(cluster) {
    const { levers } = cluster;
    const victim = cluster.leader();
    if (levers.stop === undefined || victim === undefined) return undefined;
    return injected([victim], await levers.stop([victim]));
  },
} satisfies Fault;
