import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import { linger, nextLeader } from '../elections.ts';
import type { Fault, Injection } from '../fault.ts';
import { between, without } from '../links.ts';
import { underway } from '../operations.ts';

/**
 * Whatever an election rests on was written a moment ago: the votes, the terms, the first entry of the new leader. Those who
 * come back must remember, or another leader is elected in the same term, or without what was acknowledged.
 */
export default {
  name: 'strike-new-leader',
  about:
    'kills the leader, and strikes the next as soon as it leads: restarts all, restarts the others and cuts it off, or kills it; again and again',
  levers: ['kill', 'cut'],
  strikesLeader: true,
  lastsMs: [3_000, 6_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    const { kill, cut } = levers;
    const leading = cluster.leader();
    if (kill === undefined || cut === undefined || leading === undefined || nodes.length < 2) return undefined;
    return underway([leading], async ({ note, over }) => {
      const awaiting = { cluster, wait, over };
      const restart = async (victims: readonly NodeId[]): Promise<void> => {
        const killed = await kill(victims);
        try {
          await wait(random.between(20, 100) * MILLISECOND);
        } finally {
          await killed.heal();
          note(killed);
        }
      };
      await restart([leading]);
      while (!over()) {
        const elected = await nextLeader(awaiting);
        if (elected === undefined) return;
        // Mostly before the others have heard of it.
        if (random.chance(0.3)) await wait(random.below(40 * MILLISECOND));
        const way = random.below(5);
        if (way < 2) await restart(nodes);
        else if (way === 2) await restart([elected]);
        else {
          const others = without(nodes, elected);
          const lonely: Injection = await cut(between([elected], others));
          try {
            await restart(others);
            await nextLeader({ ...awaiting, but: elected });
            await linger(random.below(600 * MILLISECOND), awaiting);
          } finally {
            await lonely.heal();
            note(lonely);
          }
        }
      }
    });
  },
} satisfies Fault;
