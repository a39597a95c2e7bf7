/** Clocks that are off for the store's process alone: the machine's own is never touched. See agent/clocks.ts. */
import type { NodeId } from '../../../history/operation.ts';
import { type Levers, UNASKED } from '../../../nemesis/fault.ts';
import type { Misled } from './agent/protocol.ts';
import type { Controlled } from './controlled.ts';

export function clockLevers(nodeOf: (id: NodeId) => Controlled): Pick<Levers, 'clock'> {
  let skews = 0;
  return {
    async clock(id, skew) {
      const { link } = nodeOf(id);
      const number = ++skews;
      const before = await link.ask({ do: 'clock', number, skew });
      let misled: Misled | undefined;
      return {
        async heal() {
          const after = await link.ask({ do: 'clock', number });
          misled ??= {
            shifted: after.shifted - before.shifted,
            rated: after.rated - before.rated,
            waits: after.waits - before.waits,
          };
        },
        effect: () => {
          if (misled === undefined) return { [UNASKED]: 1 };
          const { shifted, rated, waits } = misled;
          return {
            'wall clock readings shifted': shifted,
            ...(skew.driftPpm !== 0 && { 'clock readings at another rate': rated, 'waits shorter or longer': waits }),
          };
        },
      };
    },
  };
}
