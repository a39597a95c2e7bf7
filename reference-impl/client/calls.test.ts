import { describe, expect, test } from 'vitest';
import type { NodeId, Request } from '../core/types.ts';
import { RoutingClient, type ClientConfig } from './client.ts';
import { Indeterminate, RefusedByStore } from './errors.ts';
import { type Fate, readAnswer, refused, TRIP_MS, World, written } from './testing.ts';

const nodes = ['n1', 'n2', 'n3'];
const DEADLINE_MS = 1000;

function clientOf(world: World, config: Partial<ClientConfig> = {}): RoutingClient {
  const { dial, nowMs, timer } = world;
  return new RoutingClient({ dial, nowMs, timer, nodes, readPath: 'leader', acknowledgement: 'quorum-ack', ...config });
}

const again = { name: 'c', sendsAgain: true } as const;

/** How a write ends whose attempts have these fates, in order; what is asked beyond them is refused. */
async function writing(
  fates: readonly Fate[],
  config: Partial<ClientConfig> = {},
): Promise<{ outcome: string; asked: World['asked']; tookMs: number }> {
  const world = new World((_asked, n) => fates[n] ?? refused('NOT_LEADER'));
  const client = clientOf(world, config);
  const outcome = told(await world.settle(client.write('x', 1, DEADLINE_MS)));
  return { outcome, asked: world.asked, tookMs: world.nowMs() };
}

function told(ended: unknown): string {
  if (ended instanceof RefusedByStore) return `fail ${ended.code}`;
  if (ended instanceof Indeterminate) return `info ${ended.message}`;
  if (ended instanceof Error) throw ended;
  return 'ok';
}

const mismatched: Fate = { type: 'mismatch', actual: 2, version: { term: 1, index: 5 }, role: 'leader' };

const asker = ({ asked }: { readonly asked: World['asked'] }): NodeId[] => asked.map(({ node }) => node);
const origins = (asked: World['asked']): unknown[] =>
  asked.map(({ body }) => ('origin' in body ? body.origin : undefined));

