/** How nodes die: the ways of the faults that kill. */
import { MILLISECOND } from '../history/clock.ts';
import type { NodeId } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Injected, Injection, Levers, Target, Wait } from './fault.ts';
import { injected } from './injected.ts';

export interface Crash {
  readonly cluster: Target;
  /** Who is killed first. */
  readonly nodes: readonly NodeId[];
  /** Whom to kill in each further round of a crash loop. */
  readonly next: () => readonly NodeId[];
  readonly random: Random;
  readonly wait: Wait;
}

/** How often a crash loop looks whether somebody leads again, and how long it is ready to. */
const LOOK_NS = 5 * MILLISECOND;
const LOOKS_MAX = 400;

/**
 * Kills nodes (undefined: there is no lever for it), in one of three ways:
 *
 * - at once, to be started again by healing;
 * - when their disks have fallen behind, so that much is unsynced: what was acknowledged too early shows;
 * - in a loop, as under a supervisor that starts them again at once: a new leader is hardly elected when the next round
 *   strikes, and those who come back must remember whom they voted for.
 */
export async function crash(plan: Crash): Promise<Injected | undefined> {
  const { cluster, nodes, random } = plan;
  const { levers } = cluster;
  if (levers.kill === undefined) return undefined;
  const way = random.below(8);
  if (way < 3) return injected(nodes, await levers.kill(nodes));
  if (way < 5) return killBehind(levers.kill.bind(levers), plan);
  return injected(nodes, crashLoop(levers.kill.bind(levers), plan));
}

async function killBehind(kill: Levers['kill'], { cluster, nodes, random, wait }: Crash): Promise<Injected> {
  const { levers } = cluster;
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

/** Kills, starts again after a moment, waits for a leader, and so on until healed. */
function crashLoop(kill: Levers['kill'], { cluster, nodes, next, random, wait }: Crash): Injection {
  const kills: Injection[] = [];
  const loop = { over: false };
  /** The kill under way: healing must not overtake it. */
  let killing: Promise<Injection> | undefined;
  let failure: { readonly error: unknown } | undefined;
  const round = async (victims: readonly NodeId[]): Promise<void> => {
    killing = kill(victims);
    const killed = await killing;
    kills.push(killed);
    await wait(random.between(20, 200) * MILLISECOND);
    await killed.heal();
    for (let looks = 0; !loop.over && looks < LOOKS_MAX && cluster.leader() === undefined; looks++) await wait(LOOK_NS);
    // Before the others have heard of it, or in the middle of its work.
    await wait((random.chance(0.6) ? random.below(30) : random.between(30, 1_000)) * MILLISECOND);
  };
  void (async () => {
    await round(nodes);
    while (!loop.over) await round(next());
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
