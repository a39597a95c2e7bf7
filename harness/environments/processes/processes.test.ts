import { afterEach, describe, expect, test } from 'vitest';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import reference from '../../systems/reference.ts';
import type { NodeEvent } from '../environment.ts';
import processes from './index.ts';

const clock = realClock();
const nodes = ['n1', 'n2', 'n3'];
let cluster: Awaited<ReturnType<typeof processes.deploy>> | undefined;
const seen: NodeEvent[] = [];

async function deployed(settings: Readonly<Record<string, string>> = {}): Promise<NonNullable<typeof cluster>> {
  buildFirst();
  seen.length = 0;
  const given = new Map(Object.entries(settings));
  cluster = await processes.deploy(new Map(nodes.map((node) => [node, reference.node(node, nodes, given)])), {
    seed: 1,
    settings: given,
    observe: (event) => seen.push(event),
  });
  return cluster;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = clock.now() + 20 * SECOND;
  while (clock.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleepUntil(clock.now() + 50 * MILLISECOND);
  }
  throw new Error(`${what} did not come about`);
}

function leader(of: NonNullable<typeof cluster>): Promise<NodeId> {
  return until('a leader', async () => {
    for (const node of nodes) {
      const sightings = (await reference.sight(of, node)) ?? [];
      if (sightings.some(({ role }) => role === 'leader')) return node;
    }
    return undefined;
  });
}

function answers(of: NonNullable<typeof cluster>, node: NodeId): Promise<boolean> {
  return of.status(node).then((status) => status !== undefined);
}

afterEach(async () => {
  await cluster?.destroy();
  cluster = undefined;
});

describe('a cluster of real processes', { timeout: 60_000 }, () => {
  test('a killed node is gone until it is healed, and comes back with its log', async () => {
    const up = await deployed();
    const victim = await leader(up);
    const line = up.dial(victim);
    const written = await line.request({ type: 'write', ack: 'all-ack', key: 'k', value: 1 });
    expect(written).toMatchObject({ type: 'written' });
    line.close();
    const injection = await up.levers.kill?.([victim]);
    expect(injection?.effect()).toEqual({ 'nodes killed': 1 });
    expect(up.isUp(victim)).toBe(false);
    expect(await answers(up, victim)).toBe(false);
    await injection?.heal();
    await until('the node', async () => ((await answers(up, victim)) ? true : undefined));
    const read = await until('its committed state', async () => {
      const again = up.dial(victim);
      const answer = await again
        .request({ type: 'read', path: 'follower', keys: ['k'], waitMs: 0 })
        .catch(() => undefined);
      again.close();
      return (answer as { type: string } | undefined)?.type === 'read' ? answer : undefined;
    });
    expect(read).toMatchObject({ values: [1] });
    expect(seen.filter((event) => event.node === victim).map(({ type }) => type)).toEqual(['up', 'down', 'up']);
    expect(up.crashes()).toEqual([]);
  });

  test('a stopped node says nothing until it is let go on', async () => {
    const up = await deployed();
    await leader(up);
    const injection = await up.levers.pause?.(['n2']);
    expect(await answers(up, 'n2')).toBe(false);
    await injection?.heal();
    expect(injection?.effect()).toMatchObject({ 'nodes stopped': 1 });
    await until('the node', async () => ((await answers(up, 'n2')) ? true : undefined));
  });

  test('a node with a damaged log heals from the others', async () => {
    const up = await deployed();
    const line = up.dial(await leader(up));
    for (let i = 0; i < 50; i++) await line.request({ type: 'write', ack: 'all-ack', key: `k${i}`, value: i });
    line.close();
    const injection = await up.levers.corruptDisk?.('n2');
    const { 'bits flipped': flipped, 'files cut': cut } = injection?.effect() ?? {};
    expect(flipped + cut).toBe(1);
    await injection?.heal();
    const healed = await until('healing', async () => {
      const status = (await up.status('n2')) as { damaged: boolean; notServing?: string; commit: { index: number } };
      return status !== undefined && !status.damaged && status.commit.index > 50 ? status : undefined;
    });
    expect(healed.notServing).toBeUndefined();
  });
});
