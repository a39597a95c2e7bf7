/** What members say of themselves, asked past whatever cuts clients off. */
import type { Etcd3, IStatusResponse } from 'etcd3';
import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId, Sighting } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { reachOf, within } from '../stores/client.ts';
import { open, until } from './line.ts';
import { CLIENT } from './spec.ts';

const ANSWER_MS = 800;

/** Kept while they hold: members are asked often. */
const kept = new WeakMap<Deployment, Map<NodeId, Promise<Etcd3>>>();

async function asked<T>(cluster: Deployment, node: NodeId, work: (etcd: Etcd3) => Promise<T>): Promise<T | undefined> {
  const { clock } = cluster;
  const all = kept.get(cluster) ?? new Map<NodeId, Promise<Etcd3>>();
  kept.set(cluster, all);
  const line = all.get(node) ?? open(reachOf(cluster).aside(node, CLIENT));
  all.set(node, line);
  try {
    const late = (): Error => new Error(`${node} does not answer`);
    return await within(clock, clock.now() + ANSWER_MS * MILLISECOND, line.then(work), late);
  } catch {
    if (all.get(node) === line) all.delete(node);
    line.then(
      (etcd) => etcd.close(),
      () => undefined,
    );
    return undefined;
  }
}

/** Twice: what the second says of the leader is of the term that both name. */
export async function sight(cluster: Deployment, node: NodeId): Promise<readonly Sighting[]> {
  const seen = await asked(cluster, node, async ({ maintenance }): Promise<Sighting[]> => {
    const before = await maintenance.status(until(ANSWER_MS));
    const after = await maintenance.status(until(ANSWER_MS));
    if (before.raftTerm !== after.raftTerm) return [];
    const term = Number(after.raftTerm);
    const at = { group: 'etcd', history: term, at: Number(after.header.revision) };
    return [{ node, role: roleOf(after), term, commit: at, applied: at }];
  });
  return seen ?? [];
}

function roleOf({ leader, header }: IStatusResponse): Sighting['role'] {
  if (leader === '0') return 'candidate';
  return leader === header.member_id ? 'leader' : 'follower';
}

export async function lacks(cluster: Deployment): Promise<readonly string[]> {
  const found = await Promise.all(
    cluster.nodes.map(async (node) => {
      const status = await asked(cluster, node, ({ maintenance }) => maintenance.status(until(ANSWER_MS)));
      if (status === undefined) return `${node} does not answer; it said last: ${reachOf(cluster).lastWords(node)}`;
      return status.leader === '0' ? `${node} knows no leader` : '';
    }),
  );
  return found.filter((sentence) => sentence !== '');
}
