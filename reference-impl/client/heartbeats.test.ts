/** Latencies: measured by a client itself, or by one of a region for all. */
import { describe, expect, test } from 'vitest';
import type { NodeId, Value } from '../core/types.ts';
import { type ClientConfig, RoutingClient } from './client.ts';
import { Latencies } from './latencies.ts';
import { type Asked, type Fate, readAnswer, World, written } from './testing.ts';

describe('a moving average', () => {
  test('follows what was measured, by a fifth each time', () => {
    const latencies = new Latencies(['n1'], 1000);
    expect(latencies.estimateMs('n1', 0)).toBeUndefined();
    latencies.answered('n1', 10, 0);
    latencies.answered('n1', 20, 1);
    expect(latencies.estimateMs('n1', 1)).toBe(12);
    for (let i = 0; i < 100; i++) latencies.answered('n1', 20, 2);
    expect(latencies.estimateMs('n1', 2)).toBeCloseTo(20, 6);
  });

  test('is taken from heartbeats, one at a time of each node, where requests tell too little', () => {
    const latencies = new Latencies(['n1', 'n2'], 1000);
    expect([latencies.nextToAsk(0), latencies.nextToAsk(0), latencies.nextToAsk(0)]).toEqual(['n1', 'n2', undefined]);
    latencies.heard('n1', true, 8);
    expect(latencies.table(8)).toEqual({ n1: 8 });
    expect(latencies.nextToAsk(1007)).toBeUndefined();
    expect(latencies.nextToAsk(1008)).toBe('n1');
  });

  test('is no better than the age of a heartbeat that is not answered; a lost one is sent again', () => {
    const latencies = new Latencies(['n1'], 1000);
    latencies.answered('n1', 10, 0);
    expect(latencies.nextToAsk(2000)).toBe('n1');
    expect(latencies.estimateMs('n1', 2005)).toBe(10);
    expect(latencies.estimateMs('n1', 2300)).toBe(300);
    expect([latencies.nextToAsk(4999), latencies.nextToAsk(5000)]).toEqual([undefined, 'n1']);
    latencies.heard('n1', false, 5001);
    expect(latencies.estimateMs('n1', 5001)).toBe(10);
  });
});

/** Three nodes, the farthest by name the fastest; keys are registers. */
class Region {
  readonly world: World;
  readonly stored = new Map<string, Value>();
  far: Record<NodeId, number> = { n1: 40, n2: 80, n3: 2 };

  constructor() {
    this.world = new World((asked) => ({ afterMs: this.far[asked.node] ?? 0, fate: this.#answer(asked) }));
  }

  #answer({ body }: Asked): Fate {
    if (body.type === 'read')
      return readAnswer(1, { values: body.keys.map((key) => this.stored.get(String(key)) ?? null) });
    if (body.type !== 'cas') return written(2);
    const held = this.stored.get(String(body.key)) ?? null;
    if (JSON.stringify(held) !== JSON.stringify(body.expected)) {
      return { type: 'mismatch', actual: held, version: { term: 1, index: 1 }, role: 'leader' };
    }
    this.stored.set(String(body.key), body.next);
    return written(2);
  }

  client(config: Partial<ClientConfig>): RoutingClient {
    const { dial, nowMs, timer } = this.world;
    return new RoutingClient({
      dial,
      nowMs,
      timer,
      nodes: ['n1', 'n2', 'n3'],
      readPath: 'follower',
      routing: 'fastest',
      region: 'eu',
      ...config,
    });
  }

  /** Reads now and then for a while; returns who served the last of them. */
  async read(client: RoutingClient, times: number): Promise<NodeId | undefined> {
    let node: NodeId | undefined;
    for (let i = 0; i < times; i++) {
      const answer = await this.world.settle(client.read(['x'], this.world.nowMs() + 1000));
      if (!(answer instanceof Error) && answer !== 'pending') node = answer.node;
      await this.world.pass(100);
    }
    return node;
  }
}

describe('the fastest', () => {
  test('is found by the client, and found anew when it has changed', async () => {
    const region = new Region();
    const client = region.client({});
    expect(await region.read(client, 10)).toBe('n3');
    region.far = { n1: 40, n2: 1, n3: 300 };
    expect(await region.read(client, 60)).toBe('n2');
  });

  test('is asked a cheap question of the client’s own', async () => {
    const region = new Region();
    await region.read(region.client({}), 3);
    const own = region.world.asked.filter(({ body }) => body.type === 'read' && body.path === 'local');
    expect(own.map(({ node, body }) => [node, body.type === 'read' && body.keys])).toEqual(
      ['n1', 'n2', 'n3'].map((node) => [node, ['~latency/eu']]),
    );
  });

  test('is told to a region by the one of its clients that publishes', async () => {
    const region = new Region();
    const a = region.client({ latencies: 'published', name: 'a' });
    expect(await region.read(a, 80)).toBe('n3');
    expect(region.stored.get('~latency/eu')).toMatchObject({ by: 'a' });
    const heartbeats = (): number =>
      region.world.asked.filter(({ body }) => body.type === 'read' && body.path === 'local').length;
    const before = heartbeats();
    const b = region.client({ latencies: 'published', name: 'b' });
    expect(await region.read(b, 25)).toBe('n3');
    expect(heartbeats()).toBe(before);
  });

  test('is published by another one when the publisher is gone', async () => {
    const region = new Region();
    region.stored.set('~latency/eu', { by: 'gone', sequence: 7, ms: { n1: 1, n2: 50, n3: 50 } });
    const b = region.client({ latencies: 'published', name: 'b' });
    expect(await region.read(b, 15)).toBe('n1');
    expect(await region.read(b, 80)).toBe('n3');
    expect(region.stored.get('~latency/eu')).toMatchObject({ by: 'b' });
  });

  test('is not believed from what is no table', async () => {
    for (const value of [7, [], { by: 'x' }, { by: 'x', sequence: 1, ms: { n1: 'near' } }]) {
      const region = new Region();
      region.stored.set('~latency/eu', value);
      expect(await region.read(region.client({ latencies: 'published', name: 'b' }), 12)).toBe('n1');
    }
  });
});
