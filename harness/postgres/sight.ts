/** What servers say of themselves, asked past whatever cuts clients off. */
import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId, Sighting } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { KeptLines } from '../stores/asking.ts';
import { reachOf, within } from '../stores/client.ts';
import { close, type Line, open } from './line.ts';
import { SELF, type Self, selfOf } from './places.ts';
import { PORT } from './spec.ts';

const ANSWER_NS = 1500 * MILLISECOND;

const lines = new KeptLines<Line>(close);

/** Undefined: it is down, did not answer in time, or with an error. Whoever asks has a line of his own. */
export async function selfAt(
  cluster: Deployment,
  node: NodeId,
  asker = 'sight',
  withinNs: number = ANSWER_NS,
): Promise<Self | undefined> {
  if (!cluster.isUp(node)) return undefined;
  return lines.ask(
    cluster,
    { node, asker, withinNs },
    () => open(reachOf(cluster).aside(node, PORT), withinNs),
    async ({ sql }) => selfOf((await sql.unsafe(SELF))[0]),
  );
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
      if (self === undefined) return `${node} does not answer`;
      return self.recovering && self.from === undefined ? `${node} does not hear its primary` : '';
    }),
  );
  return found.filter((sentence) => sentence !== '');
}
