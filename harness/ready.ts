/** A fresh cluster is asked until every replication group is led, and the system says that it can be used. */
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { Deployment } from './environments/environment.ts';
import type { System } from './system.ts';
import type { Watch } from './watch.ts';

/** How long a fresh cluster may take to elect. */
const READY_NS = 10 * SECOND;
const LOOK_AGAIN_NS = 50 * MILLISECOND;

/** The cluster is not led, and will not be. */
export class NotStarted extends Error {}

/** Rejects with {@link NotStarted}, which says why. */
export async function untilLed(cluster: Deployment, watch: Watch, system: System): Promise<void> {
  const { clock } = cluster;
  const deadline = clock.now() + READY_NS;
  for (;;) {
    await watch.look();
    if (watch.led || system.leaderless === true) break;
    const [crash] = cluster.crashes();
    if (crash !== undefined) throw new NotStarted(`the cluster did not start: ${crash}`);
    if (clock.now() >= deadline) {
      const late = `not every replication group had a leader within ${READY_NS / SECOND} s`;
      throw new NotStarted(`the cluster did not start: ${late}`);
    }
    await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
  }
  const why = await system.ready?.(cluster);
  if (why !== undefined) throw new NotStarted(why);
}
