import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import { linger, nextLeader } from '../elections.ts';
import type { Fault, Injection } from '../fault.ts';
import { between, without } from '../links.ts';
import { underway } from '../operations.ts';

/** Leaders pile up, each alone with what it took for acknowledged; when they come back, all but one have to yield. */
export default {
  name: 'isolate-primaries',
  about:
    'cuts the leader off, and whoever is elected after it, as long as the others are a majority; mends all at once',
  levers: ['cut'],
  strikesLeader: true,
  optIn: true,
  lastsMs: [3_000, 8_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    const { cut } = levers;
    const leading = cluster.leader();
    if (cut === undefined || leading === undefined || nodes.length < 3) return undefined;
    const most = Math.floor((nodes.length - 1) / 2);
    const alone: NodeId[] = [];
    return underway([leading], async ({ note, over }) => {
      const cuts: Injection[] = [];
      try {
        while (!over() && alone.length < most) {
          const last = alone.at(-1);
          const next = await nextLeader({ cluster, wait, over, ...(last !== undefined && { but: last }) });
          if (next === undefined || alone.includes(next)) break;
          cuts.push(await cut(between([next], without(nodes, next))));
          alone.push(next);
          await linger(random.between(100, 600) * MILLISECOND, { wait, over });
        }
        while (!over()) await wait(50 * MILLISECOND);
      } finally {
        for (const injection of cuts) {
          await injection.heal();
          note(injection);
        }
      }
    });
  },
} satisfies Fault;
