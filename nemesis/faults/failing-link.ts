import { MILLISECOND } from '../../history/clock.ts';
import { linger } from '../elections.ts';
import type { Fault } from '../fault.ts';
import { towards, without } from '../links.ts';
import { underway } from '../operations.ts';

const LOOK_NS = 50 * MILLISECOND;

/**
 * As a path does that congests before it fails. What the leader hears is old news: it goes on hearing of its followers'
 * consent after they have given it up. Named where leases are tested, rather than part of `mix`.
 */
export default {
  name: 'failing-link',
  about: 'the leader hears the others 250 to 700 ms late, and after a moment is not heard any more itself',
  levers: ['shape', 'cut'],
  strikesLeader: true,
  optIn: true,
  lastsMs: [1_500, 4_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    const victim = cluster.leader();
    if (levers.shape === undefined || levers.cut === undefined || victim === undefined || nodes.length < 2)
      return undefined;
    const others = without(nodes, victim);
    const delayNs = random.between(250, 700) * MILLISECOND;
    const slow = await levers.shape(towards(others, [victim]), { delayNs });
    const cutAfterNs = random.between(400, 1_000) * MILLISECOND;
    const { cut } = levers;
    return underway([victim], async ({ note, over }) => {
      const injections = [slow];
      note(slow);
      await linger(cutAfterNs, { wait, over });
      try {
        if (over()) return;
        const silent = await cut(towards([victim], others));
        injections.push(silent);
        note(silent);
        while (!over()) await wait(LOOK_NS);
      } finally {
        for (const injection of injections) await injection.heal();
      }
    });
  },
} satisfies Fault;
