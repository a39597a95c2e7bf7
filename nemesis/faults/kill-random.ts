import { anyNode } from '../aim.ts';
import { crash } from '../crash.ts';
import type { Fault } from '../fault.ts';

export default {
  name: 'kill-random',
  about: 'kills a node, half of the time the follower that lags most, once or again and again; heals by starting it',
  levers: ['kill'],
  async inject(cluster, random, wait) {
    const lagging = cluster.mostLagging();
    const victim = lagging !== undefined && random.chance(0.5) ? lagging : anyNode(cluster, random);
    return crash({ cluster, nodes: [victim], next: () => [victim], random, wait });
  },
} satisfies Fault;
