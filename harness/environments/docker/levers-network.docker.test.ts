/** Narrow links, clients that are cut off, and processes that end in good order; seen by datagrams, clients and the engine. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND } from '../../../history/clock.ts';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import type { DockerCluster } from './cluster.ts';
import { prepared } from './deploy.ts';
import { clock, closeAll, exec, hears, leaderOf, ms, type Said, storeProcess, until, up } from './testing.ts';

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);

afterEach(closeAll, 60_000);

/** Sends datagrams of 1,000 bytes all at once: how many arrive, and how long after the first the last one does. */
async function burst(
  cluster: DockerCluster,
  from: string,
  to: string,
  count: number,
): Promise<{ readonly arrived: number; readonly ms: number }> {
  const listen = `const s = require('dgram').createSocket('udp4'); const at = [];
    s.on('message', () => at.push(performance.now())); s.bind(9997);
    setTimeout(() => { console.log(JSON.stringify({ arrived: at.length, ms: at.at(-1) - at[0] })); process.exit(0) }, 4500)`;
  const speak = `const s = require('dgram').createSocket('udp4');
    setTimeout(() => { for (let i = 0; i < ${count}; i++) s.send(Buffer.alloc(972), 9997, '${to}') }, 1500);
    setTimeout(() => process.exit(0), 2000)`;
  const [said] = await Promise.all([exec(cluster, to, 'node', '-e', listen), exec(cluster, from, 'node', '-e', speak)]);
  return JSON.parse(said) as { arrived: number; ms: number };
}

const said = async (cluster: DockerCluster, node: string): Promise<Said> => (await cluster.status(node)) as Said;

describe('a network', () => {
  need('docker');

  test('carries so much a second in one direction, as little as the narrower of two says; then what it can', async () => {
    const cluster = await up();
    await leaderOf(cluster);
    const link = [{ from: 'n1', to: 'n2' }];
    const before = await burst(cluster, 'n1', 'n2', 16);
    const from = clock.now();
    const wide = await cluster.levers.throttle?.(link, 40_000);
    const throttleMs = ms(from);
    const forty = await burst(cluster, 'n1', 'n2', 16);
    const other = await burst(cluster, 'n2', 'n1', 16);
    const narrow = await cluster.levers.throttle?.(link, 10_000);
    const ten = await burst(cluster, 'n1', 'n2', 30);
    expect((await cluster.lingering()).join()).toContain("its rules are not what they were: '-A TM-OUT -d ");
    await narrow?.heal();
    await wide?.heal();
    const after = await burst(cluster, 'n1', 'n2', 16);
    expect(await cluster.lingering()).toEqual([]);
    process.stdout.write(
      `16 kB over 40 kB/s: ${forty.ms.toFixed(0)} ms, in force after ${throttleMs.toFixed(0)} ms; without: ${before.ms.toFixed(0)} ms\n`,
    );
    for (const free of [before, other, after]) {
      expect(free.arrived).toBe(16);
      expect(free.ms).toBeLessThan(300);
    }
    // The store's own packets share the link: it may take longer, and never less.
    expect(forty.arrived).toBe(16);
    expect(forty.ms).toBeGreaterThan(370);
    // A second's worth waits, one more is on its way, and the rest is dropped.
    expect(ten.arrived).toBeLessThan(14);
    expect(ten.ms).toBeGreaterThan(600);
    expect(wide?.effect()['packets held up']).toBeGreaterThan(15);
    expect(narrow?.effect()['packets dropped by a full link']).toBeGreaterThan(10);
  }, 90_000);

  test('loses what clients ask of the leader, or its answers, while nodes hear one another', async () => {
    const cluster = await up();
    const leader = await leaderOf(cluster);
    const [other] = cluster.nodes.filter((node) => node !== leader);
    const ask = async (value: number): Promise<string> => {
      const line = cluster.dial(leader);
      const answered = line.request({ type: 'write', ack: 'quorum-ack', key: 'k', value });
      const late = clock.sleepUntil(clock.now() + 700 * MILLISECOND).then(() => ({ type: 'silence' }));
      const { type } = (await Promise.race([answered, late]).catch(() => ({ type: 'broken' }))) as { type: string };
      answered.catch(() => undefined);
      line.close();
      return type;
    };
    expect(await ask(1)).toBe('written');
    const { term, commit } = await said(cluster, leader);
    const from = clock.now();
    const deaf = await cluster.levers.cutClients?.([leader], ['requests']);
    const cutMs = ms(from);
    expect(await ask(2)).not.toBe('written');
    expect((await said(cluster, leader)).commit.index).toBe(commit.index);
    expect(await hears(cluster, other, leader)).toBe(true);
    expect((await cluster.lingering()).join()).toContain(`${leader} was not healed: its rules are not what they were`);
    await deaf?.heal();
    await deaf?.heal();
    const mute = await cluster.levers.cutClients?.([leader], ['answers']);
    const both = await cluster.levers.cutClients?.([leader], ['requests', 'answers']);
    await mute?.heal();
    expect(await ask(3)).not.toBe('written');
    await both?.heal();
    await until('an answer', async () => ((await ask(4)) === 'written' ? true : undefined));
    // What was asked on a line that is open when answers are lost is done.
    const line = cluster.dial(leader);
    await line.request({ type: 'read', path: 'leader', keys: ['k'], waitMs: 0 });
    const silent = await cluster.levers.cutClients?.([leader], ['answers']);
    const index = (await said(cluster, leader)).commit.index;
    const unanswered = line.request({ type: 'write', ack: 'quorum-ack', key: 'k', value: 5 }).catch(() => undefined);
    await until('the write', async () => ((await said(cluster, leader)).commit.index > index ? true : undefined));
    await silent?.heal();
    await unanswered;
    line.close();
    const lastSaid = await said(cluster, leader);
    expect([lastSaid.role, lastSaid.term]).toEqual(['leader', term]);
    for (const one of [deaf, both, silent]) expect(one?.effect()["clients' packets dropped"]).toBeGreaterThan(0);
    expect([cluster.crashes(), await cluster.lingering()]).toEqual([[], []]);
    process.stdout.write(`clients were cut off in ${cutMs.toFixed(0)} ms\n`);
  }, 60_000);

  test('sees a store end in good order, hand over, and come back', async () => {
    const cluster = await up();
    const leader = await leaderOf(cluster);
    const from = clock.now();
    const stop = await cluster.levers.stop?.([leader]);
    const stopMs = ms(from);
    expect(await storeProcess(cluster, leader)).toBeUndefined();
    expect(await cluster.lingering()).toEqual([`${leader} was not healed: it was not started again`]);
    const vain = await cluster.levers.stop?.([leader]);
    const next = await leaderOf(cluster, [leader]);
    await vain?.heal();
    expect(cluster.isUp(leader)).toBe(false);
    await stop?.heal();
    await until('an answer', () => cluster.status(leader));
    // Stopped in its tracks, it ends all the same.
    const pause = await cluster.levers.pause?.([next]);
    const again = await cluster.levers.stop?.([next]);
    expect(await storeProcess(cluster, next)).toBeUndefined();
    await again?.heal();
    await pause?.heal();
    await until('an answer', () => cluster.status(next));
    expect([stop?.effect()['nodes stopped in order'], vain?.effect()['nodes stopped in order']]).toEqual([1, 0]);
    expect([cluster.crashes(), await cluster.lingering()]).toEqual([[], []]);
    process.stdout.write(`the leader ended in good order in ${stopMs.toFixed(0)} ms\n`);
  }, 60_000);
});
