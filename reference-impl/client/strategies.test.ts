/**
 * What each read path asks, of whom, and what it does after a write.
 * long because: the strategies are told apart by the same world, one beside another.
 */
import { describe, expect, test } from 'vitest';
import type { NodeId, Position, Request, Response, Value } from '../core/types.ts';
import { type ClientConfig, RoutingClient } from './client.ts';
import { Indeterminate, RefusedByStore } from './errors.ts';
import { type Asked, type Fate, readAnswer, refused, World, written } from './testing.ts';

const nodes = ['n1', 'n2', 'n3'];
const LEADER = 'n1';
const FOLLOWER = 'n2';

interface Scene {
  readonly world: World;
  readonly client: RoutingClient;
  write(key?: string): Promise<unknown>;
  read(key?: string): Promise<unknown>;
  /** What was asked since the last look, as `leader leader [x]`: whom, by which path, for which keys. */
  asked(): string[];
}

/** A store whose leader is n1, and whose nodes answer anything, unless told otherwise. */
function scene(
  readPath: string,
  config: Partial<ClientConfig> = {},
  script?: (asked: Asked) => Fate | undefined,
): Scene {
  let index = 10;
  const world = new World((asked) => script?.(asked) ?? willing(asked));
  const willing = ({ node, body }: Asked): Response => {
    if (body.type === 'note') return { type: 'done', position: { term: 1, index } };
    if (body.type !== 'read') {
      return node === LEADER ? written(++index, { stampMs: 1000 + index }) : refused('NOT_LEADER', { leader: LEADER });
    }
    const atLeader = body.path === 'leader' || body.path === 'leader-lease';
    if (atLeader && node !== LEADER) return refused('NOT_LEADER', { leader: LEADER });
    return readAnswer(index, { role: node === LEADER ? 'leader' : 'follower', values: body.keys.map(() => null) });
  };
  const { dial, nowMs, timer } = world;
  const base = {
    dial,
    nowMs,
    timer,
    nodes,
    readPath,
    acknowledgement: 'quorum-ack',
    user: 'ann',
    userNode: 'n3',
  } as const;
  const client = new RoutingClient({ ...base, ...config });
  let seen = 0;
  const deadline = (): number => world.nowMs() + 1000;
  return {
    world,
    client,
    write: (key = 'x') => world.settle(client.write(key, 1, deadline())),
    read: (key = 'x') => world.settle(client.read([key], deadline())),
    asked() {
      const since = world.asked.slice(seen);
      seen = world.asked.length;
      return since.map(shown);
    },
  };
}

function shown({ node, body }: Asked): string {
  const who = node === LEADER ? 'leader' : node;
  if (body.type !== 'read') return `${who} ${body.type} ${'key' in body ? String(body.key) : ''}`.trim();
  const { path, keys, token, boundMs, notBeforeMs, user } = body;
  const needs = [
    token && `token ${token.index}`,
    boundMs !== undefined && `within ${boundMs}`,
    notBeforeMs !== undefined && `since ${notBeforeMs}`,
    user,
  ].filter(Boolean);
  return [who, path, keys.join(), ...needs].join(' ');
}

const place = (index: number, term = 1): Position => ({ term, index });

describe('paths of the store itself', () => {
  test.each([
    ['leader', `leader leader x`],
    ['leader-lease', `leader leader-lease x`],
    ['follower-linearizable', `${FOLLOWER} follower-linearizable x`],
    ['follower', `${FOLLOWER} follower x`],
    ['local', 'leader local x'],
    ['bounded-500ms', `${FOLLOWER} bounded x within 500`],
    ['bounded-37ms', `${FOLLOWER} bounded x within 37`],
  ])('%s', async (path, asked) => {
    const { write, read, asked: told } = scene(path);
    await write();
    told();
    await read();
    expect(told()).toEqual([asked]);
  });

  test('that do not exist are refused when the client is made', () => {
    for (const path of ['', 'bounded', 'bounded-0ms', 'bounded-5s', 'quorum']) {
      expect(() => scene(path)).toThrow(`no read path '${path}'`);
    }
    expect(() => scene('region', { userNode: undefined as unknown as string })).toThrow('userNode'); // on purpose
  });

  test('leave time to ask another node', async () => {
    const { world, read } = scene('follower+token', { carried: { read: [{ group: 'g0', ...place(3) }] } });
    await read();
    const [{ body }] = world.asked;
    expect(body).toMatchObject({ waitMs: 200 });
  });
});

