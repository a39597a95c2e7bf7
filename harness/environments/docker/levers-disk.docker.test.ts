/** Bad disks of real containers, seen by what a program of its own under the same shim reads and writes, and by the store's clients. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND } from '../../../history/clock.ts';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import type { DockerCluster } from './cluster.ts';
import { prepared } from './deploy.ts';
import { clock, closeAll, exec, leaderOf, ms, storeProcess, until, up } from './testing.ts';

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);

afterEach(closeAll, 60_000);

/** What a program says that has the store's disk: `fs` and `folder`, which is the store's, are there. */
function onItsDisk(cluster: DockerCluster, node: string, program: string): Promise<string> {
  const env = [
    'LD_PRELOAD=/opt/shims/tm-io.so',
    'TM_IO=/run/tidemark/io',
    'TM_IO_JOURNAL=/run/tidemark/journal',
    'TM_IO_DATA=/data/store',
    'UV_USE_IO_URING=0',
  ];
  const whole = `const fs = require('fs'), folder = '/data/store/'; ${program}`;
  return exec(cluster, node, 'env', ...env, 'node', '-e', whole);
}

function write(cluster: DockerCluster, node: string, value: number): Promise<unknown> {
  const line = cluster.dial(node);
  return line.request({ type: 'write', ack: 'quorum-ack', key: 'k', value }).finally(() => line.close());
}

const type = (answer: unknown): string => (answer as { readonly type: string }).type;

