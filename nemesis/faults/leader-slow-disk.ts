import { MILLISECOND } from '../../history/clock.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** Every write waits for it: a leader that should notice, and hand over to one whose disk is well. */
export default {
  name: 'leader-slow-disk',
  about: 'adds 1 to 3 s to every disk sync of the leader',
  levers: ['slowDisk'],
  strikesLeader: true,
  optIn: true,
  lastsMs: [3_000, 8_000],
  async inject(cluster, random) {
    const { levers } = cluster;
    const leading = cluster.leader();
    if (levers.slowDisk === undefined || leading === undefined) return undefined;
    return injected([leading], await levers.slowDisk(leading, random.between(1_000, 3_000) * MILLISECOND));
  },
} satisfies Fault;
