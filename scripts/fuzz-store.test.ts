import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { entry } from '../harness/entry.ts';

const FRAMES = process.env['TIDEMARK_DEEP'] === undefined ? 5000 : 100_000;

test(`a node lives on, and does not grow, under ${FRAMES} hostile frames`, { timeout: 600_000 }, async () => {
  const child = spawn(process.execPath, [entry('scripts/fuzz-store'), '--frames', String(FRAMES), '--json']);
  let out = '';
  let err = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect([code, err]).toEqual([0, '']);
  const report = JSON.parse(out) as {
    crash: unknown;
    rejected: number;
    logBytes: number;
    kinds: Record<string, { sent: number }>;
  };
  expect(report.crash).toBeNull();
  // Not every one is malformed: some requests with changed bytes are requests.
  expect(report.rejected).toBeGreaterThan(FRAMES / 2);
  // Whoever can write into the log as much as he likes has found a way to fill the disk.
  expect(report.logBytes).toBeLessThan(200 * FRAMES);
  expect(Object.keys(report.kinds).length).toBeGreaterThan(40);
});