describe('follower+token', () => {
  test('asks for what was read and written, and for no less than was read', async () => {
    const { write, read, asked } = scene('follower+token');
    await read();
    await write();
    await write();
    asked();
    await read();
    expect(asked()).toEqual([`${FOLLOWER} follower+token x token 12`]);
  });

  test('that is undone is said once, and what was read before still holds', async () => {
    const carried = { read: [{ group: 'g0', ...place(5) }] };
    const { write, read, asked, world } = scene(
      'follower+token',
      { carried, acknowledgement: 'leader-ack' },
      ({ body }) => (body.type === 'read' && body.token?.index === 11 ? refused('TOKEN_UNDONE') : undefined),
    );
    await write();
    asked();
    expect(await read()).toMatchObject({ code: 'TOKEN_UNDONE' });
    expect(await read()).toMatchObject({ values: [null] });
    expect(asked()).toEqual([`n1 token 11`, 'n1 token 5'].map((s) => s.replace('n1', `${FOLLOWER} follower+token x`)));
    expect(world.nowMs()).toBeLessThan(100);
  });

  test('does not take an answer from behind what was read, whatever the token says', async () => {
    let behind = 2;
    const carried = { read: [{ group: 'g0', ...place(8) }], hoped: [{ group: 'g0', ...place(9, 0) }] };
    const { read, asked } = scene('follower+token', { carried }, ({ body }) =>
      body.type === 'read' && behind-- > 0 ? readAnswer(7) : undefined,
    );
    expect(await read()).toMatchObject({ position: { index: 10 } });
    expect(asked().length).toBe(3);
  });

  test('is handed on to the successor on the same device', async () => {
    const first = scene('follower+token');
    await first.write();
    const next = scene('follower+token', { carried: structuredClone(first.client.carried()) });
    await next.read();
    expect(next.asked()[0]).toBe('leader follower+token x token 11');
  });
});

test('monotonic asks for what was read, not for what was written', async () => {
  const { write, read, asked } = scene('monotonic', {}, ({ body }) =>
    body.type === 'read' ? readAnswer(6) : undefined,
  );
  await write();
  await read();
  await read();
  expect(asked().slice(1)).toEqual([`${FOLLOWER} follower+token x`, `${FOLLOWER} follower+token x token 6`]);
});

test('follower+timestamp asks for the stamp of the latest write, by whichever leader', async () => {
  const { write, read, asked } = scene('follower+timestamp');
  await read();
  await write();
  await read();
  expect(asked()).toEqual(['leader follower x', 'leader write x', `${FOLLOWER} follower+timestamp x since 1011`]);
});

describe('own-leader', () => {
  test('reads what this device wrote from the leader, also when nobody knows what became of it', async () => {
    const lost = scene('own-leader', {}, ({ body }) =>
      body.type === 'write' && body.key === 'y' ? 'lost' : undefined,
    );
    await lost.write('x');
    expect(await lost.write('y')).toBeInstanceOf(Indeterminate);
    lost.asked();
    for (const key of ['x', 'y', 'z']) await lost.read(key);
    expect(lost.asked().filter((line) => !line.startsWith('n'))).toEqual(['leader leader x', 'leader leader y']);
    expect(lost.client.carried().own).toEqual(['x', 'y']);
  });
});

test('leader-window reads from the leader for a while after a write, then within that window', async () => {
  const { write, read, asked, world } = scene('leader-window', { leaderWindowMs: 700 });
  await read();
  await write();
  await read();
  await world.pass(650);
  await read();
  await world.pass(60);
  await read();
  expect(asked()).toEqual([
    'leader bounded x within 700',
    'leader write x',
    'leader leader x',
    'leader leader x',
    `${FOLLOWER} bounded x within 700`,
  ]);
});

