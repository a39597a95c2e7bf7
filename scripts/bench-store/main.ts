/**
 * The reference store beside etcd: three nodes each on loopback, fsync before acknowledgement, 100-byte values. One cluster is
 * up at a time, in the order A B B A A B B A …; each pair of clusters gives one ratio for each cell.
 *
 *     npm run bench:store [-- --pairs 10] [--seconds 3] [--clients 1,16,128] [--json FILE] [--only etcd|tidemark-store]
 */
import { execFileSync, spawn } from 'node:child_process';
import { constants, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { table } from '../../harness/table.ts';
import { realClock, SECOND } from '../../history/clock.ts';
import { argumentsOf, orEnd } from '../arguments.ts';
import { BadInput } from '../../harness/errors.ts';
import { Cluster, etcd, reference, type Store } from './clusters.ts';
import type { Op, Result } from './order.ts';
import { type Interval, medianRatio, median } from './ratio.ts';

const values = argumentsOf({ pairs: 'count', seconds: 'count', clients: 'text', json: 'text', only: 'text' });
const { pairs = 10, seconds = 3, only } = values;
const clients = orEnd(() => clientsOf(values.clients ?? '1,16,128'));
const OPS: readonly Op[] = ['write', 'read-linearizable', 'read-follower'];
const KEYS = 10_000;
const BYTES = 100;
const WARM_UP_SECONDS = 1;
/**
 * Once, before the cells: the store's code is compiled while it runs, and a single client makes few calls. Without it, the
 * first cell measures the compiler: on a busy machine, 2.8 ms of processor a write in the first seconds, 0.9 ms after ten.
 */
const COMPILE = { clients: 16, seconds: 8 };

interface Cell extends Result {
  readonly serverCpuMs: number;
}
type Session = ReadonlyMap<string, Cell>;

const clock = realClock();

/** One cluster from beginning to end: filled, warmed up, every cell once. */
async function session(store: Store, countSyncs: boolean): Promise<Session> {
  const cluster = await Cluster.up(store);
  try {
    await cluster.order({ op: 'fill', clients: 8, seconds: 0, keys: KEYS, bytes: BYTES });
    if (countSyncs) await syncsPerWrite(cluster);
    await cluster.order({ op: 'write', ...COMPILE, keys: KEYS, bytes: BYTES });
    const cells = new Map<string, Cell>();
    for (const op of OPS) {
      for (const n of clients) {
        const order = { op, clients: n, keys: KEYS, bytes: BYTES } as const;
        await cluster.order({ ...order, seconds: WARM_UP_SECONDS });
        const before = cluster.serverCpuMs();
        const result = await cluster.order({ ...order, seconds });
        if (result.errors > 0) {
          throw new Error(`${store.name}, ${op}, ${n} clients: ${result.errors} errors, first: ${result.firstError}`);
        }
        cells.set(`${op} ${n}`, { ...result, serverCpuMs: cluster.serverCpuMs() - before });
      }
    }
    return cells;
  } finally {
    await cluster.down();
  }
}

/**
 * The same durability? Counts what the leader asks of the kernel while one client writes: fsync and fdatasync, and
 * pwrite64, where it holds files open with O_DSYNC.
 */
async function syncsPerWrite(cluster: Cluster): Promise<void> {
  const pid = cluster.pidOfLeader;
  const strace = spawn('strace', [
    '-f',
    '-c',
    '-e',
    `trace=fsync,fdatasync${writesSync(pid) ? ',pwrite64' : ''}`,
    '-p',
    String(pid),
  ]);
  let summary = '';
  strace.stderr.on('data', (text: Buffer) => {
    summary += text.toString();
  });
  const ended = new Promise((resolve) => strace.once('close', resolve).once('error', resolve));
  await clock.sleepUntil(clock.now() + SECOND);
  const { operations } = await cluster.order({ op: 'write', clients: 1, seconds: 2, keys: KEYS, bytes: BYTES });
  strace.kill('SIGINT');
  await ended;
  const calls = [...summary.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(fsync|fdatasync|pwrite64)$/gm)];
  const said =
    calls.map(([, count, name]) => `${count} ${name}`).join(', ') || `none seen (${summary.trim().slice(0, 100)})`;
  console.log(
    `${cluster.store.name}: ${operations} writes of one client, one after another; the leader called ${said}`,
  );
}

