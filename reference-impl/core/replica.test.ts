import { expect, it } from 'vitest';
import { InvariantViolated } from './invariant.ts';
import { Cluster, timings } from './testdata/cluster.ts';
import type { Letter } from './testdata/cluster.ts';
import { elected, quiesce } from './testdata/rest.ts';

const quiet = {
  send: () => undefined,
  write: () => undefined,
  timer: () => undefined,
  disarm: () => undefined,
  answer: () => undefined,
  tell: () => undefined,
};

it('elects, commits a quorum-ack write, and reads it at the leader', () => {
  const cluster = elected();
  expect(cluster.replica('n1').status()).toMatchObject({ role: 'leader', term: 1, commit: { term: 1, index: 1 } });
  const write = cluster.request('n1', { type: 'write', ack: 'quorum-ack', key: 'x', value: 7 });
  expect(cluster.answers.has(write)).toBe(false);
  quiesce(cluster);
  expect(cluster.answers.get(write)).toEqual({
    type: 'written',
    version: { term: 1, index: 2 },
    role: 'leader',
    commit: 2,
  });
  const read = cluster.request('n1', { type: 'read', path: 'leader', keys: ['x', 'y'], waitMs: 0 });
  expect(cluster.answers.has(read)).toBe(false);
  quiesce(cluster);
  expect(cluster.answers.get(read)).toEqual({
    type: 'read',
    values: [7, null],
    versions: [{ term: 1, index: 2 }, undefined],
    position: { term: 1, index: 2 },
    role: 'leader',
  });
  for (const id of ['n2', 'n3']) {
    const follower = cluster.request(id, { type: 'read', path: 'follower', keys: ['x'], waitMs: 0 });
    expect(cluster.answers.get(follower)).toMatchObject({ values: [7], role: 'follower' });
    const refused = cluster.request(id, { type: 'write', ack: 'quorum-ack', key: 'x', value: 8 });
    expect(cluster.answers.get(refused)).toEqual({ type: 'refused', code: 'NOT_LEADER', leader: 'n1' });
  }
});

it('is a quorum of one when it is alone', () => {
  const cluster = new Cluster(['n1']);
  cluster.startAll();
  cluster.nowMs = 400;
  cluster.fire('n1', 'election');
  quiesce(cluster);
  const write = cluster.request('n1', { type: 'write', ack: 'all-ack', key: 'x', value: [1] });
  expect(cluster.answers.has(write)).toBe(false);
  quiesce(cluster);
  expect(cluster.answers.get(write)).toMatchObject({ type: 'written' });
  const cas = cluster.request('n1', { type: 'cas', ack: 'quorum-ack', key: 'x', expected: [1], next: null });
  quiesce(cluster);
  expect(cluster.answers.get(cas)).toMatchObject({ type: 'written', version: { term: 1, index: 3 } });
  const read = cluster.request('n1', { type: 'read', path: 'leader', keys: ['x'], waitMs: 0 });
  expect(cluster.answers.get(read)).toMatchObject({ values: [null], versions: [{ term: 1, index: 3 }] });
  cluster.nowMs += 10_000;
  cluster.fire('n1', 'check-quorum');
  expect(cluster.replica('n1').status().role).toBe('leader');
});

it('refuses a leader read that nobody confirms in time, and answers it no second time', () => {
  const cluster = elected();
  const read = cluster.request('n1', { type: 'read', path: 'leader', keys: ['x'], waitMs: 0 });
  cluster.nowMs += 1000;
  cluster.fire('n1', 'requests');
  expect(cluster.answers.get(read)).toEqual({ type: 'refused', code: 'NOT_READY' });
  quiesce(cluster);
});

it('begins one round for many reads, and at most four at a time', () => {
  const cluster = elected();
  const rounds = (): number =>
    new Set(cluster.letters.map(({ message }) => ('round' in message ? message.round : 0))).size;
  for (let i = 0; i < 20; i++) cluster.request('n1', { type: 'read', path: 'leader', keys: ['x'], waitMs: 0 });
  expect(rounds()).toBe(4);
  quiesce(cluster);
  expect(cluster.answers.size).toBe(20);
});

