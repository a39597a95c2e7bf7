import { MILLISECOND } from '../../history/clock.ts';
import { linger } from '../elections.ts';
import type { Fault } from '../fault.ts';
import { without } from '../links.ts';
import { underway } from '../operations.ts';

const LOOK_NS = 20 * MILLISECOND;
const LOOKS_MAX = 250;

/** How every store is upgraded: each node in turn, the leader last, and the next when the one before is back. */
export default {
  name: 'rolling-restart',
  about: 'ends each node in turn in good order and starts it again, the leader last',
  levers: ['stop'],
  lastsMs: [4_000, 10_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    const { stop } = levers;
    if (stop === undefined) return undefined;
    const leading = cluster.leader();
    const others = random.shuffle(leading === undefined ? nodes : without(nodes, leading));
    return underway(nodes, async ({ note, over }) => {
      for (const node of leading === undefined ? others : [...others, leading]) {
        if (over()) return;
        const stopped = await stop([node]);
        try {
          await linger(random.between(50, 400) * MILLISECOND, { wait, over });
        } finally {
          await stopped.heal();
          note(stopped);
        }
        const isBack = (): boolean => cluster.leader() === node || cluster.followers().includes(node);
        for (let looks = 0; looks < LOOKS_MAX && !over() && !isBack(); looks++) await wait(LOOK_NS);
      }
    });
  },
} satisfies Fault;
