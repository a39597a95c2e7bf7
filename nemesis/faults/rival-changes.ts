import { MILLISECOND } from '../../history/clock.ts';
import { linger, nextLeader } from '../elections.ts';
import type { Fault, Injection } from '../fault.ts';
import { between, without } from '../links.ts';
import { insist, underway } from '../operations.ts';

/**
 * Two leaders change the same members in different directions. With an even number of voters each of the two halves is a
 * majority of what one of them wants: nobody may believe its own before it knows of the other's (Ongaro, raft-dev, 10 July 2015).
 */
export default {
  name: 'rival-changes',
  about:
    'cuts the leader off and has it remove a follower; when another leads, splits the nodes in halves and has that one remove another; heals by adding both back',
  levers: ['cut', 'operate'],
  cureAsks: true,
  lastsMs: [2_500, 4_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    const { cut, operate } = levers;
    const first = cluster.leader();
    const learners = cluster.learners();
    const followers = random.shuffle(cluster.followers().filter((node) => !learners.includes(node)));
    if (cut === undefined || operate === undefined || first === undefined || followers.length < 2) return undefined;
    const [outOfFirst] = followers;
    const asked = new Set([outOfFirst]);
    return underway(
      [first],
      async ({ note, over }) => {
        const awaiting = { cluster, wait, over };
        const ask = (node: string, at: string): Promise<unknown> =>
          insist({ type: 'remove-member', node, at }, { operate, wait, note, giveUp: over });
        const cuts: Injection[] = [await cut(between([first], without(nodes, first)))];
        const asking = operate({ type: 'remove-member', node: outOfFirst, at: first }).then(note);
        try {
          const second = await nextLeader({ ...awaiting, but: first });
          if (second === undefined) return;
          // The first one's half is without whom it removes; the second removes one of that half.
          const free = followers.filter((node) => node !== second && node !== outOfFirst);
          const half = [first, ...free.slice(0, Math.floor((followers.length + 1) / 2) - 1)];
          cuts.push(await cut(between(half, without(nodes, ...half))));
          await cuts[0].heal();
          const outOfSecond = half.at(-1) === first ? free[0] : half.at(-1);
          if (outOfSecond !== undefined) {
            asked.add(outOfSecond);
            await Promise.all([ask(outOfSecond, second), linger(1_500 * MILLISECOND, awaiting)]);
          }
          while (!over()) await wait(50 * MILLISECOND);
        } finally {
          for (const injection of cuts) {
            await injection.heal();
            note(injection);
          }
          await asking;
        }
      },
      async ({ note }) => {
        for (const node of asked) await insist({ type: 'add-member', node, as: 'voter' }, { operate, wait, note });
      },
    );
  },
} satisfies Fault;
