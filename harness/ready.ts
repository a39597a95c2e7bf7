/** A fresh cluster is asked until every replication group is led, and the system says that it can be used. */
import { printable } from '../checkers/explain/labels.ts';
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
    if (crash !== undefined) throw await notStarted(cluster, `the cluster did not start: ${crash}`, crash);
    if (clock.now() >= deadline) {
      const late = led
        ? `after ${withinNs / SECOND} s ${lacks.join('; ')}`
        : `not every replication group had a leader within ${withinNs / SECOND} s${await silent(cluster, system)}`;
      throw await notStarted(cluster, `the cluster did not start: ${late}`);
    }
    await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
  }
  const why = await system.ready?.(cluster);
  if (why !== undefined) throw await notStarted(cluster, why);
}

/** Which nodes say nothing of themselves, as the end of a sentence. */
async function silent(cluster: Deployment, system: System): Promise<string> {
  const said = await Promise.all(cluster.nodes.map((node) => system.sight(cluster, node)));
  const none = cluster.nodes.filter((_, i) => said[i].length === 0);
  if (none.length === 0) return '';
  return `, and ${none.join(', ')} did not answer once it was over`;
}

/** What the nodes wrote last stands below the sentence; of a crash, which says the last of it, what that node wrote besides. */
async function notStarted(cluster: Deployment, sentence: string, crash?: string): Promise<NotStarted> {
  const told = await Promise.all(
    cluster.nodes.map(async (node): Promise<readonly string[]> => {
      if (crash !== undefined && !crash.split(' ', 6).includes(node)) return [];
      const lines = await cluster.lastLines?.(node).catch(() => undefined);
      if (lines === undefined || (crash !== undefined && lines.length <= 1)) return [];
      return lines.length === 0
        ? [`${node} wrote nothing`]
        : [`${node} wrote last:`, ...lines.map((line) => `  ${printable(line)}`)];
    }),
  );
  return new NotStarted([sentence, ...told.flat()].join('\n'));
}
