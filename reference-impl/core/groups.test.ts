import { expect, it } from 'vitest';
import { Groups } from './groups.ts';
import { groupOf } from './slots.ts';
import { Calm, NODES } from './testdata/calm.ts';
import { Chaos } from './testdata/chaos.ts';
import type { Boot } from './testdata/cluster.ts';
import { Lens, Twin } from './testdata/lens.ts';
import type { DiskWrite, NodeId, Response, Status, Steps } from './types.ts';

const DEEP = process.env['TIDEMARK_DEEP'] !== undefined;

it('is a replica to the letter when there is one group', { timeout: 600_000 }, () => {
  for (let seed = 1; seed <= (DEEP ? 300 : 5); seed++) {
    const world = { boot: (...life: ConstructorParameters<typeof Twin>) => new Twin(...life) };
    expect(new Chaos(seed, undefined, world).run(5000).breaches, `seed ${seed}`).toEqual([]);
  }
});

it.each([2, 3])('keeps all invariants of each of %i groups under random faults', { timeout: 600_000 }, (count) => {
  let committed = 0;
  const seeds = DEEP ? 500 : 8;
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = new Chaos(seed, undefined, new Lens(count)).run(10_000);
    expect(outcome.breaches, `seed ${seed}`).toEqual([]);
    committed += outcome.committed;
  }
  expect(committed / seeds).toBeGreaterThan(100);
});

/** Nodes with so many groups; what they write is kept nowhere. */
function inhabitants(groups: number, spreadLeaders: boolean, wrote?: (node: NodeId, write: DiskWrite) => void) {
  const boot: Boot = (config, _durable, nowMs, out) => {
    const made: Steps<never> = new Groups({ ...config, groups, spreadLeaders }, [], nowMs, out as never);
    return made; // the letters of this world hold bundles
  };
  const kept = (node: NodeId, write: DiskWrite): boolean => {
    wrote?.(node, write);
    return true;
  };
  return { boot, kept };
}

function leaders(calm: Calm): readonly (NodeId | undefined)[] {
  const statuses = NODES.map((id): readonly [NodeId, readonly Status[]] => [id, calm.cluster.replica(id).statuses()]);
  const count = statuses[0][1].length;
  return Array.from({ length: count }, (_, i) => statuses.find(([, all]) => all[i].role === 'leader')?.[0]);
}

/** So many letters in two quiet seconds, each way, when n1 leads all groups. */
function idle(groups: number): Record<string, number> {
  const calm = new Calm(1, {}, inhabitants(groups, false));
  calm.live(3000);
  leaders(calm).forEach((leader, i) => {
    if (leader !== undefined) calm.cluster.request(leader, { type: 'switchover', group: `g${i}`, to: 'n1' });
  });
  calm.live(3000);
  expect(new Set(leaders(calm))).toEqual(new Set(['n1']));
  calm.sent = {};
  calm.live(2000);
  return calm.sent;
}

it('sends no more when it is idle with eight groups than with one', () => {
  const one = idle(1);
  expect(one).toEqual({ 'n1>n2': 40, 'n1>n3': 40, 'n2>n1': 40, 'n3>n1': 40 });
  expect(idle(8)).toEqual(one);
});

it('spreads the leaders over the voters, and then costs a bundle and its answer each way a tick', () => {
  const calm = new Calm(2, {}, inhabitants(8, true));
  calm.live(20_000);
  expect(leaders(calm)).toEqual(['n1', 'n2', 'n3', 'n1', 'n2', 'n3', 'n1', 'n2']);
  calm.sent = {};
  calm.live(2000);
  for (const from of NODES) for (const to of NODES) if (from !== to) expect(calm.sent[`${from}>${to}`]).toBe(80);
});

it('numbers writes upwards over all groups, names the group in each, and in events and statuses', () => {
  const tickets: Record<NodeId, number[]> = {};
  const groups = new Set<string>();
  const calm = new Calm(
    3,
    {},
    inhabitants(3, true, (node, { ticket, group }) => {
      (tickets[node] ??= []).push(ticket);
      groups.add(group ?? 'none');
    }),
  );
  calm.live(5000);
  for (const id of NODES) expect(tickets[id]).toEqual(tickets[id].map((_, i) => i + 1));
  expect([...groups].sort((a, b) => (a < b ? -1 : 1))).toEqual(['g0', 'g1', 'g2']);
  expect(new Set(calm.events.map(({ event }) => event.group))).toEqual(groups);
  expect(
    calm.cluster
      .replica('n2')
      .statuses()
      .map(({ group }) => group),
  ).toEqual(['g0', 'g1', 'g2']);
  expect(calm.cluster.replica('n2').status().group).toBe('g0');
});

it('takes a request to the group of its keys, and no request for several groups or none', () => {
  const calm = new Calm(4, {}, inhabitants(2, true));
  calm.live(10_000);
  const [ofG0, ofG1] = [0, 1].map((group) => ['a', 'b', 'c'].find((key) => groupOf(key, 2) === group) ?? '');
  const ask = (node: NodeId, body: Parameters<Calm['cluster']['request']>[1]): Response | undefined => {
    const request = calm.cluster.request(node, body);
    calm.live(100);
    return calm.cluster.answers.get(request);
  };
  expect(ask('n1', { type: 'write', key: ofG0, value: 1 })).toMatchObject({ type: 'written' });
  expect(ask('n1', { type: 'write', key: ofG1, value: 1 })).toMatchObject({
    type: 'refused',
    code: 'NOT_LEADER',
    leader: 'n2',
  });
  const wrong = { type: 'refused', code: 'WRONG_GROUP' };
  expect(ask('n1', { type: 'read', path: 'follower', keys: [ofG0, ofG1], waitMs: 0 })).toEqual(wrong);
  expect(ask('n1', { type: 'switchover', group: 'g2' })).toEqual(wrong);
  expect(ask('n1', { type: 'note', user: 'u', token: { group: 'g7', term: 1, index: 1 } })).toEqual(wrong);
  expect(ask('n2', { type: 'switchover', group: 'g1', to: 'n3' })).toMatchObject({ type: 'done' });
  expect(leaders(calm)).toEqual(['n1', 'n3']);
});

it('gives back with a value what its writer had seen of other groups', () => {
  const calm = new Calm(5, {}, inhabitants(2, true));
  calm.live(10_000);
  const [ofG0, ofG1] = [0, 1].map((group) => ['a', 'b', 'c'].find((key) => groupOf(key, 2) === group) ?? '');
  const first = calm.cluster.request('n1', { type: 'write', key: ofG0, value: 1 });
  calm.live(100);
  const written = calm.cluster.answers.get(first);
  if (written?.type !== 'written') expect.fail('not written');
  const token = { group: 'g0', ...written.version };
  calm.cluster.request('n2', { type: 'write', key: ofG1, value: 2, after: [token] });
  calm.live(100);
  for (const path of ['leader', 'follower', 'local'] as const) {
    const read = calm.cluster.request('n2', { type: 'read', path, keys: [ofG1], waitMs: 0 });
    calm.live(100);
    expect(calm.cluster.answers.get(read)).toMatchObject({ values: [2], after: [token] });
  }
});
