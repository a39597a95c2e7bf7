/** What members say of themselves, asked past whatever cuts clients off. */
import type { Etcd3, IStatusResponse } from 'etcd3';
import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId, Sighting } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { reachOf, within } from '../stores/client.ts';
import { open, until } from './line.ts';
import { CLIENT } from './spec.ts';

const ANSWER_MS = 800;
const PROOF_MS = 300;

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

/** `node term`: it was seen to lead in that term. */
const proven = new WeakMap<Deployment, Set<string>>();

/**
 * The term that a member names is that of the last entry that it has applied. One that was just elected says that it leads and
 * names the term before; so its word counts once it has answered a linearizable read and named the same term before and after:
 * as a leader it answers one only when it has applied an entry of its own term, and had another one led since, it would have
 * applied one of that term. Until then it is a candidate.
 */
export async function sight(cluster: Deployment, node: NodeId): Promise<readonly Sighting[]> {
  const known = proven.get(cluster) ?? new Set<string>();
  proven.set(cluster, known);
  const seen = await asked(cluster, node, async ({ maintenance, kv }): Promise<Sighting[]> => {
    const before = await maintenance.status(until(ANSWER_MS));
    const claim = `${node} ${before.raftTerm}`;
    if (roleOf(before) === 'leader' && !known.has(claim)) {
      const read = kv.range({ key: Buffer.from('nothing') }, until(PROOF_MS));
      const isRead = await read.then(
        () => true,
        () => false,
      );
      const then = await maintenance.status(until(ANSWER_MS));
      if (isRead && roleOf(then) === 'leader' && then.raftTerm === before.raftTerm) known.add(claim);
    }
    const after = await maintenance.status(until(ANSWER_MS));
    if (before.raftTerm !== after.raftTerm || roleOf(before) !== roleOf(after)) return [];
    const term = Number(after.raftTerm);
    const at = { group: 'etcd', history: term, at: Number(after.header.revision) };
    const role = roleOf(after) === 'leader' && !known.has(claim) ? 'candidate' : roleOf(after);
    return [{ node, role, term, commit: at, applied: at }];
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
      if (status === undefined) return `${node} does not answer`;
      return status.leader === '0' ? `${node} knows no leader` : '';
    }),
  );
  return found.filter((sentence) => sentence !== '');
}
