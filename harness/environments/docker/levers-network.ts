/** Links that are cut, slow, lossy or narrow; between nodes, or between a node and its clients. */
import type { NodeId } from '../../../history/operation.ts';
import { type Effect, type Injection, type Levers, type Link, UNASKED } from '../../../nemesis/fault.ts';
import type { Clients, Shape, Travelled } from './agent/protocol.ts';
import { all, type Controlled } from './controlled.ts';

interface Bend {
  readonly sender: Controlled;
  readonly addresses: readonly string[];
  /** What had happened to packets on these links before. */
  readonly before: Travelled;
}

const NOTHING: Travelled = { delayed: 0, dropped: 0, duplicated: 0, reordered: 0, limited: 0 };

type NetworkLevers = Pick<Levers, 'cut' | 'shape' | 'throttle' | 'cutClients'>;

export function networkLevers(
  nodeOf: (id: NodeId) => Controlled,
  nodesOf: (ids: readonly NodeId[]) => readonly Controlled[],
): NetworkLevers {
  let shapes = 0;

  const bend = async (
    links: readonly Link[],
    shape: Omit<Shape, 'id'>,
    effectOf: (travelled: Travelled) => Effect,
  ): Promise<Injection> => {
    const id = ++shapes;
    const whole = { ...shape, id };
    const effect = { ...NOTHING };
    const begin = [...peers(links, 'from', nodeOf)].map(async ([sender, addresses]): Promise<Bend> => {
      const { travelled } = await sender.link.ask({ do: 'bend', addresses, shape: whole });
      return { sender, addresses, before: travels(travelled) };
    });
    const { heal, unasked } = await everywhere(begin, async ({ sender, addresses, before }) => {
      const after = travels((await sender.link.ask({ do: 'straighten', addresses, shape: id })).travelled);
      for (const what of kinds) effect[what] += after[what] - before[what];
    });
    return { heal, effect: () => ({ ...effectOf(effect), ...unasked() }) };
  };

  return {
    async cut(links) {
      let dropped = 0;
      const begin = [...peers(links, 'to', nodeOf)].map(async ([receiver, sources]) => {
        return { receiver, sources, before: sum((await receiver.link.ask({ do: 'cut', sources })).dropped) };
      });
      const { heal, unasked } = await everywhere(begin, async ({ receiver, sources, before }) => {
        const after = sum((await receiver.link.ask({ do: 'mend', sources })).dropped);
        dropped += after - before; // in one step: several receivers answer in any order
      });
      return { heal, effect: () => ({ 'packets dropped': dropped, ...unasked() }) };
    },

    shape(links, { delayNs = 0, jitterNs = 0, loss = 0, duplicate = 0, reorder = 0 }) {
      return bend(links, { delayNs, jitterNs, loss, duplicate, reorder }, (effect) => ({
        ...(delayNs + jitterNs > 0 && { 'packets delayed': effect.delayed }),
        ...(loss > 0 && { 'packets dropped': effect.dropped }),
        ...(duplicate > 0 && { 'packets duplicated': effect.duplicated }),
        ...(reorder > 0 && { 'packets reordered': effect.reordered }),
      }));
    },

    throttle(links, bytesPerSecond) {
      const plain = { delayNs: 0, jitterNs: 0, loss: 0, duplicate: 0, reorder: 0 };
      return bend(links, { ...plain, bytesPerSecond }, ({ limited, dropped }) => ({
        'packets held up': limited,
        'packets dropped by a full link': dropped,
      }));
    },

    async cutClients(ids, lost) {
      let dropped = 0;
      const begin = nodesOf(ids).flatMap((node) =>
        lost.map(async (what) => {
          const clients = clientsOf(node, what);
          return { node, clients, before: (await node.link.ask({ do: 'cut-clients', ...clients })).dropped };
        }),
      );
      const { heal, unasked } = await everywhere(begin, async ({ node, clients, before }) => {
        const after = (await node.link.ask({ do: 'mend-clients', ...clients })).dropped;
        dropped += after - before;
      });
      return { heal, effect: () => ({ "clients' packets dropped": dropped, ...unasked() }) };
    },
  };
}

function clientsOf({ id, ports, peers: others }: Controlled, lost: Clients['lost']): Clients {
  if (ports === undefined || others === undefined) throw new Error(`nobody knows who are clients of ${id}`);
  return { lost, ports, peers: others };
}

interface Begun {
  /** Ends them; again: what could not be ended before. */
  heal(): Promise<void>;
  /** Those that have not ended: what they did is told by their end. */
  unasked(): Effect;
}

/** Waits for all to have begun, or ends those that have. */
async function everywhere<T>(begin: readonly Promise<T>[], end: (one: T) => Promise<void>): Promise<Begun> {
  const settled = await Promise.allSettled(begin);
  const inForce = new Set(settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
  const heal = async (): Promise<void> => {
    await all(
      [...inForce].map(async (one) => {
        await end(one);
        inForce.delete(one);
      }),
    );
  };
  const failed = settled.find((one) => one.status === 'rejected');
  const unasked = (): Effect => (inForce.size === 0 ? {} : { [UNASKED]: inForce.size });
  if (failed === undefined) return { heal, unasked };
  await heal();
  throw failed.reason;
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

const kinds = ['delayed', 'dropped', 'duplicated', 'reordered', 'limited'] as const;

function travels(counts: Readonly<Record<string, Travelled>>): Travelled {
  const total = { ...NOTHING };
  for (const one of Object.values(counts)) for (const what of kinds) total[what] += one[what];
  return total;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, n) => total + n, 0);
}
