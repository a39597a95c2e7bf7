import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import { linger, nextLeader } from '../elections.ts';
import type { Fault } from '../fault.ts';
import { between, without } from '../links.ts';
import { insist, underway } from '../operations.ts';

/**
 * A change of members counts where it was begun, and nobody else ever hears of it: it has to be undone there. Who leads
 * again after that, and changes the members further, must not build on it.
 */
export default {
  name: 'undo-change',
  about:
    'cuts the leader off and has it remove a follower, mends when another leads, and has the first lead and be cut off again; heals by adding back',
  levers: ['cut', 'operate'],
  cureAsks: true,
  lastsMs: [4_000, 7_000],
  async inject(cluster, random, wait) {
    const { levers, nodes, group } = cluster;
    const { cut, operate } = levers;
    const leading = cluster.leader();
    const learners = cluster.learners();
    const followers = random.shuffle(cluster.followers().filter((node) => !learners.includes(node)));
    if (cut === undefined || operate === undefined || leading === undefined || followers.length < 2) return undefined;
    const asked = new Set<NodeId>();
    return underway(
      [leading],
      async ({ note, over }) => {
        const awaiting = { cluster, wait, over };
        for (let round = 0; !over(); round++) {
          const node = followers[round % followers.length];
          const lonely = await cut(between([leading], without(nodes, leading)));
          const removal = operate({ type: 'remove-member', node, at: leading }).then(note);
          asked.add(node);
          try {
            await nextLeader({ ...awaiting, but: leading });
            await linger(random.between(100, 900) * MILLISECOND, awaiting);
          } finally {
            await lonely.heal();
            note(lonely);
            await removal;
          }
          // It hears of the others, and undoes what they do not have.
          await linger(random.between(100, 400) * MILLISECOND, awaiting);
          if (over() || cluster.leader() === leading) continue;
          const back = { type: 'switchover', to: leading, ...(group !== undefined && { group }) } as const;
          await insist(back, { operate, wait, note, giveUp: () => over() || cluster.leader() === leading });
        }
      },
      async ({ note }) => {
        for (const node of asked) await insist({ type: 'add-member', node, as: 'voter' }, { operate, wait, note });
      },
    );
  },
} satisfies Fault;