describe('a write', () => {
  test('goes to the leader that a refusal names, and is not sent anywhere else', async () => {
    const { outcome, asked } = await writing([refused('NOT_LEADER', { leader: 'n3' }), written(7)]);
    expect(outcome).toBe('ok');
    expect(asker({ asked })).toEqual(['n1', 'n3']);
  });

  test('is sent on after every definite refusal, and has failed when all were', async () => {
    const { outcome, asked, tookMs } = await writing(['unreachable', refused('NOT_READY'), 'unreachable']);
    expect(outcome).toBe('fail NOT_LEADER');
    expect(asker({ asked }).slice(0, 3)).toEqual(['n1', 'n2', 'n3']);
    expect(asked.length).toBeGreaterThan(5);
    expect(tookMs).toBeLessThanOrEqual(DEADLINE_MS);
  });

  test('without an origin is sent no more once nobody knows what became of it', async () => {
    for (const [fate, outcome] of [
      ['lost', 'info CONNECTION_LOST'],
      ['silent', 'info TIMEOUT'],
      [{ type: 'unknown', code: 'LEADERSHIP_LOST' }, 'info LEADERSHIP_LOST'],
      [{ type: 'unknown', code: 'TIMEOUT', waitingFor: ['n2', 'n3'] }, 'info TIMEOUT: waiting for n2, n3'],
    ] as const satisfies readonly (readonly [Fate, string])[]) {
      const ended = await writing([fate, written(7)]);
      expect([ended.outcome, ended.asked.length]).toEqual([outcome, 1]);
    }
  });

  test('with an origin is sent again, the same each time, to whoever leads', async () => {
    for (const fate of ['lost', 'silent', { type: 'unknown', code: 'LEADERSHIP_LOST' }] as const) {
      const { outcome, asked } = await writing([fate, refused('NOT_LEADER', { leader: 'n3' }), written(7)], again);
      expect([outcome, asker({ asked })]).toEqual(['ok', ['n1', 'n2', 'n3']]);
      expect(origins(asked)).toEqual([1, 2, 3].map(() => ({ client: 'c', sequence: 1, since: 0 })));
    }
  });

  test('is in doubt when one attempt was, whatever became of the others', async () => {
    expect((await writing(['lost'], again)).outcome).toBe('info CONNECTION_LOST');
    expect((await writing([refused('NOT_READY'), 'lost', 'unreachable'], again)).outcome).toBe('info CONNECTION_LOST');
    expect((await writing(['silent', 'silent', 'silent'], again)).outcome).toBe('info TIMEOUT');
    expect((await writing(['lost', refused('BAD_REQUEST')], again)).outcome).toBe('info CONNECTION_LOST');
  });

  test('takes the answer to an attempt that was given up', async () => {
    const late: Fate = { afterMs: 600, fate: written(7) };
    const { outcome, tookMs } = await writing([late], again);
    expect([outcome, tookMs]).toEqual(['ok', 600 + 2 * TRIP_MS]);
  });

  test('that the leader alone acknowledged has no certain place when another attempt may have been taken', async () => {
    const asked = async (fates: readonly Fate[], acknowledgement: 'leader-ack' | 'quorum-ack'): Promise<unknown[]> => {
      const config = { ...again, acknowledgement };
      const worlds = [0, 1].map(() => new World((_asked, n) => fates[n] ?? refused('NOT_LEADER')));
      const write = clientOf(worlds[0], config).write('x', 1, DEADLINE_MS);
      const cas = clientOf(worlds[1], config).compareAndSet('x', null, 1, DEADLINE_MS);
      const ended = [await worlds[0].settle(write), await worlds[1].settle(cas)];
      return ended.map((one) => (one instanceof Error ? told(one) : (one as { elsewhere?: true }).elsewhere));
    };
    for (const doubtful of ['lost', 'silent', { type: 'unknown', code: 'LEADERSHIP_LOST' }] as const) {
      expect(await asked([doubtful, written(7)], 'leader-ack')).toEqual([true, true]);
      expect(await asked([doubtful, written(7)], 'quorum-ack')).toEqual([undefined, undefined]);
    }
    for (const certain of ['unreachable', refused('NOT_READY')] as const) {
      expect(await asked([certain, written(7)], 'leader-ack')).toEqual([undefined, undefined]);
    }
    expect((await asked(['lost', mismatched], 'leader-ack'))[1]).toBe('info CONNECTION_LOST');
    expect((await asked(['lost', mismatched], 'quorum-ack'))[1]).toBe(undefined);
    expect((await asked(['unreachable', mismatched], 'leader-ack'))[1]).toBe(undefined);
  });

  test('has failed when the attempt that was given up is refused in the end', async () => {
    const late: Fate = { afterMs: 600, fate: refused('NOT_LEADER') };
    expect((await writing([late], again)).outcome).toBe('fail NOT_LEADER');
  });

  test('of a fresh client learns since when it is new, unless it may have been taken', async () => {
    const tooOld = refused('ORIGIN_TOO_OLD', { commit: 500 });
    const fresh = await writing([tooOld, written(501, { commit: 501 })], again);
    expect(fresh.outcome).toBe('ok');
    expect(origins(fresh.asked)).toEqual([
      { client: 'c', sequence: 1, since: 0 },
      { client: 'c', sequence: 1, since: 500 },
    ]);
    expect((await writing(['lost', tooOld, written(501)], again)).outcome).toBe('info CONNECTION_LOST');
    expect((await writing([refused('ORIGIN_TOO_OLD')], again)).outcome).toBe('fail ORIGIN_TOO_OLD');
  });

  test('says since when it is new by what answers told', async () => {
    const world = new World(({ body }) => (body.type === 'read' ? readAnswer(40) : written(50, { commit: 49 })));
    const client = clientOf(world, again);
    await world.settle(client.read(['x'], DEADLINE_MS));
    for (let i = 0; i < 2; i++) await world.settle(client.write('x', i, DEADLINE_MS));
    expect(origins(world.asked.slice(1))).toEqual([
      { client: 'c', sequence: 1, since: 40 },
      { client: 'c', sequence: 2, since: 49 },
    ]);
  });

  test('believes the leader that less is committed than was said before, as after a promotion by force', async () => {
    const world = new World(({ body }) => {
      if (body.type !== 'write') return readAnswer(700);
      return (body.origin?.since ?? 0) > 90 ? refused('ORIGIN_TOO_OLD', { commit: 90 }) : written(91, { commit: 90 });
    });
    const client = clientOf(world, again);
    await world.settle(client.read(['x'], DEADLINE_MS));
    for (let i = 0; i < 2; i++) expect(told(await world.settle(client.write('x', i, DEADLINE_MS)))).toBe('ok');
    expect(origins(world.asked.slice(1)).map((origin) => (origin as { since: number }).since)).toEqual([700, 90, 90]);
  });

  test('is asked for again shortly after the leader began to hand over', async () => {
    const { outcome, asked, tookMs } = await writing([
      refused('HANDING_OVER'),
      refused('HANDING_OVER', { leader: 'n2' }),
      written(7),
    ]);
    expect([outcome, asker({ asked })]).toEqual(['ok', ['n1', 'n1', 'n2']]);
    expect(tookMs).toBeLessThan(60);
  });

  test('waits for room on the leader that has none', async () => {
    const world = new World(({ node, atMs }) =>
      node === 'n1' ? (atMs < 300 ? refused('DISK_FULL') : written(7)) : refused('NOT_LEADER', { leader: 'n1' }),
    );
    expect(told(await world.settle(clientOf(world).write('x', 1, DEADLINE_MS)))).toBe('ok');
    expect(asker(world).slice(0, 3)).toEqual(['n1', 'n2', 'n1']);
    expect(new Set(asker(world).slice(3))).toEqual(new Set(['n1']));
  });
});

