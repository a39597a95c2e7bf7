/** A fresh cluster is asked until every replication group is led, and the system says that it can be used. */
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { Deployment } from './environments/environment.ts';
import type { System } from './system.ts';
import type { Watch } from './watch.ts';

/** How long a fresh cluster may take to elect, also on a machine that does a lot besides. */
const READY_NS = 30 * SECOND;
const LOOK_AGAIN_NS = 50 * MILLISECOND;

/** The cluster is not led, and will not be. */
export class NotStarted extends Error {}

/** Rejects with {@link NotStarted}, which says why. */
export async function untilLed(cluster: Deployment, watch: Watch, system: System): Promise<void> {
  const { clock } = cluster;
  const withinNs = system.start?.withinNs ?? READY_NS;
  const deadline = clock.now() + withinNs;
  for (;;) {
    await watch.look();
    const led = watch.led || system.leaderless === true;
    const lacks = led ? ((await system.start?.lacks(cluster)) ?? []) : [];
    if (led && lacks.length === 0) break;
    const [crash] = cluster.crashes();
    if (crash !== undefined) throw new NotStarted(`the cluster did not start: ${crash}`);
    if (clock.now() >= deadline) {
      const late = led
        ? `after ${withinNs / SECOND} s ${lacks.join('; ')}`
        : `not every replication group had a leader within ${withinNs / SECOND} s${lastWords(cluster)}`;
      throw new NotStarted(`the cluster did not start: ${late}`);
    }
    await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
  }
  const why = await system.ready?.(cluster);
  if (why !== undefined) throw new NotStarted(why);
}

/** Of stores that are not ours, which say why where nobody else does. */
function lastWords({ reach, nodes }: Deployment): string {
  return reach === undefined ? '' : nodes.map((node) => `; ${node} said last: ${reach.lastWords(node)}`).join('');
}
