import { MILLISECOND } from '../../history/clock.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';

/** The cluster goes on without it: a follower that should notice, and send its readers elsewhere. */
export default {
  name: 'follower-slow-disk',
  about: 'adds 1 to 3 s to every disk sync of one follower',
  levers: ['slowDisk'],
  figures: { 'delay-ms': { about: 'added to every sync', least: 1, most: 60_000 } },
  lastsMs: [3_000, 8_000],
  async inject(cluster, random, _wait, aim) {
    const { levers } = cluster;
    const followers = cluster.followers();
    if (levers.slowDisk === undefined || followers.length === 0) return undefined;
    const victim = random.pick(followers);
    const drawnMs = random.between(1_000, 3_000);
    const delayNs = (aim?.figures?.['delay-ms'] ?? drawnMs) * MILLISECOND;
    return injected([victim], await levers.slowDisk(victim, delayNs));
  },
} satisfies Fault;
