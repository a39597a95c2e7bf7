import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** A long garbage collection, or a virtual machine that is being moved: the leader wakes up and has missed its own fall. */
export default {
  name: 'pause-leader',
  about: 'stops the leader without killing it (SIGSTOP); heals by letting it go on',
  levers: ['pause'],
  strikesLeader: true,
  async inject(cluster) {
    const { levers } = cluster;
    const victim = cluster.leader();
    if (levers.pause === undefined || victim === undefined) return undefined;
    return injected([victim], await levers.pause([victim]));
  },
} satisfies Fault;
