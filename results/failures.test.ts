/** What goes wrong with a database: read-only, full, lost in the middle of a save, killed. Each is a sentence, and nothing half is there. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entry } from '../harness/entry.ts';
import { missing, need } from '../test-support/need.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { buildFirst } from '../test-support/tidemark.ts';
import { type Database, openDatabase } from './database.ts';
import { completeJournal, journalBytes, saveChunk, saveJournal, storedJournal } from './journals.ts';
import { listRuns, loadRun } from './load.ts';
import type { RunRecord } from './record.ts';
import { saveRun } from './save.ts';
import { PORT, serving } from './server.ts';
import { whyUnsaved } from './unavailable.ts';

need('postgres');

let folder: string;
let embedded: Database;
/** Gives the same server over TCP, and cuts connections as it is told to. */
let proxy: Server;
/** Cut once a client has sent so many bytes over one connection, or once the server answers after that. */
let cut: { readonly after: number; readonly at: 'request' | 'answer'; times: number } | undefined;

beforeAll(async () => {
  if (missing('postgres') !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'tm-failures-'));
  embedded = await openDatabase({ folder });
  const path = `${serving(join(folder, 'postgres'))?.socket}/.s.PGSQL.${PORT}`;
  proxy = createServer((client) => pass(client, connect(path))).listen(0, '127.0.0.1');
  await new Promise((resolve) => proxy.once('listening', resolve));
});

afterAll(async () => {
  proxy?.close();
  await embedded?.close();
  rmSync(folder ?? '', { recursive: true, force: true });
});

function pass(client: Socket, server: Socket): void {
  let sent = 0;
  const end = (): void => void (client.destroy(), server.destroy());
  for (const socket of [client, server]) socket.on('error', end).on('close', end);
  const due = (at: 'request' | 'answer'): boolean => {
    if (cut === undefined || cut.times === 0 || cut.at !== at || sent <= cut.after) return false;
    cut.times--;
    return true;
  };
  client.on('data', (data) => {
    sent += data.length;
    if (due('request')) end();
    else server.write(data);
  });
  server.on('data', (data) => {
    if (due('answer')) end();
    else client.write(data);
  });
}

const openOther = (name: string): Promise<Database> => {
  const { port } = proxy.address() as AddressInfo; // it listens on TCP
  return openDatabase({ folder, url: `postgres://tidemark@127.0.0.1:${port}/${name}?sslmode=disable` });
};

let made = 0;

/** Of about `bytes`, which cannot be compressed by much. */
function record(bytes: number): RunRecord {
  const noise = Array.from({ length: Math.ceil(bytes / 8) }, (_, i) =>
    ((i * 2_654_435_761) % 4_294_967_296).toString(36),
  );
  const id = `20261122-000000-000-${String(++made).padStart(6, '0')}`;
  return sampleRecord({ id, plan: { noise: noise.join('') } });
}

const reasonOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it worked',
    (error: unknown) => whyUnsaved(error),
  );

