/** All that is tried on a scratch cluster, in order. */
import type { Bench } from './bench.ts';
import type { Trial } from './trial.ts';
import { diskTrials } from './trials-disk.ts';
import { networkTrials } from './trials-network.ts';
import { clockTrials, pressureTrials, processTrials } from './trials-node.ts';

export function trialsOn(bench: Bench): readonly Trial[] {
  return [
    ...networkTrials(bench),
    ...processTrials(bench),
    ...clockTrials(bench),
    ...diskTrials(bench),
    ...pressureTrials(bench),
  ];
}
