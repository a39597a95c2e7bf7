/**
 * What faults may do to a cluster of containers. Each lever resolves when its effect is there: the kernel lists the rule, the
 * process has stopped or is gone. Injections compose as in the simulation: a link that two have cut is mended by the second
 * heal, and a node that was down when it was to be killed is not started by that heal.
 */
import { type Clock, MILLISECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type { Levers, Link } from '../../../nemesis/fault.ts';
import { injection } from '../real/injection.ts';
import type { AgentLink } from './agent-link.ts';

interface Cut {
  readonly receiver: Controlled;
  readonly sources: readonly string[];
  /** Packets dropped from these before. */
  readonly before: number;
}

export interface Controlled {
  readonly id: NodeId;
  readonly address: string;
  /** Its store's data folder. */
  readonly data: string;
  readonly link: AgentLink;
  /** Starts the store again. */
  start(): Promise<void>;
}

export function createLevers(
  nodeOf: (id: NodeId) => Controlled,
  clock: Clock,
  random: Random,
): Pick<Levers, 'cut' | 'kill' | 'pause' | 'corruptDisk'> {
  let damaged = 0;
  const nodesOf = (ids: readonly NodeId[]): readonly Controlled[] => [...new Set(ids)].map(nodeOf);

  return {
    async cut(links) {
      const cuts = await Promise.allSettled(
        [...receivers(links, nodeOf)].map(async ([receiver, sources]): Promise<Cut> => {
          return { receiver, sources, before: sum((await receiver.link.ask({ do: 'cut', sources })).dropped) };
        }),
      );
      const inForce = new Set(cuts.flatMap((cut) => (cut.status === 'fulfilled' ? [cut.value] : [])));
      let dropped = 0;
      const mend = (): Promise<unknown> =>
        all(
          [...inForce].map(async (cut) => {
            const { receiver, sources, before } = cut;
            dropped += sum((await receiver.link.ask({ do: 'mend', sources })).dropped) - before;
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

/** Addresses whose packets each receiver is to drop, each once. */
function receivers(links: readonly Link[], nodeOf: (id: NodeId) => Controlled): Map<Controlled, readonly string[]> {
  const found = new Map<Controlled, Set<string>>();
  for (const { from, to } of links) {
    const receiver = nodeOf(to);
    const sources = found.get(receiver) ?? new Set();
    found.set(receiver, sources.add(nodeOf(from).address));
  }
  return new Map([...found].map(([receiver, sources]) => [receiver, [...sources]]));
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
