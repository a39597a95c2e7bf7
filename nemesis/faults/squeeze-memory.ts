import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** Whoever needs more than that is ended by the kernel, in the middle of whatever it does. */
export default {
  name: 'squeeze-memory',
  about: 'leaves a node 1 to 16 MiB more memory than it uses; heals by starting it where the kernel has ended it',
  levers: ['squeeze'],
  optIn: true,
  async inject(cluster, random) {
    const { levers } = cluster;
    if (levers.squeeze === undefined) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.5) ? leading : anyNode(cluster, random);
    return injected([victim], await levers.squeeze(victim, { memorySpareMb: random.between(1, 16) }));
  },
} satisfies Fault;
