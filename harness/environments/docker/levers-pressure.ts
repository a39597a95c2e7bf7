/** Less of the machine than a node was made with: processors and memory, changed while it runs, by the engine. */
import type { NodeId } from '../../../history/operation.ts';
import { type Levers, type Squeeze, UNASKED } from '../../../nemesis/fault.ts';
import type { Pressed } from './agent/protocol.ts';
import type { Controlled } from './controlled.ts';

interface InForce {
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

const MEBIBYTE = 1024 * 1024;
const TRIES = 5;

export function pressureLevers(nodeOf: (id: NodeId) => Controlled): Pick<Levers, 'squeeze'> {
  const inForce = new Map<NodeId, Set<InForce>>();
  /** One change at a time of each node. */
  const turns = new Map<NodeId, Promise<unknown>>();

  const apply = (node: Controlled, alter: (all: Set<InForce>) => void): Promise<void> => {
    const changed = (turns.get(node.id) ?? Promise.resolve()).then(async () => {
      const all = inForce.get(node.id) ?? new Set();
      inForce.set(node.id, all);
      alter(all);
      const least = (of: (one: InForce) => number | undefined): number | undefined => {
        const given = [...all].flatMap((one) => of(one) ?? []);
        return given.length === 0 ? undefined : Math.min(...given);
      };
      await node.limit?.({ cpus: least(({ cpus }) => cpus), memoryBytes: least(({ memoryBytes }) => memoryBytes) });
    });
    turns.set(
      node.id,
      changed.catch(() => undefined), // whoever asked is told
    );
    return changed;
  };

  return {
    async squeeze(id, { cpus, memorySpareMb }: Squeeze) {
      const node = nodeOf(id);
      if (node.limit === undefined) throw new Error(`the limits of ${id} cannot be changed`);
      const before = await node.link.ask({ do: 'pressure' });
      const oneOf = ({ memoryBytes }: Pressed, tries: number): InForce => ({
        ...(cpus !== undefined && { cpus }),
        ...(memorySpareMb !== undefined && { memoryBytes: memoryBytes + tries * memorySpareMb * MEBIBYTE }),
      });
      let one = oneOf(before, 1);
      if (memorySpareMb !== undefined) await node.fail?.(1);
      const release = async (): Promise<void> => {
        await apply(node, (all) => all.delete(one));
        if (memorySpareMb !== undefined) await node.fail?.(-1);
      };
      for (let tries = 1; ; tries++) {
        try {
          await apply(node, (all) => all.add(one));
          break;
        } catch (error) {
          // The engine refuses a limit that is already passed, by what the kernel cannot take back at once too: a little more, then.
          if (memorySpareMb === undefined || tries === TRIES) {
            await release();
            throw error;
          }
          await apply(node, (all) => all.delete(one));
          one = oneOf(await node.link.ask({ do: 'pressure' }), tries + 1);
        }
      }
      let after: Pressed | undefined;
      return {
        async heal() {
          if (after !== undefined) return;
          await release();
          after = await node.link.ask({ do: 'pressure' });
        },
        effect: () =>
          after === undefined
            ? { [UNASKED]: 1 }
            : {
                ...(cpus !== undefined && {
                  'ms without a processor': Math.round(after.throttledMs - before.throttledMs),
                }),
                ...(memorySpareMb !== undefined && {
                  'times out of memory': after.memoryFailures - before.memoryFailures,
                }),
              },
      };
    },
  };
}
