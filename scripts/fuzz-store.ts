/**
 * Hostile input on every port of a node of a real three-node cluster, which goes on serving:
 *
 *   npm run fuzz:store -- --frames 100000 [--seed 1] [--json]
 *
 * Each frame, or piece of no HTTP, has a connection of its own (what is malformed ends its connection). Told is what was
 * sent, by kind; whether the process lives; how its memory has grown since the first of it was sent; and whether the cluster still
 * answers, and how fast it did beside all this. Exit code 1 when the node died, grew or no longer serves.
 *
 * Not among it: messages that a peer may send, with wrong contents. Whoever is let in as a peer is believed (Raft is no
 * protocol for traitors); a secret keeps others out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '../history/random.ts';
import { dialTcp } from '../reference-impl/client/tcp.ts';
import { after, monotonicMs, sleep } from '../reference-impl/server/clock.ts';
import { argumentsOf } from './arguments.ts';
import { agreedFlags, type Attack, Attacks, hello } from './fuzz-frames.ts';

const { frames = 5000, seed = '1', json } = argumentsOf({ frames: 'count', seed: 'text', json: 'flag' });

/** By then the node's memory has grown to what it needs for this. */
const WARM_AFTER = Math.min(Math.floor(frames / 2), Math.max(Math.floor(frames / 10), 2500));
const AT_A_TIME = 32;
const GROWTH_BYTES_MAX = 64 * 1024 * 1024;
/** After its last byte a connection may stay open so long; then it is ended from this side. */
const OPEN_MS = 30;
const PATIENCE_MS = 20_000;

const bin = fileURLToPath(new URL('../../bin/tidemark-store.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tidemark-fuzz-'));
const base = 20_000 + (process.pid % 2000) * 10;
const ids = ['n1', 'n2', 'n3'] as const;
const port = (i: number): number => base + i;
const adminPort = (i: number): number => base + 5 + i;

const nodes = ids.map((id, i) => start(id, i));
const state: { died: string | undefined; over: boolean } = { died: undefined, over: false };
for (const [i, { child }] of nodes.entries()) {
  child.once('exit', (code, signal) => (state.died ??= `${ids[i]} ended: ${code ?? signal}`));
}

function start(id: string, i: number): { readonly child: ChildProcess; readonly log: { bytes: number; tail: string } } {
  const peers = ids.flatMap((peer, j) => ['--peer', `${peer}=127.0.0.1:${port(j)}`]);
  const own = ['--node', id, '--cluster', 'fuzz', '--data', join(folder, id), ...agreedFlags];
  const ports = ['--listen', `127.0.0.1:${port(i)}`, '--admin', `127.0.0.1:${adminPort(i)}`];
  const child = spawn(process.execPath, [bin, ...own, ...ports, ...peers], { stdio: ['ignore', 'ignore', 'pipe'] });
  const log = { bytes: 0, tail: '' };
  child.stderr.on('data', (text: Buffer) => {
    log.bytes += text.length;
    log.tail = (log.tail + text.toString()).slice(-4000);
  });
  return { child, log };
}

interface Metrics {
  readonly residentBytes: number;
  readonly rejected: number;
}

async function metrics(i: number): Promise<Metrics> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort(i)}/metrics`)).text();
  const all = (name: string): number[] =>
    [...text.matchAll(new RegExp(`^tidemark_store_${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].map(([, value]) =>
      Number(value),
    );
  return {
    residentBytes: all('resident_memory_bytes')[0] ?? 0,
    rejected: all('rejected_total').reduce((a, b) => a + b, 0),
  };
}

interface Status {
  readonly role: string;
  readonly serving: boolean;
}

async function leader(): Promise<number> {
  const untilMs = monotonicMs() + PATIENCE_MS;
  while (monotonicMs() < untilMs && state.died === undefined) {
    for (let i = 0; i < ids.length; i++) {
      const status = await fetch(`http://127.0.0.1:${adminPort(i)}/status`)
        .then((answer) => answer.json() as Promise<Status>)
        .catch(() => undefined);
      if (status?.role === 'leader' && status.serving) return i;
    }
    await sleep(50);
  }
  throw new Error(state.died ?? 'no node leads');
}