describe('a disk', () => {
  need('docker');

  test('holds what is written, as long as two say so, and lets it go on', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    expect(type(await write(cluster, 'n1', 1))).toBe('written');
    const from = clock.now();
    const stall = await cluster.levers.stallDisk?.('n1');
    const stallMs = ms(from);
    const again = await cluster.levers.stallDisk?.('n1');
    let answered = false;
    const waits = write(cluster, 'n1', 2).then(
      () => void (answered = true),
      () => undefined,
    );
    await clock.sleepUntil(clock.now() + 300 * MILLISECOND);
    await stall?.heal();
    await stall?.heal();
    await clock.sleepUntil(clock.now() + 300 * MILLISECOND);
    expect(answered).toBe(false);
    // It has not been stopped: it says so itself.
    expect(await cluster.status('n1')).toBeDefined();
    expect((await cluster.lingering()).join()).toBe(
      'n1 was not healed: its disk is not what it was: syncs take 0 ns longer, there is room, it is stalled',
    );
    await again?.heal();
    await waits;
    await until('a write', async () => (type(await write(cluster, 'n1', 3)) === 'written' ? true : undefined));
    // What one of them holds waits for the other too, and is counted once.
    const held = [stall, again].map((one) => one?.effect()['syncs and writes held'] ?? 0);
    expect(held[0] + held[1]).toBeGreaterThan(0);
    expect(await cluster.lingering()).toEqual([]);
    process.stdout.write(`a disk was stalled in ${stallMs.toFixed(1)} ms\n`);
  }, 60_000);

  test('fails to read or to write, below the data folder only; a store that ends of it is started once it is well', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    const tries = `const say = (what) => { try { what(); console.log('well') } catch (error) { console.log(error.code) } };
      say(() => fs.readFileSync(folder + 'probe')); say(() => fs.readFileSync('/etc/passwd'));
      say(() => fs.writeFileSync(folder + 'probe', 'x')); say(() => fs.writeFileSync('/tmp/probe', 'x'));
      const file = fs.openSync(folder + 'probe', 'r+'); say(() => fs.fsyncSync(file))`;
    await onItsDisk(cluster, 'n1', `fs.writeFileSync(folder + 'probe', 'x')`);
    const results = async (): Promise<string> => (await onItsDisk(cluster, 'n1', tries)).replaceAll('\n', ' ');
    expect(await results()).toBe('well well well well well');
    const reads = await cluster.levers.failDisk?.('n1', { reads: 1, writes: 0 });
    expect(await results()).toBe('EIO well well well well');
    expect((await cluster.lingering()).join()).toMatch(/reads fail$/);
    await reads?.heal();
    expect(reads?.effect()).toEqual({ 'reads failed': 1 });
    const before = await storeProcess(cluster, 'n1');
    const writes = await cluster.levers.failDisk?.('n1', { reads: 0, writes: 1 });
    expect(await results()).toBe('well well EIO well EIO');
    void write(cluster, 'n1', 4).catch(() => undefined);
    await until('its end', async () => (cluster.isUp('n1') ? undefined : true));
    await writes?.heal();
    expect(writes?.effect()['writes and syncs failed']).toBeGreaterThan(2);
    expect((await until('a process', () => storeProcess(cluster, 'n1'))).pid).not.toBe(before?.pid);
    await leaderOf(cluster);
    expect(type(await write(cluster, 'n1', 5))).toBe('written');
    const some = await cluster.levers.failDisk?.('n1', { reads: 0.3, writes: 0 });
    const half = `let failed = 0; for (let i = 0; i < 1000; i++) try { fs.readFileSync(folder + 'probe') } catch { failed++ }
      console.log(failed)`;
    const failed = Number(await onItsDisk(cluster, 'n1', half));
    await some?.heal();
    // A file is read in one call or two.
    expect(failed).toBeGreaterThan(230);
    expect(failed).toBeLessThan(600);
    expect(await results()).toBe('well well well well well');
    expect([cluster.crashes(), await cluster.lingering()]).toEqual([[], []]);
  }, 60_000);

  test('loses at a power cut what was not synced, and nothing else; a kill loses nothing', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    const program = `const keep = fs.openSync(folder + 'keep', 'w+'), part = fs.openSync(folder + 'part', 'w+');
      const dsync = fs.openSync(folder + 'dsync', fs.constants.O_CREAT | fs.constants.O_WRONLY | fs.constants.O_DSYNC);
      for (let i = 0; i < 50; i++) { fs.writeSync(keep, 'k'.repeat(100)); fs.fdatasyncSync(keep); fs.writeSync(dsync, 'd'.repeat(100), i * 100) }
      fs.writeFileSync(folder + 'over', 'a'.repeat(5000)); const over = fs.openSync(folder + 'over', 'r+'); fs.fsyncSync(over);
      fs.writeFileSync(folder + 'emptied', 'e'.repeat(3000)); const emptied = fs.openSync(folder + 'emptied', 'r+'); fs.fsyncSync(emptied);
      fs.writeSync(part, 's'.repeat(1000)); fs.fsyncSync(part);
      fs.writeSync(over, 'b'.repeat(2000), 1000);
      for (let i = 0; i < 20; i++) fs.writeSync(part, 'u'.repeat(700));
      fs.writeFileSync(folder + 'emptied', 'new');
      fs.mkdirSync(folder + 'below', { recursive: true }); fs.writeFileSync(folder + 'below/' + process.pid, 'x')`;
    const look = `const of = (name) => { const seen = {}; for (const c of fs.readFileSync(folder + name, 'latin1')) seen[c] = (seen[c] ?? 0) + 1; return seen };
      console.log(JSON.stringify(Object.fromEntries(['keep', 'dsync', 'part', 'over', 'emptied'].map((name) => [name, of(name)]))))`;
    const seen = async (): Promise<unknown> =>
      JSON.parse(await exec(cluster, 'n1', 'node', '-e', `const fs = require('fs'), folder = '/data/store/'; ${look}`));
    const whole = {
      keep: { k: 5000 },
      dsync: { d: 5000 },
      part: { s: 1000, u: 14_000 },
      over: { a: 3000, b: 2000 },
      emptied: { n: 1, e: 1, w: 1 },
    };
    const [lost, kept]: [number[], number[]] = [[], []];
    for (let round = 0; round < 6; round++) {
      await onItsDisk(cluster, 'n1', program);
      const kill = await cluster.levers.kill?.(['n1']);
      await kill?.heal();
      expect(await seen()).toEqual(whole);
      await leaderOf(cluster);
      const from = clock.now();
      const cut = await cluster.levers.cutPower?.(['n1']);
      if (round === 0) process.stdout.write(`power was cut in ${ms(from).toFixed(1)} ms\n`);
      const left = (await seen()) as typeof whole;
      expect([left.keep, left.dsync, left.part.s]).toEqual([whole.keep, whole.dsync, 1000]);
      kept.push(left.part.u ?? 0);
      const effect = cut?.effect() ?? {};
      lost.push(effect['unsynced writes lost']);
      if (effect['writes torn'] === 0 && effect['unsynced writes lost'] >= 22) {
        expect(left).toEqual({ ...whole, part: { s: 1000 }, over: { a: 5000 }, emptied: { e: 3000 } });
      }
      await cut?.heal();
      await leaderOf(cluster);
    }
    expect(Math.max(...lost)).toBeGreaterThanOrEqual(22);
    // A new file that nobody synced, nor its folder, is not there; where it was the last that the disk had got to, it is.
    const fresh = await exec(cluster, 'n1', 'sh', '-c', 'ls /data/store/below | grep -c . || true');
    expect(Number.parseInt(fresh, 10) || 0).toBeLessThan(6);
    // In some rounds the disk had got to some of it.
    expect([Math.min(...kept), new Set(lost).size > 1]).toEqual([0, true]);
    // What a store has acknowledged was synced.
    for (let value = 1; value <= 20; value++) {
      expect(type(await write(cluster, 'n1', value))).toBe('written');
      const cut = value % 5 === 0 ? await cluster.levers.cutPower?.(['n1']) : undefined;
      await cut?.heal();
      await leaderOf(cluster);
      const line = cluster.dial('n1');
      expect(await line.request({ type: 'read', path: 'leader', keys: ['k'], waitMs: 0 })).toMatchObject({
        values: [value],
      });
      line.close();
    }
    expect([cluster.crashes(), await cluster.lingering()]).toEqual([[], []]);
  }, 120_000);
});
