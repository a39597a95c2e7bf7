import { crash } from '../crash.ts';
import type { Fault } from '../fault.ts';

export default {
  name: 'kill-leader',
  about: 'kills the leader with what it had not synced, once or again and again; heals by starting it',
  levers: ['kill'],
  strikesLeader: true,
  async inject(cluster, random, wait) {
    const victim = cluster.leader();
    if (victim === undefined) return undefined;
    return crash({ cluster, nodes: [victim], next: () => [cluster.leader() ?? victim], random, wait });
  },
} satisfies Fault;
