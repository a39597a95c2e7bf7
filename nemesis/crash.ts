/** How nodes die: the ways of the faults that kill. */
import { MILLISECOND } from '../history/clock.ts';
import type { NodeId } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Injected, Injection, Levers, Wait } from './fault.ts';
import { injected } from './injected.ts';

type Kill = Levers['kill'];

/**
 * Kills these nodes (undefined: there is no lever for it), in one of three ways:
 *
 * - at once, to be started again by healing (half of the time);
 * - when their disks have fallen behind, so that much is unsynced: what was acknowledged too early shows;
 * - in a loop, as under a supervisor that starts them again at once: they die in the middle of elections and of catching
 *   up, and are back while what they had said is still on its way.
 */
export async function crash(
  levers: Partial<Levers>,
  nodes: readonly NodeId[],
  random: Random,
  wait: Wait,
): Promise<Injected | undefined> {
  const kill: Kill | undefined = levers.kill?.bind(levers);
  if (kill === undefined) return undefined;
  const way = random.below(4);
  if (way === 0) return killBehind(kill, levers, nodes, random, wait);
  if (way === 1) return injected(nodes, crashLoop(kill, nodes, random, wait));
  return injected(nodes, await kill(nodes));
}

async function killBehind(
  kill: Kill,
  levers: Partial<Levers>,
  nodes: readonly NodeId[],
  random: Random,
  wait: Wait,
): Promise<Injected> {
  const delayNs = random.between(100, 500) * MILLISECOND;
  const drags: Injection[] = [];
  try {
    for (const node of nodes) if (levers.slowDisk !== undefined) drags.push(await levers.slowDisk(node, delayNs));
    await wait(random.below(delayNs));
    return injected(nodes, await kill(nodes), ...drags);
  } finally {
    // Their disks are well again when they come back.
    for (const drag of drags) await drag.heal();
  }
}

/** Kills some of the nodes, starts them again after a moment, and so on until healed. */
function crashLoop(kill: Kill, nodes: readonly NodeId[], random: Random, wait: Wait): Injection {
  const kills: Injection[] = [];
  const loop = { over: false };
  /** The kill under way: healing must not overtake it. */
  let killing: Promise<Injection> | undefined;
  let failure: { readonly error: unknown } | undefined;
  const turn = async (): Promise<void> => {
    killing = kill(random.shuffle(nodes).slice(0, random.between(1, nodes.length)));
    const killed = await killing;
    kills.push(killed);
    await wait(random.between(20, 200) * MILLISECOND);
    await killed.heal();
    await wait(random.between(150, 1_000) * MILLISECOND);
  };
  void (async () => {
    while (!loop.over) await turn();
  })().catch((error: unknown) => {
    failure = { error };
  });
  return {
    async heal() {
      loop.over = true;
      const last = await killing?.catch(() => undefined);
      await last?.heal();
      if (failure !== undefined) throw failure.error;
    },
    effect: () => injected(nodes, ...kills).effect(),
  };
}
