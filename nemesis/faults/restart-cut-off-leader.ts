import { MILLISECOND } from '../../history/clock.ts';
import { linger } from '../elections.ts';
import type { Fault } from '../fault.ts';
import { between, without } from '../links.ts';
import { underway } from '../operations.ts';

/** Its log ends in what nobody else has, and after the restart nobody tells it so. */
export default {
  name: 'restart-cut-off-leader',
  about: 'cuts the leader off, kills it a moment later and starts it again; heals by mending the network',
  levers: ['cut', 'kill'],
  strikesLeader: true,
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    const { cut, kill } = levers;
    const victim = cluster.leader();
    if (cut === undefined || kill === undefined || victim === undefined || nodes.length < 2) return undefined;
    const lonely = await cut(between([victim], without(nodes, victim)));
    return underway(
      [victim],
      async ({ note, over }) => {
        await linger(random.between(50, 500) * MILLISECOND, { wait, over });
        if (over()) return;
        const killed = await kill([victim]);
        try {
          await wait(random.between(20, 200) * MILLISECOND);
        } finally {
          await killed.heal();
          note(killed);
        }
      },
      async ({ note }) => {
        await lonely.heal();
        note(lonely);
      },
    );
  },
} satisfies Fault;
