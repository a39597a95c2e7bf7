/** What servers say of themselves, asked past whatever cuts clients off. */
import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId, Sighting } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { reachOf, within } from '../stores/client.ts';
import { close, type Line, open } from './line.ts';
import { SELF, type Self, selfOf } from './places.ts';
import { PORT } from './spec.ts';

const ANSWER_NS = 1500 * MILLISECOND;

/** By who asks, and whom. Kept while they hold: servers are asked often. */
const kept = new WeakMap<Deployment, Map<string, Promise<Line>>>();

/**
 * Asks over the line that is kept for such questions: nothing that may take its time, for the next question waits behind it. Whoever
 * asks has a line of his own: one that does not answer in his time is given up, with all that waits on it.
 */
export async function selfAt(
  cluster: Deployment,
  node: NodeId,
  asker = 'sight',
  withinNs: number = ANSWER_NS,
): Promise<Self | undefined> {
  const { clock } = cluster;
  if (!cluster.isUp(node)) return undefined;
  const all = kept.get(cluster) ?? new Map<string, Promise<Line>>();
  kept.set(cluster, all);
  const name = `${asker} ${node}`;
  const line = all.get(name) ?? open(reachOf(cluster).aside(node, PORT), withinNs);
  all.set(name, line);
  try {
    const late = (): Error => new Error(`${node} does not answer`);
    const asked = line.then(async ({ sql }) => selfOf((await sql.unsafe(SELF))[0]));
    return await within(clock, clock.now() + withinNs, asked, late);
  } catch {
    if (all.get(name) === line) all.delete(name);
    line.then(close, () => undefined);
    return undefined;
  }
}

/** What the operator does to one server, over a line of its own. Rejects where it does not come to an end in time. */
export async function done<T>(
  cluster: Deployment,
  node: NodeId,
  withinNs: number,
  work: (line: Line) => Promise<T>,
): Promise<T> {
  const { clock } = cluster;
  const line = await open(reachOf(cluster).aside(node, PORT), withinNs);
  try {
    return await within(clock, clock.now() + withinNs, work(line), () => new Error(`${node} does not answer`));
  } finally {
    close(line);
  }
}

/** Its term is its timeline, which each promotion makes anew. */
export async function sight(cluster: Deployment, node: NodeId): Promise<readonly Sighting[]> {
  const self = await selfAt(cluster, node);
  if (self === undefined) return [];
  const at = { group: 'postgres', history: self.timeline, at: self.at };
  return [{ node, role: self.recovering ? 'follower' : 'leader', term: self.timeline, commit: at, applied: at }];
}

/** One primary, and all others follow it. */
export async function lacks(cluster: Deployment): Promise<readonly string[]> {
  const found = await Promise.all(
    cluster.nodes.map(async (node) => {
      const self = await selfAt(cluster, node);
      if (self === undefined) return `${node} does not answer; it said last: ${reachOf(cluster).lastWords(node)}`;
      return self.recovering && self.from === undefined ? `${node} does not hear its primary` : '';
    }),
  );
  return found.filter((sentence) => sentence !== '');
}