describe('shared-token', () => {
  const key = '~seen/ann';

  /** The token as a register, with what else happens to it. */
  function register(): { held: Value; readonly of: (asked: Asked) => Fate | undefined } {
    const store = {
      held: null as Value,
      of: ({ body }: Asked): Fate | undefined => {
        if (body.type === 'read' && body.keys[0] === key)
          return readAnswer(90, { role: 'leader', values: [store.held] });
        if (body.type !== 'cas') return undefined;
        if (JSON.stringify(body.expected) !== JSON.stringify(store.held)) {
          return { type: 'mismatch', actual: store.held, version: place(80), role: 'leader' };
        }
        store.held = body.next;
        return written(91);
      },
    };
    return store;
  }

  test('is in the store before a write is acknowledged, beside what other devices put there', async () => {
    const store = register();
    store.held = [
      ['g0', 1, 4],
      ['g7', 1, 3],
    ];
    const { write, asked, world } = scene('shared-token', {}, (one) => {
      const fate = store.of(one);
      return one.body.type === 'cas' && fate !== undefined ? { afterMs: 100, fate } : fate;
    });
    expect(await write()).toMatchObject({ type: 'written' });
    expect(world.nowMs()).toBeGreaterThan(200);
    expect(asked()).toEqual(['leader write x', `leader cas ${key}`, `leader cas ${key}`]);
    expect(store.held).toEqual([
      ['g0', 1, 11],
      ['g7', 1, 3],
    ]);
  });

  test('leaves the token alone that has it already', async () => {
    const store = register();
    store.held = [['g0', 7, 1]];
    const { write, asked } = scene('shared-token', {}, store.of);
    await write();
    expect(asked()).toEqual(['leader write x', `leader cas ${key}`]);
    expect(store.held).toEqual([['g0', 7, 1]]);
  });

  test('is fetched from the leader before a follower is asked', async () => {
    const store = register();
    store.held = [['g0', 1, 8]];
    const { write, read, asked } = scene('shared-token', {}, store.of);
    await write('other');
    store.held = [['g0', 1, 30]];
    asked();
    await read();
    expect(asked()).toEqual([`leader leader ${key}`, `${FOLLOWER} follower+token x token 30`]);
  });

  test('that is undone is taken out for all devices', async () => {
    const store = register();
    store.held = [['g0', 1, 30]];
    const { read } = scene('shared-token', {}, (asked) =>
      asked.body.type === 'read' && asked.body.token?.index === 30 ? refused('TOKEN_UNDONE') : store.of(asked),
    );
    expect(await read()).toMatchObject({ code: 'TOKEN_UNDONE' });
    expect(store.held).toEqual([]);
    expect(await read()).toMatchObject({ values: [null] });
  });

  test('that can’t be stored leaves the write in doubt', async () => {
    const { write } = scene('shared-token', {}, ({ body }) => (body.type === 'cas' ? refused('DISK_FULL') : undefined));
    expect(await write()).toMatchObject({ message: 'TOKEN_NOT_SHARED: DISK_FULL' });
  });

  test('is whatever the key holds, as far as that is a token', async () => {
    const { read, asked } = scene('shared-token', {}, ({ body }) =>
      body.type === 'read' && body.path === 'leader'
        ? readAnswer(90, { values: [['?', ['g0', 'x', 1], 7]] })
        : undefined,
    );
    await read();
    expect(asked().at(-1)).toMatch(/follower\+token x$/);
  });
});

