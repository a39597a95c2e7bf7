import { expect, it } from 'vitest';
import { Members } from './members.ts';
import { membersAt } from './testdata/configurations.ts';
import { type Cluster, readAll, timings } from './testdata/cluster.ts';
import type { Letter } from './testdata/cluster.ts';
import { generator } from './testdata/chaos.ts';
import { elected, quiesce } from './testdata/rest.ts';
import type { Entry, Membership, MembersChange } from './types.ts';

const INITIAL = ['n1', 'n2', 'n3'];

/** Against the log read from its end. */
it('knows the configuration of every place that is not committed, and of the last one that is', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const members = new Members('n1', { index: 0, members: { voters: INITIAL, learners: [] } });
    const log: Entry[] = [];
    let committed = 0;
    for (let step = 0; step < 80; step++) {
      const draw = random();
      const index = log.length + 1;
      if (draw < 0.3) log.push({ term: 1, index, command: { type: 'noop' } });
      else if (draw < 0.5) {
        const next: Membership = { voters: INITIAL.slice(Math.floor(random() * 3)), learners: [`n${step}`] };
        log.push({ term: 1, index, command: { type: 'members', members: next } });
        members.append(index, next);
      } else if (draw < 0.8) members.committed((committed += Math.floor(random() * (log.length - committed + 1))));
      else {
        const from = committed + 1 + Math.floor(random() * (log.length - committed + 1));
        const had = log.slice(from - 1).some(({ command }) => command.type === 'members');
        log.splice(from - 1);
        expect(members.undo(from)).toBe(had);
      }
      const current = membersAt(log, log.length, INITIAL);
      expect(members.current).toEqual(current);
      expect(members.others).toEqual(current.voters.filter((id) => id !== 'n1'));
      expect(members.selfVotes).toBe(current.voters.includes('n1'));
      for (let i = committed; i <= log.length; i++) expect(members.at(i).members).toEqual(membersAt(log, i, INITIAL));
    }
  }
});

function change(cluster: Cluster, body: MembersChange): number {
  return cluster.request('n1', { type: 'change-members', change: body });
}

it('answers `unknown` for a node that never comes, which stays a learner, and goes on with other changes', () => {
  const cluster = elected(INITIAL, { ...timings, snapshotPartItems: 1 });
  const add = change(cluster, { add: 'n4', as: 'voter' });
  quiesce(cluster);
  cluster.nowMs += 1000;
  cluster.fire('n1', 'requests');
  expect(cluster.answers.get(add)).toEqual({ type: 'unknown', code: 'TIMEOUT', waitingFor: ['n4'] });
  expect(cluster.replica('n1').status().members).toEqual({ voters: INITIAL, learners: ['n4'] });
  cluster.fire('n1', 'heartbeat');
  quiesce(cluster);
  const remove = change(cluster, { remove: 'n4' });
  quiesce(cluster);
  expect(cluster.answers.get(remove)).toMatchObject({ type: 'done', position: { term: 1, index: 3 } });
});

it('takes a learner for a voter that is a long round trip behind the load', () => {
  const cluster = elected(INITIAL, { ...timings, snapshotPartItems: 1 });
  cluster.add('n4', INITIAL);
  cluster.start('n4');
  change(cluster, { add: 'n4', as: 'learner' });
  quiesce(cluster);
  /** To and from n4, with the time of arrival: each way takes longer than a heartbeat. */
  const far = new Map<Letter, number>();
  const live = (forMs: number): void => {
    for (const endMs = cluster.nowMs + forMs; cluster.nowMs < endMs; cluster.nowMs += 10) {
      if (cluster.nowMs % 50 === 0) cluster.fire('n1', 'heartbeat');
      cluster.request('n1', { type: 'write', key: 'x', value: cluster.nowMs });
      for (const { id } of cluster.machines.values()) cluster.sync(id);
      for (const letter of cluster.letters.slice()) {
        const isFar = letter.from === 'n4' || letter.to === 'n4';
        if (!far.has(letter)) far.set(letter, cluster.nowMs + (isFar ? 80 : 0));
        if ((far.get(letter) ?? 0) > cluster.nowMs) continue;
        far.delete(letter);
        cluster.deliver(letter);
      }
    }
  };
  live(1000);
  const { matches, last } = cluster.replica('n1').status();
  expect(last.index - (matches?.['n4'] ?? 0)).toBeGreaterThan(10);
  const promote = change(cluster, { promote: 'n4' });
  live(500);
  expect(cluster.answers.get(promote)).toMatchObject({ type: 'done' });
  expect(cluster.replica('n1').status().members.voters).toEqual([...INITIAL, 'n4']);
});

