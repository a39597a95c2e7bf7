/**
 * The store's write-ahead log beside a bare loop of write and fdatasync of the same size, in turns in one run; and how long
 * a node takes to read a long log when it starts.
 *
 *     node dist/scripts/bench-storage.js [seconds of each measurement] [MB of the log that is read]
 */
import { fdatasync, mkdtempSync, openSync, rmSync, write, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count } from '../harness/table.ts';
import { realClock, SECOND } from '../history/clock.ts';
import type { Entry } from '../reference-impl/core/types.ts';
import { openStorage } from '../reference-impl/server/storage/open.ts';
import type { Storage, StorageOptions } from '../reference-impl/server/storage.ts';

const seconds = Number(process.argv[2] ?? 2);
const megabytes = Number(process.argv[3] ?? 1000);
const ROUNDS = 3;
const VALUE_BYTES = 100;
const clock = realClock();
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));

interface Figures {
  readonly writes: number;
  readonly syncs: number;
  readonly bytes: number;
  /** Of this process, per write, µs. */
  readonly processorUs: number;
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

function entryAt(index: number): Entry {
  const value = `${index}/`.padEnd(VALUE_BYTES, 'abcdefghijklmnopqrstuvwxyz');
  return { term: 1, index, command: { type: 'write', key: `key-${index % 100_000}`, value } };
}

function opened(name: string, options: Partial<StorageOptions>): Promise<Storage> {
  return openStorage({
    folder: join(folder, name),
    cluster: 'bench',
    node: 'n1',
    groups: ['g0'],
    fsync: 'on',
    files: 'real',
    segmentBytes: 64 << 20,
    retryMs: 1000,
    log: (level, sentence) => say(`${level}: ${sentence}`),
    changed: (state) => say(`disk ${state}`),
    synced: () => undefined,
    failed: (error) => {
      throw error;
    },
    ...options,
  });
}

/** `writers` writers; each gives its next write when its last one is durable. */
async function log(name: string, writers: number): Promise<Figures> {
  let ticket = 0;
  let durable = 0;
  let stopped = false;
  const more = (): void => {
    ticket++;
    storage.write({ ticket, entries: [entryAt(ticket)] });
  };
  const storage = await opened(name, {
    synced: (upTo) => {
      const arrived = upTo - durable;
      durable = upTo;
      if (!stopped) for (let i = 0; i < arrived; i++) more();
    },
  });
  const before = { syncs: storage.statistics().syncs, bytes: storage.statistics().logBytes };
  const processor = process.cpuUsage();
  const start = clock.now();
  for (let i = 0; i < writers; i++) more();
  await clock.sleepUntil(start + seconds * SECOND);
  stopped = true;
  const elapsed = (clock.now() - start) / SECOND;
  const { user, system } = process.cpuUsage(processor);
  const after = storage.statistics();
  const writes = durable;
  await storage.close();
  return {
    writes: writes / elapsed,
    syncs: (after.syncs - before.syncs) / elapsed,
    bytes: (after.logBytes - before.bytes) / elapsed,
    processorUs: (user + system) / writes,
  };
}

/** A write and an fdatasync after another, of so many bytes, within a file that is there already. */
async function bare(name: string, bytes: number): Promise<number> {
  const fd = openSync(join(folder, name), 'w+');
  const zeros = Buffer.alloc(1 << 20);
  const size = 64;
  for (let i = 0; i < size; i++) writeSync(fd, zeros, 0, zeros.length, i << 20);
  await new Promise<void>((resolve) => fdatasync(fd, () => resolve()));
  const record = Buffer.alloc(bytes, 7);
  let at = 0;
  let syncs = 0;
  const start = clock.now();
  while (clock.now() - start < seconds * SECOND) {
    await new Promise<void>((resolve) => write(fd, record, 0, bytes, at, () => resolve()));
    await new Promise<void>((resolve) => fdatasync(fd, () => resolve()));
    syncs++;
    at = (at + bytes) % ((size << 20) - bytes);
  }
  return syncs / ((clock.now() - start) / SECOND);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}

async function compare(writers: number): Promise<void> {
  const rounds: (Figures & { readonly bareSyncs: number })[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const figures = await log(`log-${writers}-${round}`, writers);
    const bareSyncs = await bare(`bare-${writers}-${round}`, Math.round(figures.bytes / figures.syncs));
    rounds.push({ ...figures, bareSyncs });
  }
  const of = (figure: (one: (typeof rounds)[number]) => number): number => median(rounds.map(figure));
  say(
    `${String(writers).padStart(4)} writers: ${count(Math.round(of((one) => one.writes))).padStart(9)} writes/s, ` +
      `${count(Math.round(of((one) => one.syncs))).padStart(6)} syncs/s, ` +
      `${of((one) => one.writes / one.syncs).toFixed(1)} writes and ${of((one) => one.bytes / one.syncs).toFixed(0)} bytes a sync, ` +
      `${of((one) => one.processorUs).toFixed(1)} µs of processor a write; ` +
      `bare loop ${count(Math.round(of((one) => one.bareSyncs)))} syncs/s, ratio ${of((one) => one.syncs / one.bareSyncs).toFixed(2)}`,
  );
}

async function start(): Promise<void> {
  let arrived = (): void => undefined;
  const storage = await opened('long', { fsync: 'off', synced: () => arrived() });
  let index = 0;
  for (let ticket = 1; storage.statistics().logBytes < megabytes * 1e6; ticket++) {
    const taken = new Promise<void>((resolve) => (arrived = resolve));
    storage.write({ ticket, entries: Array.from({ length: 1000 }, () => entryAt(++index)) });
    await taken;
  }
  const { logBytes } = storage.statistics();
  await storage.close();
  // Once: what was read stays in memory for as long as V8 likes, and twice of it is more than its heap.
  const began = clock.now();
  const again = await opened('long', {});
  const elapsed = (clock.now() - began) / SECOND;
  const { entries } = again.recovered[0];
  const { rss, heapUsed } = process.memoryUsage();
  say(
    `start with a log of ${(logBytes / 1e6).toFixed(0)} MB, ${count(entries.length)} entries: ${elapsed.toFixed(2)} s, ` +
      `${(logBytes / 1e6 / elapsed).toFixed(0)} MB/s, ${count(Math.round(entries.length / elapsed))} entries/s; ` +
      `memory ${(rss / 1e6).toFixed(0)} MB, of which heap ${(heapUsed / 1e6).toFixed(0)} MB`,
  );
  await again.close();
}

try {
  for (const writers of [1, 16, 128]) await compare(writers);
  await start();
} finally {
  rmSync(folder, { recursive: true });
}
