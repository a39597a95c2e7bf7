import type { Fault } from '../fault.ts';
import { insist, mayBeDone, underway } from '../operations.ts';

/** A smaller quorum while it lasts, and a node that comes back to a log that has gone on without it. */
export default {
  name: 'change-members',
  about: 'removes a follower or learner from the cluster; heals by adding it back as what it was',
  levers: ['operate'],
  cureAsks: true,
  async inject(cluster, random, wait) {
    const { operate } = cluster.levers;
    const others = cluster.followers();
    if (operate === undefined || cluster.leader() === undefined || others.length === 0) return undefined;
    const node = random.pick(others);
    const as = cluster.learners().includes(node) ? 'learner' : 'voter';
    // Of several groups it may have gone from some, whatever was answered in the end.
    const several = cluster.group !== undefined;
    let removed = false;
    return underway(
      [node],
      async ({ note, over }) => {
        const asking = {
          operate,
          wait,
          note: (outcome: Parameters<typeof note>[0]): void => {
            note(outcome);
            if (several || mayBeDone(outcome.effect())) removed = true;
          },
          giveUp: over,
        };
        await insist({ type: 'remove-member', node }, asking);
      },
      async ({ note }) => {
        if (removed) await insist({ type: 'add-member', node, as }, { operate, wait, note });
      },
    );
  },
} satisfies Fault;
