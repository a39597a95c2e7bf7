/**
 * What faults may do to a cluster of containers. Each lever resolves when its effect is there: the kernel lists the rule, the
 * process has stopped or is gone. Injections compose as in the simulation: a link that two have cut is mended by the second
 * heal, and a node that was down when it was to be killed is not started by that heal.
 */
import { type Clock, MILLISECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type { Effect, Injection, Levers, Link } from '../../../nemesis/fault.ts';
import { injection } from '../real/injection.ts';
import type { AgentLink } from './agent-link.ts';
import type { DiskFault, Suffered, Travelled } from './agent/protocol.ts';

interface Cut {
  readonly receiver: Controlled;
  readonly sources: readonly string[];
  /** Packets dropped from these before. */
  readonly before: number;
}

interface Bend {
  readonly sender: Controlled;
  readonly addresses: readonly string[];
  /** What had happened to packets on these links before. */
  readonly before: Travelled;
}

export interface Controlled {
  readonly id: NodeId;
  readonly address: string;
  /** Its store's data folder. */
  readonly data: string;
  readonly link: AgentLink;
  /** Starts the store again. */
  start(): Promise<void>;
  /** Told that one more fault leaves no room on its disk, or one less: a store that could not begin so is started again. */
  fill(by: 1 | -1): Promise<void>;
}

export function createLevers(
  nodeOf: (id: NodeId) => Controlled,
  clock: Clock,
  random: Random,
): Pick<Levers, 'cut' | 'shape' | 'kill' | 'pause' | 'slowDisk' | 'fillDisk' | 'corruptDisk'> {
  let damaged = 0;
  let shapes = 0;
  let diskFaults = 0;
  const healed = new Set<number>();
  const nodesOf = (ids: readonly NodeId[]): readonly Controlled[] => [...new Set(ids)].map(nodeOf);

  /** Does something to a disk; what it suffers from then on is the effect. */
  const hurt = async (
    victim: Controlled,
    fault: DiskFault,
    effectOf: (suffered: Suffered) => Effect,
  ): Promise<Injection> => {
    const number = ++diskFaults;
    const before = await victim.link.ask({ do: 'disk', number, fault });
    let suffered: Suffered = { syncsDelayed: 0, writesRefused: 0 };
    return {
      heal: async () => {
        const after = await victim.link.ask({ do: 'disk', number });
        if (healed.has(number)) return;
        healed.add(number);
        suffered = {
          syncsDelayed: after.syncsDelayed - before.syncsDelayed,
          writesRefused: after.writesRefused - before.writesRefused,
        };
      },
      effect: () => effectOf(suffered),
    };
  };

  return {
    async cut(links) {
      const cuts = await Promise.allSettled(
        [...peers(links, 'to', nodeOf)].map(async ([receiver, sources]): Promise<Cut> => {
          return { receiver, sources, before: sum((await receiver.link.ask({ do: 'cut', sources })).dropped) };
        }),
      );
      const inForce = new Set(cuts.flatMap((cut) => (cut.status === 'fulfilled' ? [cut.value] : [])));
      let dropped = 0;
      const mend = (): Promise<unknown> =>
        all(
          [...inForce].map(async (cut) => {
            const { receiver, sources, before } = cut;
            const after = sum((await receiver.link.ask({ do: 'mend', sources })).dropped);
            dropped += after - before; // in one step: several receivers answer in any order
            inForce.delete(cut);
          }),
        );
      const failed = cuts.find((cut) => cut.status === 'rejected');
      if (failed !== undefined) {
        await mend();
        throw failed.reason;
      }
      return {
        heal: async () => void (await mend()), // again: what could not be mended before
        effect: () => ({ 'packets dropped': dropped }),
      };
    },

    async shape(links, shape) {
      const { delayNs = 0, jitterNs = 0, loss = 0, duplicate = 0, reorder = 0 } = shape;
      const id = ++shapes;
      const whole = { id, delayNs, jitterNs, loss, duplicate, reorder };
      const bends = await Promise.allSettled(
        [...peers(links, 'from', nodeOf)].map(async ([sender, addresses]): Promise<Bend> => {
          const { travelled } = await sender.link.ask({ do: 'bend', addresses, shape: whole });
          return { sender, addresses, before: travels(travelled) };
        }),
      );
      const inForce = new Set(bends.flatMap((bend) => (bend.status === 'fulfilled' ? [bend.value] : [])));
      const effect = { delayed: 0, dropped: 0, duplicated: 0, reordered: 0 };
      const straighten = (): Promise<unknown> =>
        all(
          [...inForce].map(async (bend) => {
            const { sender, addresses, before } = bend;
            const after = travels((await sender.link.ask({ do: 'straighten', addresses, shape: id })).travelled);
            for (const what of kinds) effect[what] += after[what] - before[what];
            inForce.delete(bend);
          }),
        );
      const failed = bends.find((bend) => bend.status === 'rejected');
      if (failed !== undefined) {
        await straighten();
        throw failed.reason;
      }
      return {
        heal: async () => void (await straighten()), // again: what could not be before
        effect: () => ({
          ...(delayNs + jitterNs > 0 && { 'packets delayed': effect.delayed }),
          ...(loss > 0 && { 'packets dropped': effect.dropped }),
          ...(duplicate > 0 && { 'packets duplicated': effect.duplicated }),
          ...(reorder > 0 && { 'packets reordered': effect.reordered }),
        }),
      };
    },

    async kill(ids) {
      const killed = await all(
        nodesOf(ids).map(async (victim) => ((await victim.link.ask({ do: 'kill' })).was ? [victim] : [])),
      );
      return injection(
        async () => void (await all(killed.flat().map((victim) => victim.start()))),
        () => ({ 'nodes killed': killed.flat().length }),
      );
    },

    async pause(ids) {
      const stopped = await all(
        nodesOf(ids).map(async (victim) => {
          const { was, life } = await victim.link.ask({ do: 'pause' });
          return was ? [{ victim, life }] : [];
        }),
      );
      const from = clock.now();
      return injection(
        async () => void (await all(stopped.flat().map(({ victim, life }) => victim.link.ask({ do: 'resume', life })))),
        () => ({
          'nodes stopped': stopped.flat().length,
          'ms stopped': Math.round((clock.now() - from) / MILLISECOND),
        }),
      );
    },

    async slowDisk(id, syncDelayNs) {
      return hurt(nodeOf(id), { syncDelayNs, full: false }, ({ syncsDelayed }) => ({ 'syncs delayed': syncsDelayed }));
    },

    async fillDisk(id) {
      const victim = nodeOf(id);
      await victim.fill(1);
      const injection = await hurt(victim, { syncDelayNs: 0, full: true }, ({ writesRefused }) => ({
        'writes refused for want of room': writesRefused,
      }));
      let filled = true;
      return {
        ...injection,
        heal: async () => {
          await injection.heal();
          if (filled) await victim.fill(-1);
          filled = false;
        },
      };
    },

    async corruptDisk(id) {
      const victim = nodeOf(id);
      const { was } = await victim.link.ask({ do: 'kill' });
      const seed = `${random.fork(++damaged).u32()}`;
      const { kind } = was
        ? await victim.link.ask({ do: 'damage', data: victim.data, seed })
        : { kind: 'nothing to damage' };
      return injection(
        async () => {
          if (was) await victim.start();
        },
        () => ({ 'bits flipped': kind === 'bit flipped' ? 1 : 0, 'files cut': kind === 'file cut' ? 1 : 0 }),
      );
    },
  };
}

/** By the node at this end of some links: the addresses at their other ends, each once. */
function peers(
  links: readonly Link[],
  end: keyof Link,
  nodeOf: (id: NodeId) => Controlled,
): Map<Controlled, readonly string[]> {
  const found = new Map<Controlled, Set<string>>();
  for (const link of links) {
    const here = nodeOf(link[end]);
    const others = found.get(here) ?? new Set();
    found.set(here, others.add(nodeOf(link[end === 'from' ? 'to' : 'from']).address));
  }
  return new Map([...found].map(([here, others]) => [here, [...others]]));
}

const kinds = ['delayed', 'dropped', 'duplicated', 'reordered'] as const;

function travels(counts: Readonly<Record<string, Travelled>>): Travelled {
  const total = { delayed: 0, dropped: 0, duplicated: 0, reordered: 0 };
  for (const one of Object.values(counts)) for (const what of kinds) total[what] += one[what];
  return total;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, n) => total + n, 0);
}

/** Waits for every one, and then throws what the first threw. */
async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
