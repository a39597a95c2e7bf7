/** The lever that environments do not have: operations are the system's own business, asked for in its own words. */
import { Refused } from '../history/store.ts';
import { type Effect, type Levers, REFUSED, UNKNOWN } from '../nemesis/fault.ts';
import type { Deployment } from './environments/environment.ts';
import type { System } from './system.ts';

/** Undefined when the system offers no operations. */
export function operating(system: System, cluster: Deployment): Levers['operate'] | undefined {
  if (system.operate === undefined) return undefined;
  return async (operation) => {
    const effect = await system
      .operate?.(cluster, operation)
      .catch(
        (error: unknown): Effect =>
          error instanceof Refused ? { [REFUSED + error.code]: 1 } : { [UNKNOWN + messageOf(error)]: 1 },
      );
    return { heal: () => Promise.resolve(), effect: () => effect ?? {} };
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