test('a read-only database is read, and a save says why it was none', async () => {
  await embedded.sql`create database settled`;
  const before = record(0);
  const writing = await openOther('settled');
  await saveRun(writing, before);
  await embedded.sql`alter database settled set default_transaction_read_only = on`;
  await writing.close();
  const reading = await openOther('settled');
  expect(await loadRun(reading, before.id)).toEqual(before);
  expect(await reasonOf(saveRun(reading, record(0)))).toMatch(/^the database is read-only \(/);
  expect(await listRuns(reading)).toHaveLength(1);
  await reading.close();
  await embedded.sql`create database unsettled`;
  await embedded.sql`alter database unsettled set default_transaction_read_only = on`;
  await expect(openOther('unsettled')).rejects.toThrow(/can't be used: the database is read-only/);
});

test('a full disk is a reason, leaves nothing half, and is saved to again once there is room', async () => {
  need('mount');
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const mount = (...args: readonly string[]): void => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', ...args, 'tmpfs', disk]);
    if (mounted.status !== 0) throw new Error(String(mounted.stderr));
  };
  mount('-o', 'size=14m');
  try {
    const { uid, gid } = statSync(join(folder, 'postgres', 'data'));
    const space = join(disk, 'space');
    mkdirSync(space);
    chownSync(space, uid, gid);
    await embedded.sql.unsafe(`create tablespace small location '${space}'`);
    await embedded.sql`create database small tablespace small`;
    const database = await openOther('small');
    const saved: RunRecord[] = [];
    let reason = '';
    let last = record(600_000);
    for (; reason === '' && saved.length < 40; last = record(600_000)) {
      const outcome = await reasonOf(saveRun(database, last));
      if (outcome === 'it worked') saved.push(last);
      else reason = outcome;
    }
    expect(reason).toMatch(/^the disk of the database is full \(/);
    expect((await listRuns(database)).map(({ id }) => id).sort()).toEqual(saved.map(({ id }) => id));
    for (const one of saved) expect(await loadRun(database, one.id)).toEqual(one);
    mount('-o', 'remount,size=64m');
    await saveRun(database, last);
    expect(await loadRun(database, last.id)).toEqual(last);
    await database.close();
    await embedded.sql`drop database small`;
    await embedded.sql`drop tablespace small`;
  } finally {
    spawnSync('umount', ['-l', disk]);
  }
});

describe('a connection that is lost', () => {
  test('while the run is being sent leaves nothing, and is said; later it is saved', async () => {
    const database = await openOther('postgres');
    const run = record(1_000_000);
    cut = { after: 300_000, at: 'request', times: 2 };
    expect(await reasonOf(saveRun(database, run))).toMatch(/^the connection to the database was lost \(/);
    expect(cut.times).toBe(0);
    expect(await loadRun(embedded, run.id)).toBeUndefined();
    await saveRun(database, run);
    expect(await loadRun(embedded, run.id)).toEqual(run);
    await database.close();
  });

  test('before the answer comes is made again, and the run is there once', async () => {
    const database = await openOther('postgres');
    const run = record(1_000_000);
    cut = { after: 700_000, at: 'answer', times: 1 };
    await saveRun(database, run);
    expect(cut.times).toBe(0);
    expect(await loadRun(embedded, run.id)).toEqual(run);
    expect(await listRuns(embedded, { idPrefix: run.id })).toHaveLength(1);
    await database.close();
  });
});

test('what is killed while it saves leaves runs that are whole, or not there', () => {
  buildFirst();
  const file = join(folder, 'record.json');
  writeFileSync(file, JSON.stringify(record(500_000)));
  const args = [entry('scripts/kill-saves'), '--kills', '3', '--record', file];
  const ended = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 100_000 });
  expect(ended.stdout, ended.stderr).toMatch(/\n3 kills, .* 0 wrong\n$/);
  expect(ended.status).toBe(0);
});

describe('a journal', () => {
  const text = Buffer.from(Array.from({ length: 700_000 }, (_, i) => `line ${i}\n`).join(''));
  /** Of another one. */
  const sha256 = '0'.repeat(64);

  test('comes back byte for byte, counts only when it is whole, and is stored once', async () => {
    const journalSha256 = createHash('sha256').update(text).digest('hex');
    const file = join(folder, 'journal.jsonl');
    writeFileSync(file, text);
    const [a, b] = [record(0), record(0)].map((run) => ({ ...run, journalSha256 }));
    await expect(saveJournal(embedded, file, journalSha256)).rejects.toThrow(`no run has the journal ${journalSha256}`);
    await saveRun(embedded, a);
    await saveRun(embedded, b);
    await expect(saveJournal(embedded, file, sha256)).rejects.toThrow('is not the journal of this run');
    await saveChunk(embedded, { sha256: journalSha256, place: 0, gzip: Buffer.from('left by one that was killed') });
    await expect(completeJournal(embedded, { sha256: journalSha256, bytes: 1, chunks: 3 })).rejects.toThrow(
      'is not whole',
    );
    expect(await storedJournal(embedded, journalSha256)).toBeUndefined();
    await Promise.all([saveJournal(embedded, file, journalSha256), saveJournal(embedded, file, journalSha256)]);
    const journal = await storedJournal(embedded, journalSha256);
    expect(journal).toEqual({ sha256: journalSha256, bytes: text.length, chunks: 2 });
    if (journal === undefined) return;
    const parts: Buffer[] = [];
    for await (const part of journalBytes(embedded, journal)) parts.push(part);
    expect(Buffer.concat(parts).equals(text)).toBe(true);
    const left = async (): Promise<number> => {
      const [{ n }] = await embedded.sql<[{ n: number }]>`
        select count(*)::integer as n from tidemark.journal_chunks where sha256 = ${journalSha256}`;
      return n;
    };
    await embedded.sql`select tidemark.delete_runs(array[${a.id}])`;
    expect(await left()).toBe(2);
    await saveRun(embedded, { ...b, journalSha256: sha256 });
    expect(await left()).toBe(0);
  });
});