describe('a cas', () => {
  test('tells of a mismatch, also when it was sent again', async () => {
    const mismatch = { type: 'mismatch', actual: 3, version: { term: 1, index: 6 }, role: 'leader' } as const;
    const world = new World((_asked, n) => (n === 0 ? 'lost' : mismatch));
    const answer = await world.settle(clientOf(world, again).compareAndSet('x', 1, 2, DEADLINE_MS));
    expect(answer).toMatchObject({ type: 'mismatch', actual: 3, node: 'n2' });
  });
});

describe('a read', () => {
  test('is asked of another node after a broken line and after silence, and is never in doubt', async () => {
    const world = new World((_asked, n) => (['lost', 'silent'] as const)[n] ?? readAnswer(9));
    expect(await world.settle(clientOf(world).read(['x'], DEADLINE_MS))).toMatchObject({ values: [9] });
    expect(asker(world)).toEqual(['n1', 'n2', 'n3']);
    const silent = new World(() => 'silent');
    expect(told(await silent.settle(clientOf(silent).read(['x'], DEADLINE_MS)))).toBe('fail NO_ANSWER');
    expect(silent.nowMs()).toBe(DEADLINE_MS);
  });

  test.each(['LEADER_LOST', 'LAGGING', 'DISK_SLOW', 'DISK_FULL', 'NOT_READY', 'TOO_STALE'] as const)(
    'passes over a follower that says %s, for a while, and ends at the leader where the path allows',
    async (code) => {
      const isLeader = (node: NodeId): boolean => node === 'n1';
      const world = new World(({ node, body }) => {
        if (body.type === 'write') return written(3);
        return isLeader(node) ? readAnswer(3, { role: 'leader' }) : refused(code);
      });
      const client = clientOf(world, { readPath: 'follower' });
      await world.settle(client.write('x', 1, DEADLINE_MS));
      world.asked.length = 0;
      const read = async (): Promise<unknown> => world.settle(client.read(['x'], world.nowMs() + DEADLINE_MS));
      expect(await read()).toMatchObject({ node: 'n1', role: 'leader' });
      expect(asker(world)).toEqual(['n2', 'n3', 'n1']);
      await read();
      expect(asker(world).slice(3)).toEqual(['n1']);
      await world.pass(600);
      await read();
      expect(asker(world).slice(4)).toEqual(['n2', 'n3', 'n1']);
    },
  );

  test('is not served by a node without a vote where only voters will do, unless that one is asked by name', async () => {
    const roles = { n1: 'learner', n2: 'learner', n3: 'follower' } as const;
    const world = new World(({ node }) => readAnswer(3, { role: roles[node as keyof typeof roles] }));
    const read = async (config: Partial<ClientConfig>): Promise<unknown> =>
      world.settle(clientOf(world, { readPath: 'follower', ...config }).read(['x'], world.nowMs() + DEADLINE_MS));
    expect(await read({ votersOnly: true })).toMatchObject({ node: 'n3' });
    expect(await read({ votersOnly: true, only: 'n2' })).toMatchObject({ node: 'n2' });
    expect(await read({})).toMatchObject({ node: 'n1' });
  });

  test('of several groups is refused before it is sent', async () => {
    const world = new World(() => readAnswer(1));
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    expect(told(await world.settle(clientOf(world, { groups: 4 }).read(keys, DEADLINE_MS)))).toBe('fail WRONG_GROUP');
    expect(world.asked).toEqual([]);
  });

  test('that finds its token undone is told so at once', async () => {
    const world = new World(() => refused('TOKEN_UNDONE'));
    const carried = { wrote: [{ group: 'g0', term: 1, index: 5 }] };
    const client = clientOf(world, { readPath: 'follower+token', carried });
    expect(told(await world.settle(client.read(['x'], DEADLINE_MS)))).toBe('fail TOKEN_UNDONE');
    expect([world.asked.length, client.carried()]).toEqual([1, {}]);
  });
});

