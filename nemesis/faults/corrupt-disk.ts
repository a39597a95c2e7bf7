import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import { linger } from '../elections.ts';
import type { Fault, Injected, Target, Wait } from '../fault.ts';
import { injected } from '../injected.ts';
import { between, without } from '../links.ts';
import { underway } from '../operations.ts';
import type { Random } from '../../history/random.ts';

/** Whose disk it is in each run. Damage to a second one, before the first has healed, could lose what a quorum had. */
const victims = new WeakMap<Target, NodeId>();

export default {
  name: 'corrupt-disk',
  about:
    'kills a node and makes a record in the middle of its log unreadable, in each run the same node; often while cuts make it the only one of a majority that had what was decided',
  levers: ['corruptDisk'],
  optIn: true,
  lastsMs: [1_500, 4_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    if (levers.corruptDisk === undefined) return undefined;
    const victim = victims.get(cluster) ?? random.pick(nodes);
    victims.set(cluster, victim);
    const worst = random.chance(0.6) ? atTheWorstMoment(cluster, victim, random, wait) : undefined;
    return worst ?? injected([victim], await levers.corruptDisk(victim));
  },
} satisfies Fault;

/**
 * A minority is cut off, so that what the others decide is with them alone; then the victim's disk is damaged, the rest of those
 * is cut off, and the minority comes back: with the victim it is a majority. That may lead only if somebody in it has it all.
 */
function atTheWorstMoment(cluster: Target, victim: NodeId, random: Random, wait: Wait): Injected | undefined {
  const { levers, nodes } = cluster;
  const { corruptDisk, cut } = levers;
  const leading = cluster.leader();
  const learners = cluster.learners();
  if (corruptDisk === undefined || cut === undefined || leading === undefined || leading === victim) return undefined;
  const voters = without(nodes, ...learners);
  const others = random.shuffle(without(voters, leading, victim));
  const minority = others.slice(0, Math.floor((voters.length - 1) / 2));
  if (minority.length === 0 || learners.includes(victim)) return undefined;
  const deciding = without(voters, victim, ...minority);
  return underway([victim], async ({ note, over }) => {
    const behind = await cut(between(minority, without(nodes, ...minority)));
    await linger(random.between(200, 600) * MILLISECOND, { wait, over });
    const gone = await cut(between(deciding, without(nodes, ...deciding)));
    const damage = await corruptDisk(victim);
    try {
      await wait(random.between(20, 200) * MILLISECOND);
      await damage.heal();
      await behind.heal();
      while (!over()) await wait(50 * MILLISECOND);
    } finally {
      for (const injection of [damage, behind, gone]) {
        await injection.heal();
        note(injection);
      }
    }
  });
}
