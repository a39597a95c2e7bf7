/** Clusters for tests, and looks into their containers by other ways than the levers': the engine's list of processes, datagrams. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import Docker from 'dockerode';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import reference from '../../systems/reference.ts';
import type { DockerCluster } from './cluster.ts';
import { deploy } from './deploy.ts';

export const clock = realClock();
export const docker = new Docker();
const open: DockerCluster[] = [];
const folders: string[] = [];

export async function closeAll(): Promise<void> {
  for (const cluster of open.splice(0)) await cluster.destroy();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** The clusters to be closed are nobody's any more. */
export function forget(): void {
  open.splice(0);
}

let runs = 0;

/** What the next cluster will be called. */
export function nextRun(): string {
  return `test-${process.pid}-${runs + 1}`;
}

export async function up(
  count = 3,
  given: Readonly<Record<string, string>> = {},
): Promise<DockerCluster & { logs: string }> {
  const nodes = Array.from({ length: count }, (_, i) => `n${i + 1}`);
  const settings = new Map(Object.entries(given));
  const logs = mkdtempSync(join(tmpdir(), 'tm-docker-'));
  folders.push(logs);
  const specs = new Map(nodes.map((node) => [node, reference.node(node, nodes, settings)] as const));
  const run = { id: nextRun(), logs };
  runs++;
  const cluster = await deploy(specs, { seed: 1, settings, observe: () => undefined, run });
  open.push(cluster);
  return Object.assign(cluster, { logs, id: run.id });
}

export interface Said {
  readonly role: string;
  readonly term: number;
  readonly commit: { readonly index: number };
}

export async function until<T>(what: string, look: () => Promise<T | undefined>, ns = 15 * SECOND): Promise<T> {
  const deadline = clock.now() + ns;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (clock.now() > deadline) throw new Error(`${what} did not come within ${ns / SECOND} s`);
    await clock.sleepUntil(clock.now() + 20 * MILLISECOND);
  }
}

export function leaderOf(cluster: DockerCluster, not: readonly string[] = []): Promise<string> {
  return until('a leader', async () => {
    for (const node of cluster.nodes) {
      if (not.includes(node)) continue;
      const said = (await cluster.status(node)) as Said | undefined;
      if (said?.role === 'leader') return node;
    }
    return undefined;
  });
}

export function containerOf(cluster: DockerCluster, node: string): Docker.Container {
  return docker.getContainer(`tidemark-${(cluster as DockerCluster & { id: string }).id}-${node}`);
}

/** What a command in a node's container says: the way that no lever goes. */
export async function exec(cluster: DockerCluster, node: string, ...command: string[]): Promise<string> {
  const run = await containerOf(cluster, node).exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await run.start({});
  let said = '';
  const take = new Writable({
    write(bytes: Buffer, _, done) {
      said += bytes.toString('utf8');
      done();
    },
  });
  docker.modem.demuxStream(stream, take, take);
  await new Promise((resolve) => stream.on('end', resolve));
  return said.trim();
}

/** Whether a datagram of one node's reaches the other. */
export async function hears(cluster: DockerCluster, from: string, to: string): Promise<boolean> {
  const listen = `const s = require('dgram').createSocket('udp4');
    s.on('message', () => { console.log('heard'); process.exit(0) });
    s.bind(9999); setTimeout(() => { console.log('nothing'); process.exit(0) }, 1500)`;
  const speak = `const s = require('dgram').createSocket('udp4');
    const i = setInterval(() => s.send('x', 9999, '${to}'), 50); setTimeout(() => { clearInterval(i); s.close() }, 1200)`;
  const [heard] = await Promise.all([
    exec(cluster, to, 'node', '-e', listen),
    exec(cluster, from, 'node', '-e', speak),
  ]);
  return heard === 'heard';
}

export interface Echoes {
  /** Answers in the order of their arrival, by number of the question; as many as came. */
  readonly order: readonly number[];
  /** Round-trip times, ascending. */
  readonly ms: readonly number[];
}

/** Sends datagrams from one node to another, 10 ms apart, which sends them back. */
export async function echoes(cluster: DockerCluster, from: string, to: string, count: number): Promise<Echoes> {
  const mirror = `const s = require('dgram').createSocket('udp4');
    s.on('message', (m, who) => s.send(m, who.port, who.address)); s.bind(9998);
    setTimeout(() => process.exit(0), ${count * 10 + 3500})`;
  const asker = `const s = require('dgram').createSocket('udp4'); const sent = [], order = [], ms = [];
    s.on('message', (m) => { order.push(+m); ms.push(performance.now() - sent[+m]) });
    setTimeout(() => { let i = 0; const t = setInterval(() => {
      if (i === ${count}) return clearInterval(t);
      sent[i] = performance.now(); s.send(String(i++), 9998, '${to}') }, 10) }, 1000);
    setTimeout(() => { console.log(JSON.stringify({ order, ms: ms.sort((a, b) => a - b) })); process.exit(0) }, ${count * 10 + 3000})`;
  const [, said] = await Promise.all([
    exec(cluster, to, 'node', '-e', mirror),
    exec(cluster, from, 'node', '-e', asker),
  ]);
  return JSON.parse(said) as Echoes; // printed above
}

export const median = ({ ms }: Echoes): number => ms[ms.length >> 1];

/** The store's process as the engine sees it: its state, and its pid. */
export async function storeProcess(
  cluster: DockerCluster,
  node: string,
): Promise<{ readonly pid: string; readonly state: string } | undefined> {
  const { Processes } = (await containerOf(cluster, node).top({ ps_args: '-eo pid,stat,args' })) as {
    readonly Processes: readonly (readonly string[])[];
  };
  const found = Processes.find(([, , command]) => command.includes('tidemark-store.mjs'));
  return found === undefined ? undefined : { pid: found[0], state: found[1].charAt(0) };
}

export const ms = (from: number): number => (clock.now() - from) / MILLISECOND;
