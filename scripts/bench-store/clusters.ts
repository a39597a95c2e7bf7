/** Three real processes of a store on loopback, and the load generator that speaks its language best. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { asset, entry } from '../../harness/entry.ts';
import { freePorts } from '../../harness/ports.ts';
import { MILLISECOND, realClock, SECOND } from '../../history/clock.ts';
import type { Order, Result } from './order.ts';

const NODES = ['n1', 'n2', 'n3'];
const clock = realClock();
const READY_NS = 20 * SECOND;
const STOP_NS = 10 * SECOND;
const ORDER_NS = 120 * SECOND;

export interface Store {
  readonly name: string;
  /** The command of one node. */
  command(node: number, ports: Ports, folder: string): readonly [string, ...string[]];
  generator(): readonly [string, ...string[]];
  /** Whether node `i` says that it leads; throws while it does not answer. */
  leads(node: number, ports: Ports): Promise<boolean>;
}

export interface Ports {
  readonly client: readonly number[];
  readonly peer: readonly number[];
}

export const reference: Store = {
  name: 'tidemark-store',
  command: (node, { client, peer }, folder) => [
    process.execPath,
    asset('bin/tidemark-store.mjs'),
    '--node',
    NODES[node],
    '--cluster',
    'bench',
    '--data',
    folder,
    '--listen',
    `127.0.0.1:${client[node]}`,
    '--admin',
    `127.0.0.1:${peer[node]}`,
    '--heartbeat-ms',
    '100',
    '--election-ms',
    '1000',
    ...NODES.flatMap((name, i) => (i === node ? [] : ['--peer', `${name}=127.0.0.1:${client[i]}`])),
  ],
  generator: () => [process.execPath, entry('scripts/bench-store/load')],
  async leads(node, { peer }) {
    const answer = await fetch(`http://127.0.0.1:${peer[node]}/status`);
    const status = (await answer.json()) as { readonly groups?: readonly { readonly role?: string }[] };
    return status.groups?.[0]?.role === 'leader';
  },
};

export const etcd: Store = {
  name: 'etcd',
  command: (node, { client, peer }, folder) => [
    'etcd',
    '--name',
    NODES[node],
    '--data-dir',
    folder,
    '--log-level',
    'error',
    '--heartbeat-interval',
    '100',
    '--election-timeout',
    '1000',
    '--listen-client-urls',
    url(client[node]),
    '--advertise-client-urls',
    url(client[node]),
    '--listen-peer-urls',
    url(peer[node]),
    '--initial-advertise-peer-urls',
    url(peer[node]),
    '--initial-cluster',
    NODES.map((name, i) => `${name}=${url(peer[i])}`).join(','),
    '--initial-cluster-state',
    'new',
  ],
  generator: () => [builtGenerator()],
  async leads(node, { client }) {
    const answer = await fetch(`${url(client[node])}/v3/maintenance/status`, { method: 'POST', body: '{}' });
    const status = (await answer.json()) as {
      readonly leader?: string;
      readonly header?: { readonly member_id: string };
    };
    return status.leader !== undefined && status.leader === status.header?.member_id;
  },
};

function url(port: number): string {
  return `http://127.0.0.1:${port}`;
}

let generatorBuilt: string | undefined;