describe('region', () => {
  test('sends all devices of a user to one node, which is told of each write before the caller is', async () => {
    const noted: Fate = { afterMs: 100, fate: { type: 'done', position: { term: 1, index: 11 } } };
    const { write, read, asked, world } = scene('region', {}, ({ body }) => (body.type === 'note' ? noted : undefined));
    await write();
    expect(world.nowMs()).toBeGreaterThan(100);
    await read();
    expect(asked()).toEqual(['leader write x', 'n3 note', 'n3 region x ann']);
  });

  test('leaves a write in doubt that the node was not told of', async () => {
    const { write } = scene('region', {}, ({ body }) => (body.type === 'note' ? 'unreachable' : undefined));
    expect(await write()).toMatchObject({ message: 'NOT_NOTED: CONNECTION_REFUSED' });
  });

  test('asks the leader when the node will not serve, and tells the node what was seen there', async () => {
    const { read, asked } = scene('region', {}, ({ body }) =>
      body.type === 'read' && body.path === 'region' ? refused('LAGGING') : undefined,
    );
    expect(await read()).toMatchObject({ node: LEADER });
    expect(asked().slice(-2)).toEqual(['leader leader x', 'n3 note']);
  });

  test('refuses a read of which the node can’t be told', async () => {
    const down = ({ node }: { readonly node: NodeId }): Fate | undefined => (node === 'n3' ? 'unreachable' : undefined);
    const { read } = scene('region', {}, down);
    expect(await read()).toBeInstanceOf(RefusedByStore);
  });

  test('that waits for what is undone is told something newer', async () => {
    let undone = true;
    const { read, asked } = scene('region', {}, ({ body }) => {
      if (body.type === 'note') undone = false;
      return body.type === 'read' && body.path === 'region' && undone ? refused('TOKEN_UNDONE') : undefined;
    });
    expect(await read()).toMatchObject({ code: 'TOKEN_UNDONE' });
    expect(await read()).toMatchObject({ values: [null] });
    expect(asked()).toEqual(['n3 region x ann', 'leader leader x', 'n3 note', 'n3 region x ann']);
  });
});

describe('over several groups', () => {
  const groups = 4;
  /** Keys of g0 … g3 by slots.ts. */
  const keyOf = new Map<string, string>();

  async function sessionOver(
    config: Partial<ClientConfig> = {},
    script?: (asked: Asked) => Fate | undefined,
  ): Promise<Scene> {
    const made = scene('follower+token', { groups, ...config }, script);
    for (let i = 0; keyOf.size < groups; i++) {
      const answer = await made.world.settle(made.client.read([`k${i}`], made.world.nowMs() + 1000));
      if (!(answer instanceof Error) && answer !== 'pending') keyOf.set(answer.group, `k${i}`);
    }
    made.asked();
    return made;
  }
  const bodies = (made: Scene, n: number): Request[] => made.world.asked.slice(-n).map(({ body }) => body);
  const k = (group: string): string => keyOf.get(group) ?? '';

  test('each has its token, and a write says what its session has seen of the others', async () => {
    const made = await sessionOver();
    const fresh = scene('follower+token', { groups });
    await fresh.write(k('g0'));
    await fresh.write(k('g1'));
    await fresh.read(k('g1'));
    await fresh.read(k('g2'));
    const [first, second, third, fourth] = bodies(fresh, 4);
    expect(first).not.toHaveProperty('after');
    expect(second).toMatchObject({ after: [{ group: 'g0', term: 1, index: 11 }] });
    expect(third).toMatchObject({ token: place(12) });
    expect(fourth).not.toHaveProperty('token');
    expect(
      made.client
        .carried()
        .read?.map(({ group }) => group)
        .sort(),
    ).toEqual(['g0', 'g1', 'g2', 'g3']);
  });

  test('what the writer of a value had seen, its reader waits for', async () => {
    const after = [{ group: 'g3', term: 1, index: 44 }];
    const made = scene('follower+token', { groups }, ({ body }) =>
      body.type === 'read' && body.keys[0] === k('g1') ? readAnswer(20, { after }) : undefined,
    );
    await made.read(k('g1'));
    await made.read(k('g3'));
    await made.write(k('g2'));
    const [, read, write] = bodies(made, 3);
    expect(read).toMatchObject({ token: place(44) });
    expect(write).toMatchObject({
      after: [
        { group: 'g1', index: 20 },
        { group: 'g3', index: 44 },
      ],
    });
  });

  test('each has a leader of its own', async () => {
    const leaders: Readonly<Record<string, NodeId>> = { g0: 'n1', g1: 'n2', g2: 'n3', g3: 'n2' };
    const groupOfKey = new Map([...keyOf].map(([group, key]) => [key, group]));
    const made = scene('leader', { groups }, ({ node, body }) => {
      const leader = leaders[groupOfKey.get('key' in body ? String(body.key) : '') ?? ''];
      return node === leader ? written(3) : refused('NOT_LEADER', { leader });
    });
    for (const group of Object.keys(leaders)) await made.write(k(group));
    made.asked();
    for (const group of Object.keys(leaders)) await made.write(k(group));
    expect(made.world.asked.slice(-4).map(({ node }) => node)).toEqual(Object.values(leaders));
  });
});
