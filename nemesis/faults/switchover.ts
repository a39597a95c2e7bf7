import type { Fault } from '../fault.ts';
import { insist, underway } from '../operations.ts';

/** Not a fault at all, for a store that hands over well: nothing but a retried request should show it. */
export default {
  name: 'switchover',
  about: 'has the leader hand over as planned, to a follower of its choice or to a given one',
  levers: ['operate'],
  cureAsks: true,
  lastsMs: [500, 3_000],
  async inject(cluster, random, wait) {
    const { operate } = cluster.levers;
    const leading = cluster.leader();
    const learners = cluster.learners();
    const others = cluster.followers().filter((node) => !learners.includes(node));
    if (operate === undefined || leading === undefined || others.length === 0) return undefined;
    const to = random.chance(0.5) ? random.pick(others) : undefined;
    const { group } = cluster;
    const asked = { ...(group !== undefined && { group }), ...(to !== undefined && { to }) };
    return underway([to ?? leading], async ({ note, over }) => {
      await insist({ type: 'switchover', ...asked }, { operate, wait, note, giveUp: over });
    });
  },
} satisfies Fault;
