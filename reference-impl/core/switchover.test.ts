import { expect, it } from 'vitest';
import { Calm, NODES } from './testdata/calm.ts';
import { timings } from './testdata/cluster.ts';
import type { Response } from './types.ts';

function only(response: Response | undefined): string {
  if (response === undefined) return 'nothing';
  return response.type === 'refused' || response.type === 'unknown' ? response.code : response.type;
}

it('loses no request under load: each is answered, or refused for certain with a code that clients retry', () => {
  const codes = new Set<string>();
  let done = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const calm = new Calm(seed);
    calm.live(2000);
    const load: number[] = [];
    const operator: number[] = [];
    for (let i = 0; i < 1000; i++) {
      calm.after(i * 2, () => {
        const node = calm.leader() ?? NODES[i % 3];
        const ack = (['leader-ack', 'quorum-ack', 'all-ack'] as const)[i % 3];
        if (i % 4 === 3)
          load.push(calm.cluster.request(node, { type: 'read', path: 'leader', keys: ['x'], waitMs: 0 }));
        else load.push(calm.cluster.request(node, { type: 'write', ack, key: 'x', value: i }));
      });
    }
    for (let i = 0; i < 10; i++) {
      calm.after(100 + 180 * i, () => {
        const leader = calm.leader();
        if (leader !== undefined) operator.push(calm.cluster.request(leader, { type: 'switchover' }));
      });
    }
    calm.live(4000);
    expect(load).toHaveLength(1000);
    for (const request of load) codes.add(only(calm.cluster.answers.get(request)));
    for (const request of operator) if (only(calm.cluster.answers.get(request)) === 'done') done++;
  }
  expect(done).toBe(200);
  expect([...codes].sort()).toEqual(['HANDING_OVER', 'NOT_LEADER', 'read', 'written']);
});

it('waits for an all-ack write that can still be answered, and not for one that waits for a silent voter', () => {
  for (const silent of [false, true]) {
    const calm = new Calm(3);
    calm.live(2000);
    const leader = calm.leader() ?? expect.fail('nobody leads');
    const [to, third] = NODES.filter((id) => id !== leader);
    calm.cut.add(third);
    if (silent) calm.live(400);
    const write = calm.cluster.request(leader, { type: 'write', ack: 'all-ack', key: 'x', value: 1 });
    const switchover = calm.cluster.request(leader, { type: 'switchover', to });
    calm.live(100);
    expect(only(calm.cluster.answers.get(switchover))).toBe(silent ? 'done' : 'nothing');
    calm.cut.clear();
    calm.live(1000);
    expect(only(calm.cluster.answers.get(switchover))).toBe('done');
    expect(only(calm.cluster.answers.get(write))).toBe(silent ? 'LEADERSHIP_LOST' : 'written');
  }
});

it('is refused towards a node that is silent, or too far behind, and nothing changes', () => {
  const calm = new Calm(4);
  calm.live(2000);
  const leader = calm.leader() ?? expect.fail('nobody leads');
  const [behind] = NODES.filter((id) => id !== leader);
  const { term } = calm.cluster.replica(leader).status();
  const asked = (): Response | undefined => {
    const request = calm.cluster.request(leader, { type: 'switchover', to: behind });
    return calm.cluster.answers.get(request);
  };
  calm.cut.add(behind);
  calm.live(timings.electionMinMs + 100);
  expect(asked()).toEqual({ type: 'refused', code: 'NOT_CAUGHT_UP' });
  for (let i = 0; i < 6000; i++) calm.cluster.request(leader, { type: 'write', key: 'x', value: i });
  calm.live(100);
  calm.cut.clear();
  // It is heard from again, before it has what it missed.
  while (calm.cluster.replica(behind).status().lag === 0) calm.live(1);
  calm.live(4);
  expect(asked()).toEqual({ type: 'refused', code: 'NOT_CAUGHT_UP' });
  expect(calm.cluster.replica(leader).status()).toMatchObject({ role: 'leader', term });
  calm.live(1000);
  expect(only(asked())).toBe('nothing');
  calm.live(1000);
  expect(calm.leader()).toBe(behind);
});

it('hands over to the preferred leader once it is there, and tries ever less often if that fails', () => {
  const calm = new Calm(1, { preferredLeader: 'n2' });
  calm.live(5000);
  expect(calm.leader()).toBe('n2');
  calm.cut.add('n2');
  calm.live(2000);
  expect(calm.leader()).not.toBe('n2');
  // n2 is heard and has caught up, but is never asked to stand.
  calm.losesRequests = true;
  calm.cut.delete('n2');
  calm.events.length = 0;
  calm.live(120_000);
  const begun = calm.events.filter(({ event }) => event.type === 'switchover' && event.outcome === 'begun');
  const gaps = begun.slice(1).map(({ atMs }, i) => Math.round((atMs - begun[i].atMs) / timings.electionMaxMs));
  expect(gaps).toEqual([2, 4, 8, 16, 32, 64, 64]);
  calm.losesRequests = false;
  calm.live(64 * timings.electionMaxMs);
  expect(calm.leader()).toBe('n2');
  // It leads on: nobody hands over to anybody now.
  calm.events.length = 0;
  calm.live(5000);
  expect(calm.events.filter(({ event }) => event.type === 'role' || event.type === 'switchover')).toEqual([]);
});