describe('an answer of another kind', () => {
  test('is no answer', async () => {
    for (const [ask, answer] of [
      [(c: RoutingClient) => c.read(['x'], DEADLINE_MS), written(1)],
      [(c: RoutingClient) => c.write('x', 1, DEADLINE_MS), readAnswer(1)],
      [(c: RoutingClient) => c.compareAndSet('x', 1, 2, DEADLINE_MS), readAnswer(1)],
    ] as const) {
      const world = new World(() => answer);
      expect(await world.settle<unknown>(ask(clientOf(world)))).toBeInstanceOf(Error);
    }
  });
});

describe('close', () => {
  const closing = async (
    fate: Fate,
    ask: (client: RoutingClient) => Promise<unknown>,
    config = {},
  ): Promise<string> => {
    const world = new World(() => fate);
    const client = clientOf(world, config);
    const asked = ask(client);
    await world.pass(15);
    client.close();
    const outcome = told(await world.settle(asked));
    expect(world.nowMs()).toBe(15);
    await world.pass(1000);
    expect(world.waiting).toBe(0);
    return outcome;
  };
  const write = (client: RoutingClient): Promise<unknown> => client.write('x', 1, DEADLINE_MS);

  test('ends what waits: in doubt only what may have been taken', async () => {
    expect(await closing('silent', (client) => client.read(['x'], DEADLINE_MS))).toBe('fail CLOSED');
    expect(await closing('silent', write)).toBe('info CLOSED');
    expect(await closing('lost', write, again)).toBe('info CONNECTION_LOST');
    expect(await closing(refused('NOT_LEADER'), write)).toBe('fail CLOSED');
  });

  test('lets nothing more be asked', async () => {
    const world = new World(() => written(1));
    const client = clientOf(world);
    client.close();
    expect(told(await world.settle(client.write('x', 1, DEADLINE_MS)))).toBe('fail CLOSED');
    expect(world.asked).toEqual([]);
  });
});

