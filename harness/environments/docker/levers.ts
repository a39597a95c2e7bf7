/**
 * What faults may do to a cluster of containers. Each lever resolves when its effect is there: the kernel lists the rule, the
 * process has stopped or is gone. Injections compose as in the simulation: a link that two have cut is mended by the second
 * heal, and a node that was down when it was to be killed is not started by that heal.
 */
import type { Clock } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type { Levers, Link } from '../../../nemesis/fault.ts';
import { clockLevers } from './levers-clock.ts';
import { all, type Controlled } from './controlled.ts';
import { diskLevers } from './levers-disk.ts';
import { processLevers } from './levers-process.ts';
import type { Travelled } from './agent/protocol.ts';

export type { Controlled } from './controlled.ts';

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

export function createLevers(
  nodeOf: (id: NodeId) => Controlled,
  clock: Clock,
  random: Random,
): Omit<Levers, 'operate'> {
  let shapes = 0;
  const nodesOf = (ids: readonly NodeId[]): readonly Controlled[] => [...new Set(ids)].map(nodeOf);

  return {
    ...clockLevers(nodeOf),
    ...diskLevers(nodesOf, random),
    ...processLevers(nodesOf, clock),

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