/** Whether the process has a file open of which each write syncs. */
function writesSync(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fdinfo`).some((fd) => {
    const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    const flags = Number.parseInt(/^flags:\s+(\d+)$/m.exec(info)?.[1] ?? '0', 8);
    return (flags & constants.O_DSYNC) !== 0;
  });
}

const ours: Session[] = [];
const theirs: Session[] = [];
if (only !== undefined) {
  for (let i = 0; i < pairs; i++) ours.push(await session(only === 'etcd' ? etcd : reference, i === 0));
  printOne(ours);
} else {
  for (let i = 0; i < pairs; i++) {
    const order = i % 2 === 0 ? [reference, etcd] : [etcd, reference];
    for (const store of order) (store === reference ? ours : theirs).push(await session(store, i === 0));
    process.stderr.write(`pair ${i + 1} of ${pairs}, ${(clock.now() / SECOND).toFixed(0)} s\n`);
  }
  print();
}

function clientsOf(text: string): number[] {
  const counts = text.split(',').map(Number);
  if (only !== undefined && only !== 'etcd' && only !== 'tidemark-store') {
    throw new BadInput(`--only must be 'etcd' or 'tidemark-store', not '${only}'.`);
  }
  if (counts.every((n) => Number.isSafeInteger(n) && n >= 1)) return counts;
  throw new BadInput(`--clients must be whole numbers with commas between them, not '${text}'.`);
}

function printOne(sessions: readonly Session[]): void {
  const rows = [...sessions[0].keys()].map((key) => {
    const cells = sessions.map((cells) => pick(cells, key));
    const of = (value: (cell: Cell) => number): string => median(cells.map(value)).toFixed(2);
    const rate = median(cells.map(perSecond)).toFixed(0);
    const server = of((cell) => (cell.serverCpuMs * 1000) / cell.operations);
    const client = of((cell) => (cell.cpuMs * 1000) / cell.operations);
    return [key, rate, of((cell) => cell.p50), of((cell) => cell.p99), server, client];
  });
  const heading = ['clients', 'ops/s', 'p50 ms', 'p99 ms', 'servers µs/op', 'client µs/op'];
  console.log(table([heading, ...rows], ['left', ...heading.slice(1).map(() => 'right' as const)]).join('\n'));
}

function print(): void {
  const rows: string[][] = [];
  const json: unknown[] = [];
  for (const key of ours[0].keys()) {
    const cells = ours.map((cells, i) => ({ ours: pick(cells, key), theirs: pick(theirs[i], key) }));
    const rates = cells.map((pair) => ({ ours: perSecond(pair.ours), theirs: perSecond(pair.theirs) }));
    const tails = cells.map((pair) => ({ ours: pair.ours.p99, theirs: pair.theirs.p99 }));
    const rate = medianRatio(rates);
    const tail = medianRatio(tails);
    const both = (of: (cell: Cell) => number, digits: number): string =>
      `${median(cells.map((pair) => of(pair.ours))).toFixed(digits)} / ${median(cells.map((pair) => of(pair.theirs))).toFixed(digits)}`;
    rows.push([
      key,
      both(perSecond, 0),
      written(rate),
      both((cell) => cell.p50, 2),
      both((cell) => cell.p99, 2),
      written(tail),
      both((cell) => (cell.serverCpuMs * 1000) / cell.operations, 0),
      both((cell) => (cell.cpuMs * 1000) / cell.operations, 0),
    ]);
    json.push({ cell: key, pairs, rate, tail, cells });
  }
  const version = execFileSync('etcd', ['--version'], { encoding: 'utf8' }).split('\n')[0];
  console.log(
    `tidemark-store / ${version}; ${pairs} pairs, ${seconds} s a cell, ${availableParallelism()} cores, node ${process.version}`,
  );
  console.log('medians, ours / theirs; ratios: median of the pairs and its 95 % bootstrap interval');
  const heading = [
    'op, clients',
    'ops/s',
    'ratio',
    'p50 ms',
    'p99 ms',
    'ratio of p99',
    'servers µs/op',
    'client µs/op',
  ];
  console.log(table([heading, ...rows], ['left', ...heading.slice(1).map(() => 'right' as const)]).join('\n'));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ schema: 1, version, cells: json })}\n`);
}

function written({ low, middle, high }: Interval): string {
  return `${middle.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

function perSecond(cell: Cell): number {
  return cell.operations / cell.seconds;
}

function pick(cells: Session, key: string): Cell {
  const cell = cells.get(key);
  if (cell === undefined) throw new Error(`no cell '${key}'`);
  return cell;
}
