import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { need } from '../../test-support/need.ts';
import { sleep } from './clock.ts';
import { TestCluster, expectType, until } from './testing.ts';

/** A process from dist on a file system that is really full. */
test('a node whose disk is full acknowledges nothing and says so, and goes on when there is room', async () => {
  need('mount');
  const cluster = await TestCluster.make({ nodes: 1, args: ['--segment-bytes', '131072'] });
  const [node] = cluster.nodes;
  mkdirSync(node.data);
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', node.data]).status).toBe(0);
  const ballast = join(node.data, 'ballast');
  try {
    writeFileSync(ballast, Buffer.alloc(3 << 20));
    cluster.start();
    await cluster.leader();
    const line = node.dial();
    const write = (i: number): Promise<string> =>
      line
        .request({ type: 'write', key: `k${i}`, value: 'x'.repeat(20_000) })
        .then((answer) => (answer.type === 'refused' ? answer.code : answer.type));
    const written: number[] = [];
    const all: Promise<unknown>[] = [];
    // Ten at a time: of more, group commit would make one record.
    for (let i = 0; i < 200 && !(await node.status()).storage.full; i += 10) {
      const ten = Array.from({ length: 10 }, (_, j) =>
        write(i + j).then((outcome) => void (outcome === 'written' && written.push(i + j))),
      );
      all.push(...ten);
      await Promise.race([Promise.all(ten), sleep(200)]);
    }
    await until('the disk to be full', async () => (await node.status()).storage.full);
    const acknowledged = written.length;
    expect(acknowledged).toBeGreaterThan(20);
    expect(acknowledged).toBeLessThan(160);
    expect(await write(1000)).toBe('DISK_FULL');
    expect(await node.admin('/health')).toMatchObject({ status: 503, body: { serving: false, code: 'DISK_FULL' } });
    expect(await node.status()).toMatchObject({ serving: false, reason: expect.stringContaining('full') });
    expect(node.log).toMatch(/error: The disk of .* is full: nothing is acknowledged until there is room/);
    expect(written).toHaveLength(acknowledged);
    rmSync(ballast);
    await Promise.all(all);
    await until('it to serve', async () => (await node.status()).serving);
    expect(await write(1001)).toBe('written');
    expect(node.log).toMatch(/There is room on the disk of .* again/);
    const keys = written.map((i) => `k${i}`);
    const { values } = await expectType(line, { type: 'read', path: 'leader', keys, waitMs: 0 }, 'read');
    expect(values.every((value) => value === 'x'.repeat(20_000))).toBe(true);
    line.close();
  } finally {
    await Promise.all(cluster.nodes.map((one) => one.kill()));
    spawnSync('umount', ['-l', node.data]);
    await cluster.close();
  }
});