it('brings a follower that missed thousands of entries up to date', () => {
  const cluster = elected();
  const cutOff = ({ from, to }: Letter): boolean => from === 'n3' || to === 'n3';
  for (let i = 0; i < 5000; i++) cluster.request('n1', { type: 'write', ack: 'quorum-ack', key: i % 7, value: i });
  quiesce(cluster, cutOff);
  expect(cluster.replica('n3').status().last.index).toBe(1);
  cluster.fire('n1', 'heartbeat');
  quiesce(cluster);
  expect(cluster.replica('n3').status()).toMatchObject({ last: { index: 5001 }, commit: { term: 1, index: 5001 } });
});

it('keeps at most four batches on their way to a follower that does not answer', () => {
  const cluster = new Cluster(['n1', 'n2', 'n3'], { ...timings, batchEntriesMax: 10 });
  cluster.startAll();
  cluster.nowMs = 400;
  cluster.fire('n1', 'election');
  quiesce(cluster);
  for (let i = 0; i < 200; i++) cluster.request('n1', { type: 'write', ack: 'quorum-ack', key: i % 7, value: i });
  const sizes = cluster.letters
    .filter(({ to }) => to === 'n3')
    .map(({ message }) => (message.type === 'append' ? message.entries.length : 0));
  expect(sizes).toHaveLength(4);
  // What it missed comes in full batches, and no larger ones.
  const largest = new Set<number>();
  quiesce(cluster, ({ message }) => {
    if (message.type === 'append') largest.add(message.entries.length);
    return false;
  });
  expect(Math.max(...largest)).toBe(10);
  expect(cluster.replica('n3').status().last.index).toBe(201);
});

it('bounds in bytes what is on its way to a follower, and sends next to nothing until it knows the place', () => {
  const cluster = elected();
  const value = 'v'.repeat(64 * 1024);
  const write = (key: string, length: number): void => {
    cluster.request('n1', { type: 'write', ack: 'quorum-ack', key, value: value.repeat(length) });
  };
  const largest = new Set<number>();
  const toN3 = ({ from, to, message }: Letter): boolean => {
    if (message.type === 'append' && to === 'n3') largest.add(message.entries.length);
    return from === 'n3' || to === 'n3';
  };
  for (let i = 0; i < 200; i++) write('x', 1);
  // By itself beyond the bound: it goes alone.
  for (let i = 0; i < 3; i++) write('y', 20);
  const sent = cluster.letters.flatMap(({ to, message }) =>
    to === 'n3' && message.type === 'append' ? [message] : [],
  );
  expect(sent.map(({ entries }) => entries.length)).toEqual([1, 1, 1, 1]);
  quiesce(cluster, toN3);
  expect(largest).toEqual(new Set([1]));
  // It answers that it has not what was lost, and that answer comes, but not what is sent for it.
  cluster.fire('n1', 'heartbeat');
  let answers = 0;
  quiesce(cluster, ({ to, message }) => to === 'n3' && message.type === 'append' && answers++ > 0);
  largest.clear();
  for (let beat = 0; beat < 10; beat++) {
    cluster.fire('n1', 'heartbeat');
    quiesce(cluster, toN3);
  }
  expect(largest).toEqual(new Set([0]));
  cluster.fire('n1', 'heartbeat');
  largest.clear();
  quiesce(cluster, (letter) => toN3(letter) && false);
  expect([Math.max(...largest), cluster.replica('n3').status().last.index]).toEqual([15, 204]);
});

it('stops when its memory contradicts the protocol, but not when a defect is there to do so', () => {
  for (const defect of [undefined, 'no-fence']) {
    const cluster = new Cluster(['n1', 'n2', 'n3'], defect === undefined ? timings : { ...timings, defect });
    cluster.startAll();
    const append = { type: 'append', term: 1, prevIndex: 0, prevTerm: 0, entries: [], commit: 0, round: 0 } as const;
    cluster.replica('n3').receive('n1', append, 0, quiet);
    const second = (): void => cluster.replica('n3').receive('n2', append, 0, quiet);
    if (defect === undefined) expect(second).toThrow(InvariantViolated);
    else second();
  }
});