/** Etcd's own Go client, built from Debian's packages: a Node client would be what is measured. */
function builtGenerator(): string {
  if (generatorBuilt !== undefined) return generatorBuilt;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-etcd-load-'));
  const program = join(folder, 'etcd-load');
  try {
    execFileSync('go', ['build', '-o', program, asset('scripts/bench-store/etcd-load.go')], {
      env: {
        ...process.env,
        GO111MODULE: 'off',
        GOPATH: '/usr/share/gocode',
        GOCACHE: join(folder, 'cache'),
        GOFLAGS: '',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (error) {
    throw new Error(
      "etcd's load generator can't be built: apt-get install golang-go golang-etcd-server-dev etcd-server",
      {
        cause: error,
      },
    );
  }
  rmSync(join(folder, 'cache'), { recursive: true, force: true });
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  generatorBuilt = program;
  return program;
}

/** A program that is told orders on its standard input, one after another. */
export class Generator {
  readonly #name: string;
  readonly process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor({ name, generator }: Store) {
    const [program, ...rest] = generator();
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#name = name;
    this.process = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async order(order: Order): Promise<Result> {
    this.process.stdin?.write(`${JSON.stringify(order)}\n`);
    const late = new Promise<never>((_, reject) =>
      clock.timer(clock.now() + ORDER_NS, () => reject(new Error('late'))),
    );
    late.catch(() => undefined);
    const line = await Promise.race([this.#answers.next(), late]);
    if (line.done === true) throw new Error(`the load generator of ${this.#name} has ended`);
    return JSON.parse(line.value) as Result;
  }

  async end(): Promise<void> {
    this.process.stdin?.end();
    await ended(this.process);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const cancel = clock.timer(clock.now() + STOP_NS, () => child.kill('SIGKILL'));
  await exit;
  cancel();
}

export class Cluster {
  readonly store: Store;
  readonly #ports: Ports;
  readonly #folder: string;
  readonly #nodes: ChildProcess[] = [];
  #generator: Generator | undefined;
  leader = 0;

  private constructor(store: Store, ports: Ports, folder: string) {
    this.store = store;
    this.#ports = ports;
    this.#folder = folder;
  }

  static async up(store: Store): Promise<Cluster> {
    const ports = { client: await freePorts(3), peer: await freePorts(3) };
    const cluster = new Cluster(store, ports, mkdtempSync(join(tmpdir(), 'tidemark-bench-store-')));
    try {
      for (let i = 0; i < 3; i++) cluster.#start(i);
      cluster.#generator = new Generator(store);
      cluster.leader = await cluster.#findLeader();
    } catch (error) {
      await cluster.down();
      throw error;
    }
    return cluster;
  }

  #start(i: number): void {
    mkdirSync(join(this.#folder, NODES[i]), { mode: 0o700 });
    this.#nodes.push(this.#spawn(i));
  }

  #spawn(i: number): ChildProcess {
    const [program, ...rest] = this.store.command(i, this.#ports, join(this.#folder, NODES[i]));
    const log = openSync(join(this.#folder, `${NODES[i]}.log`), 'a');
    return spawn(program, rest, { stdio: ['ignore', log, log] });
  }

  async #findLeader(): Promise<number> {
    const until = clock.now() + READY_NS;
    while (clock.now() < until) {
      for (let i = 0; i < 3; i++) {
        if (this.#nodes[i].exitCode !== null)
          throw new Error(`${this.store.name} ${NODES[i]} ended: ${this.#lastWords(i)}`);
        if (await this.store.leads(i, this.#ports).catch(() => false)) return i;
      }
      await clock.sleepUntil(clock.now() + 100 * MILLISECOND);
    }
    throw new Error(`${this.store.name} elected nobody within ${READY_NS / SECOND} s: ${this.#lastWords(0)}`);
  }

  #lastWords(node: number): string {
    return readFileSync(join(this.#folder, `${NODES[node]}.log`), 'utf8').slice(-500);
  }

  get pidOfLeader(): number {
    return this.#nodes[this.leader].pid ?? -1;
  }

  /** Processor time of the three servers so far, ms. */
  serverCpuMs(): number {
    return this.#nodes.reduce((sum, { pid, exitCode, signalCode }, i) => {
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`${this.store.name} ${NODES[i]} ended (${exitCode ?? signalCode}): ${this.#lastWords(i)}`);
      }
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) * 10;
    }, 0);
  }

  async order(order: Omit<Order, 'leader' | 'follower'>): Promise<Result> {
    if (this.#generator === undefined) throw new Error('the cluster is down');
    return this.#generator.order({ ...order, ...this.addresses((this.leader + 1) % 3) });
  }

  /** Where the leader and this follower listen. */
  addresses(follower: number): { readonly leader: string; readonly follower: string } {
    const address = (i: number): string => `127.0.0.1:${this.#ports.client[i]}`;
    return { leader: address(this.leader), follower: address(follower) };
  }

  /** Of the reference store: where node `i` says how it is. */
  admin(i: number): string {
    return `http://127.0.0.1:${this.#ports.peer[i]}`;
  }

  /** Resident memory of node `i` now and at its most, bytes. */
  memory(i: number): { readonly now: number; readonly most: number } {
    const status = readFileSync(`/proc/${this.#nodes[i].pid}/status`, 'utf8');
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    return { now: kilobytes('VmRSS') * 1024, most: kilobytes('VmHWM') * 1024 };
  }

  /** Ends node `i` and starts it again; resolves when it answers, with how long that took, s. */
  async restart(i: number): Promise<number> {
    await ended(this.#nodes[i]);
    const start = clock.now();
    this.#nodes[i] = this.#spawn(i);
    while (clock.now() < start + ORDER_NS) {
      const answers = await this.store.leads(i, this.#ports).then(
        () => true,
        () => false,
      );
      if (answers) return (clock.now() - start) / SECOND;
      if (this.#nodes[i].exitCode !== null) throw new Error(`${NODES[i]} ended: ${this.#lastWords(i)}`);
      await clock.sleepUntil(clock.now() + 20 * MILLISECOND);
    }
    throw new Error(`${NODES[i]} does not answer: ${this.#lastWords(i)}`);
  }

  async down(): Promise<void> {
    await this.#generator?.end();
    for (const child of this.#nodes) await ended(child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
