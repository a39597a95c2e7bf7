/** What nodes say of themselves, asked past whatever cuts clients off. */
import type { Redis } from 'ioredis';
import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId, Sighting } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { reachOf, within } from '../stores/client.ts';
import { ask, close, open } from './line.ts';
import { infoOf, place } from './places.ts';
import { MASTER, REDIS, SENTINEL } from './spec.ts';

const ANSWER_NS = 800 * MILLISECOND;

interface Lines {
  readonly redis: Redis;
  readonly sentinel: Redis;
}

/** Kept while they hold: nodes are asked often. */
const kept = new WeakMap<Deployment, Map<NodeId, Promise<Lines>>>();

async function asked<T>(cluster: Deployment, node: NodeId, work: (lines: Lines) => Promise<T>): Promise<T | undefined> {
  const { clock } = cluster;
  const all = kept.get(cluster) ?? new Map<NodeId, Promise<Lines>>();
  kept.set(cluster, all);
  const deadline = clock.now() + ANSWER_NS;
  const lines = all.get(node) ?? reach(cluster, node, deadline);
  all.set(node, lines);
  const hangUp = (): void => {
    if (all.get(node) === lines) all.delete(node);
    lines.then(
      ({ redis, sentinel }) => [redis, sentinel].forEach(close),
      () => undefined,
    );
  };
  try {
    return await within(clock, deadline, lines.then(work), () => new Error(`${node} does not answer`));
  } catch {
    hangUp();
    return undefined;
  }
}

async function reach(cluster: Deployment, node: NodeId, deadline: number): Promise<Lines> {
  const { aside } = reachOf(cluster);
  const redis = await open(cluster.clock, aside(node, REDIS), deadline);
  try {
    return { redis, sentinel: await open(cluster.clock, aside(node, SENTINEL), deadline) };
  } catch (error) {
    close(redis);
    throw error;
  }
}

/**
 * Its role is Redis's own word; its term is the configuration epoch that the Sentinel beside it knows. A master that its own
 * Sentinel does not name (yet, or any more) leads in no term: a candidate. Before and after, the Sentinel says the same.
 */
export async function sight(cluster: Deployment, node: NodeId): Promise<readonly Sighting[]> {
  const { nodeAt } = reachOf(cluster);
  const seen = await asked(cluster, node, async ({ redis, sentinel }): Promise<Sighting[]> => {
    const before = await epoch(sentinel);
    const [info, loading] = await ask(redis, [['INFO', 'replication'], ['PING']]);
    const after = await epoch(sentinel);
    if (before.term !== after.term || before.address !== after.address || loading instanceof Error) return [];
    const said = infoOf(String(info));
    const named = nodeAt(before.address) === node;
    const at = place(said);
    const role = said.isMaster ? (named ? 'leader' : 'candidate') : 'follower';
    return [{ node, role, term: before.term, commit: at, applied: at }];
  });
  return seen ?? [];
}

async function epoch(sentinel: Redis): Promise<{ readonly term: number; readonly address: string }> {
  const fields = await masterFields(sentinel);
  return { term: Number(fields.get('config-epoch')), address: fields.get('ip') ?? '' };
}

async function masterFields(sentinel: Redis): Promise<ReadonlyMap<string, string>> {
  const [answer] = await ask(sentinel, [['SENTINEL', 'MASTER', MASTER]]);
  if (answer instanceof Error) throw answer;
  const list = answer as readonly string[]; // names and values in turn
  return new Map(Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]));
}

/** Every replica is connected and follows, every Sentinel knows the others and the replicas. */
export async function lacks(cluster: Deployment): Promise<readonly string[]> {
  const others = cluster.nodes.length - 1;
  const found = await Promise.all(
    cluster.nodes.map(async (node): Promise<readonly string[]> => {
      const said = await asked(cluster, node, async ({ redis, sentinel }) => {
        const [info] = await ask(redis, [['INFO', 'replication']]);
        return { info: infoOf(String(info)), fields: await masterFields(sentinel) };
      });
      if (said === undefined) return [`${node} does not answer`];
      const { info, fields } = said;
      const sentences: string[] = [];
      const connected = Number(info.fields.get('connected_slaves'));
      if (info.isMaster && connected < others) sentences.push(`${node} has ${connected} of ${others} replicas`);
      if (!info.isMaster && info.fields.get('master_link_status') !== 'up') sentences.push(`${node} does not follow`);
      for (const [name, what] of [
        ['num-other-sentinels', 'other Sentinels'],
        ['num-slaves', 'replicas'],
      ]) {
        const known = Number(fields.get(name));
        if (known < others) sentences.push(`the Sentinel of ${node} knows ${known} of ${others} ${what}`);
      }
      return sentences;
    }),
  );
  return found.flat();
}
