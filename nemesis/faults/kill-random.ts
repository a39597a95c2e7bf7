import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

export default {
  name: 'kill-random',
  about: 'kills a node, half of the time the follower that lags most; heals by starting it again',
  levers: ['kill'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.kill === undefined) return undefined;
    const lagging = cluster.mostLagging();
    const victim = lagging !== undefined && random.chance(0.5) ? lagging : random.pick(nodes);
    return injected([victim], await levers.kill([victim]));
  },
} satisfies Fault;