/** How long a write and a linearizable read of it took, ms. */
async function serves(): Promise<number> {
  const untilMs = monotonicMs() + PATIENCE_MS;
  let last = '';
  while (monotonicMs() < untilMs && state.died === undefined) {
    const line = dialTcp(`127.0.0.1:${port(await leader())}`, { cluster: 'fuzz' });
    try {
      const begunMs = monotonicMs();
      const wrote = await line.request({ type: 'write', key: 'alive', value: begunMs });
      const read = await line.request({ type: 'read', path: 'leader', keys: ['alive'], waitMs: 1000 });
      if (wrote.type === 'written' && read.type === 'read' && read.values[0] === begunMs)
        return monotonicMs() - begunMs;
      last = `${wrote.type}, ${read.type}`;
    } catch (error) {
      last = (error as Error).message;
    } finally {
      line.close();
    }
    await sleep(50);
  }
  throw new Error(state.died ?? `the cluster does not serve: ${last}`);
}

/** Sends one attack on a connection of its own; resolves when that is over. */
function strike(
  target: number,
  attack: Attack,
  random: Random,
  from: number,
): Promise<'closed by the node' | 'left open'> {
  return new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port: attack.port === 'admin' ? adminPort(target) : port(target),
      // Many source addresses: one has too few ports for so many connections in a row.
      localAddress: `127.0.${1 + ((from >> 8) & 127)}.${1 + (from & 127)}`,
    });
    let ours = false;
    let sent = !attack.greets;
    const send = (): void => {
      sent = true;
      socket.write(attack.bytes);
      const cancel = after(OPEN_MS, () => {
        ours = true;
        socket.destroy();
      });
      socket.once('close', cancel);
    };
    socket.on('error', () => undefined);
    socket.on('data', () => {
      if (!sent) send();
    });
    socket.once('close', () => resolve(ours ? 'left open' : 'closed by the node'));
    socket.once('connect', () => {
      if (attack.port === 'admin' || !attack.greets) send();
      else
        socket.write(hello(attack.port, ids[target], attack.port === 'peer' ? ids[(target + 1) % 3] : 'fuzz', random));
    });
  });
}

async function attackAll(target: number): Promise<Map<string, { sent: number; closed: number }>> {
  const byKind = new Map<string, { sent: number; closed: number }>();
  const attacks = new Attacks(ids[target]);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < frames && state.died === undefined) {
      const number = next++;
      const random = new Random(`fuzz/${seed}/${number}`);
      const attack = attacks.draw(random);
      const end = await strike(target, attack, random, number);
      const name = `${attack.port}: ${attack.kind}`;
      const counts = byKind.get(name) ?? { sent: 0, closed: 0 };
      counts.sent++;
      if (end === 'closed by the node') counts.closed++;
      byKind.set(name, counts);
      if (number === WARM_AFTER) warm = await metrics(target);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return byKind;
}

let warm: Metrics | undefined;

async function main(): Promise<boolean> {
  await serves();
  const target = await leader();
  const before = await metrics(target);
  const beganMs = monotonicMs();
  const latencies: number[] = [];
  const beside = (async () => {
    while (!state.over && state.died === undefined) {
      latencies.push(await serves());
      await sleep(50);
    }
  })();
  const byKind = await attackAll(target);
  const tookMs = monotonicMs() - beganMs;
  state.over = true;
  await beside;
  const end = await metrics(target);
  await serves();
  latencies.sort((a, b) => a - b);
  const grownBytes = end.residentBytes - (warm ?? before).residentBytes;
  const report = {
    schema: 1,
    frames,
    seed,
    seconds: Math.round(tookMs / 100) / 10,
    crash: state.died ?? null,
    residentMb: [before, warm ?? before, end].map(({ residentBytes }) => Math.round(residentBytes / 1e6)),
    grownMb: Math.round(grownBytes / 1e6),
    rejected: end.rejected - before.rejected,
    logBytes: nodes[target].log.bytes,
    servedBeside: { times: latencies.length, p50Ms: latencies[latencies.length >> 1], highestMs: latencies.at(-1) },
    kinds: Object.fromEntries([...byKind].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  else print(report);
  return state.died === undefined && grownBytes < GROWTH_BYTES_MAX;
}

function print({
  kinds,
  ...summary
}: {
  readonly kinds: Readonly<Record<string, { sent: number; closed: number }>>;
}): void {
  for (const [kind, { sent, closed }] of Object.entries(kinds)) {
    process.stdout.write(`${kind.padEnd(60)} ${String(sent).padStart(7)} sent ${String(closed).padStart(7)} cut off\n`);
  }
  process.stdout.write(`${JSON.stringify(summary, undefined, 1)}\n`);
}

let code = 1;
try {
  code = (await main()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n${nodes.map(({ log }) => log.tail).join('\n')}\n`);
}
for (const { child } of nodes) child.kill('SIGKILL');
rmSync(folder, { recursive: true, force: true });
process.exit(code);