it('waits for a new voter as long as it comes further', () => {
  const cluster = elected(INITIAL, { ...timings, snapshotPartItems: 1 });
  for (let key = 0; key < 10; key++) cluster.request('n1', { type: 'write', key, value: key });
  quiesce(cluster);
  cluster.compact('n1', readAll(cluster.open('n1'), 1000), 11);
  cluster.add('n4', INITIAL);
  cluster.start('n4');
  const add = change(cluster, { add: 'n4', as: 'voter', address: 'somewhere' });
  quiesce(cluster, ({ to }) => to === 'n4');
  for (let second = 0; second < 5; second++) {
    // A part or two a second get through.
    let delivered = 0;
    for (let i = 0; i < 20; i++) {
      cluster.nowMs += 50;
      cluster.fire('n1', 'heartbeat');
      quiesce(cluster, ({ to, message }) => to === 'n4' && message.type === 'snapshot-part' && ++delivered > 2);
    }
    cluster.fire('n1', 'requests');
    expect(cluster.answers.has(add), `after ${second} s`).toBe(false);
  }
  for (let i = 0; i < 10; i++) {
    cluster.nowMs += 50;
    cluster.fire('n1', 'heartbeat');
    quiesce(cluster);
  }
  expect(cluster.answers.get(add)).toMatchObject({ type: 'done' });
  const { members } = cluster.replica('n4').status();
  expect(members).toEqual({ voters: [...INITIAL, 'n4'], learners: [], addresses: { n4: 'somewhere' } });
});

it('waits for every voter of the configuration in which a write was taken, and says for whom', () => {
  const cluster = elected(INITIAL, { ...timings, snapshotPartItems: 1 });
  cluster.crash('n3');
  const before = cluster.request('n1', { type: 'write', ack: 'all-ack', key: 'x', value: 1 });
  quiesce(cluster);
  cluster.nowMs += 50;
  cluster.fire('n1', 'heartbeat');
  quiesce(cluster);
  change(cluster, { remove: 'n3' });
  const after = cluster.request('n1', { type: 'write', ack: 'all-ack', key: 'x', value: 2 });
  quiesce(cluster);
  expect(cluster.answers.has(before)).toBe(false);
  expect(cluster.replica('n1').status().waitingFor).toEqual(['n3']);
  cluster.nowMs += 960;
  cluster.fire('n1', 'requests');
  expect(cluster.answers.get(before)).toEqual({ type: 'unknown', code: 'TIMEOUT', waitingFor: ['n3'] });
  expect(cluster.answers.get(after)).toMatchObject({ type: 'written' });
  expect(cluster.replica('n1').status().waitingFor).toEqual([]);
});

it('counts a new disk under an old name for nothing', () => {
  const cluster = elected(INITIAL, { ...timings, snapshotPartItems: 1 });
  cluster.request('n1', { type: 'write', key: 'x', value: 1 });
  quiesce(cluster);
  change(cluster, { remove: 'n3' });
  quiesce(cluster);
  cluster.crash('n3');
  cluster.add('n3', ['n1', 'n2']);
  change(cluster, { add: 'n3', as: 'learner' });
  quiesce(cluster);
  expect(cluster.replica('n1').status().matches).toMatchObject({ n2: 4, n3: 0 });
  const early = change(cluster, { promote: 'n3' });
  expect(cluster.answers.get(early)).toEqual({ type: 'refused', code: 'NOT_CAUGHT_UP' });
  cluster.start('n3');
  cluster.nowMs += 50;
  cluster.fire('n1', 'heartbeat');
  quiesce(cluster);
  const promote = change(cluster, { promote: 'n3' });
  quiesce(cluster);
  expect(cluster.answers.get(promote)).toMatchObject({ type: 'done' });
});

it('is told the configuration by a snapshot, where the log that said it is gone', () => {
  const cluster = elected();
  const away = ({ from, to }: Letter): boolean => from === 'n3' || to === 'n3';
  cluster.add('n4', INITIAL);
  cluster.start('n4');
  change(cluster, { add: 'n4', as: 'learner' });
  quiesce(cluster, away);
  cluster.request('n1', { type: 'write', key: 'x', value: 1 });
  quiesce(cluster, away);
  cluster.compact('n1', readAll(cluster.open('n1'), 1000), cluster.replica('n1').status().commit.index);
  for (let beats = 0; beats < 3; beats++) {
    cluster.nowMs += 50;
    cluster.fire('n1', 'heartbeat');
    quiesce(cluster);
  }
  const members = { voters: INITIAL, learners: ['n4'] };
  expect(cluster.replica('n3').status()).toMatchObject({ first: 4, members });
  cluster.crash('n3');
  cluster.start('n3');
  expect(cluster.replica('n3').status().members).toEqual(members);
});