describe('cancel', () => {
  test('ends what waits, in doubt only what may have been taken, and the client goes on', async () => {
    for (const [fate, write, read] of [
      ['silent', 'info CANCELLED', 'fail CANCELLED'],
      ['lost', 'info CONNECTION_LOST', 'fail CANCELLED'],
      [refused('NOT_LEADER'), 'fail CANCELLED', 'fail CANCELLED'],
    ] as const) {
      const state = { cancelled: false };
      const world = new World(({ body }) => {
        if (!state.cancelled) return fate;
        return body.type === 'read' ? readAnswer(3) : written(3);
      });
      const client = clientOf(world, again);
      const asked = [client.write('x', 1, DEADLINE_MS), client.read(['x'], DEADLINE_MS)] as const;
      await world.pass(15);
      client.cancel();
      state.cancelled = true;
      expect([told(await world.settle(asked[0])), told(await world.settle(asked[1]))]).toEqual([write, read]);
      expect(world.nowMs()).toBe(15);
      const before = world.asked.length;
      expect(told(await world.settle(client.write('x', 2, 2 * DEADLINE_MS)))).toBe('ok');
      expect(await world.settle(client.read(['x'], 2 * DEADLINE_MS))).toMatchObject({ values: [3] });
      // What was cancelled is not asked again.
      expect(world.asked.length).toBe(before + 2);
    }
  });

  test('ends a read that waits to ask again, and one that would ask the leader next', async () => {
    const behind = new World(() => readAnswer(3));
    const token = [{ group: 'g0', term: 1, index: 5 }];
    const reader = clientOf(behind, { readPath: 'monotonic', carried: { read: token } });
    const read = reader.read(['x'], DEADLINE_MS);
    await behind.pass(15);
    reader.cancel();
    expect(told(await behind.settle(read))).toBe('fail CANCELLED');
    const silent = new World(() => 'silent');
    const roaming = clientOf(silent, { readPath: 'region', user: 'ann', userNode: 'n2' });
    const asked = roaming.read(['x'], DEADLINE_MS);
    await silent.pass(15);
    roaming.cancel();
    expect(told(await silent.settle(asked))).toBe('fail CANCELLED');
    expect(asker(silent)).toEqual(['n2']);
  });
});

describe('a broken line', () => {
  test('fails each of the requests on it, and is dialled anew', async () => {
    const world = new World(({ atMs }, n) =>
      n === 0
        ? 'lost'
        : n === 1
          ? { afterMs: 1, fate: 'lost' }
          : n === 2 && atMs === 0
            ? { afterMs: 2, fate: written(3) }
            : written(9),
    );
    const client = clientOf(world, { nodes: ['n1'] });
    const all = Promise.all(
      [1, 2, 3].map(async (value) =>
        client.write('x', value, DEADLINE_MS).then(
          () => 'ok',
          (error: unknown) => told(error),
        ),
      ),
    );
    expect(await world.settle(all)).toEqual(['info CONNECTION_LOST', 'info CONNECTION_LOST', 'ok']);
    expect(world.closed).toEqual(['n1']);
  });
});

test('keys that begin with a tilde are a user’s like any other', async () => {
  const world = new World(({ body }) => (body.type === 'read' ? readAnswer(1) : written(1)));
  const client = clientOf(world);
  await world.settle(client.write('~seen/u', 1, DEADLINE_MS));
  await world.settle(client.write('x~', 1, DEADLINE_MS));
  await world.settle(client.read(['~', 7], DEADLINE_MS));
  const keys = world.asked.map(({ body }: { readonly body: Request }) =>
    'key' in body ? body.key : body.type === 'read' ? body.keys : undefined,
  );
  expect(keys).toEqual(['~~seen/u', 'x~', ['~~', 7]]);
});
