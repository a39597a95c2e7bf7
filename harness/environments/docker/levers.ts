/**
 * What faults may do to a cluster of containers. Each lever resolves when its effect is there: the kernel lists the rule, the
 * process has stopped or is gone. Injections compose as in the simulation: a link that two have cut is mended by the second
 * heal, and a node that was down when it was to be killed is not started by that heal.
 */
import type { Clock } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type { Levers } from '../../../nemesis/fault.ts';
import { clockLevers } from './levers-clock.ts';
import type { Controlled } from './controlled.ts';
import { diskLevers } from './levers-disk.ts';
import { networkLevers } from './levers-network.ts';
import { pressureLevers } from './levers-pressure.ts';
import { processLevers } from './levers-process.ts';

export type { Controlled } from './controlled.ts';

export function createLevers(
  nodeOf: (id: NodeId) => Controlled,
  clock: Clock,
  random: Random,
): Omit<Levers, 'operate'> {
  const nodesOf = (ids: readonly NodeId[]): readonly Controlled[] => [...new Set(ids)].map(nodeOf);

  return {
    ...clockLevers(nodeOf),
    ...diskLevers(nodesOf, random),
    ...processLevers(nodesOf, clock),
    ...networkLevers(nodeOf, nodesOf),
    ...pressureLevers(nodeOf),
  };
}
