import { MILLISECOND } from '../../history/clock.ts';
import type { Fault } from '../fault.ts';
import { between, without } from '../links.ts';
import { insist, mayBeDone, underway } from '../operations.ts';

/** What an operator does when most nodes are gone and somebody must write: acknowledged writes may be lost. */
export default {
  name: 'promote-by-force',
  about: 'kills or cuts off a majority and promotes a survivor by force; heals by adding the others back',
  levers: ['operate', 'kill', 'cut'],
  optIn: true,
  cureAsks: true,
  lastsMs: [2_500, 6_000],
  async inject(cluster, random, wait) {
    const { levers, nodes } = cluster;
    const { operate } = levers;
    const leading = cluster.leader();
    if (operate === undefined || levers.kill === undefined || levers.cut === undefined) return undefined;
    if (nodes.length < 2 || leading === undefined) return undefined;
    // The leader is among the lost: what it alone had acknowledged is what the promotion may lose.
    const survivors = random.shuffle(without(nodes, leading)).slice(0, Math.max(1, Math.floor((nodes.length - 1) / 2)));
    const lost = without(nodes, ...survivors);
    const promoted = random.pick(survivors);
    const disaster = random.chance(0.6) ? await levers.kill(lost) : await levers.cut(between(lost, survivors));
    // Of several groups it may lead some, whatever was answered in the end.
    const several = cluster.group !== undefined;
    let rewritten = false;
    return underway(
      [promoted],
      async ({ note, over }) => {
        note(disaster);
        await wait(random.between(100, 1_500) * MILLISECOND);
        if (over()) return;
        const noted = (outcome: Parameters<typeof note>[0]): void => {
          note(outcome);
          if (several || mayBeDone(outcome.effect())) rewritten = true;
        };
        const operation = { type: 'promote-by-force', node: promoted, members: survivors } as const;
        await insist(operation, { operate, wait, note: noted, giveUp: over });
      },
      async ({ note }) => {
        if (!rewritten) return disaster.heal();
        // They are asked for before they are back, so that the first they hear is the new epoch.
        const [first, ...others] = lost;
        const add = (node: string): Promise<boolean> =>
          insist({ type: 'add-member', node, as: 'voter' }, { operate, wait, note });
        const adding = add(first);
        adding.catch(() => undefined); // awaited below: this is for the time until then
        await wait(100 * MILLISECOND);
        await disaster.heal();
        await adding;
        for (const node of others) await add(node);
      },
    );
  },
} satisfies Fault;
