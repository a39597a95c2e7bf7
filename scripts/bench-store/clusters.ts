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

export class Cluster {
  readonly store: Store;
  readonly #ports: Ports;
  readonly #folder: string;
  readonly #nodes: ChildProcess[] = [];
  #generator: ChildProcess | undefined;
  #answers: AsyncIterator<string> | undefined;
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
      const [program, ...rest] = store.generator();
      const generator = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
      cluster.#generator = generator;
      cluster.#answers = createInterface({ input: generator.stdout })[Symbol.asyncIterator]();
      cluster.leader = await cluster.#findLeader();
    } catch (error) {
      await cluster.down();
      throw error;
    }
    return cluster;
  }

  #start(i: number): void {
    const data = join(this.#folder, NODES[i]);
    mkdirSync(data, { mode: 0o700 });
    const [program, ...rest] = this.store.command(i, this.#ports, data);
    const log = openSync(join(this.#folder, `${NODES[i]}.log`), 'w');
    this.#nodes.push(spawn(program, rest, { stdio: ['ignore', log, log] }));
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
    return this.#nodes.reduce((sum, { pid }) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) * 10;
    }, 0);
  }

  async order(order: Omit<Order, 'leader' | 'follower'>): Promise<Result> {
    const address = (i: number): string => `127.0.0.1:${this.#ports.client[i]}`;
    const full: Order = { ...order, leader: address(this.leader), follower: address((this.leader + 1) % 3) };
    this.#generator?.stdin?.write(`${JSON.stringify(full)}\n`);
    const late = new Promise<never>((_, reject) =>
      clock.timer(clock.now() + ORDER_NS, () => reject(new Error('late'))),
    );
    late.catch(() => undefined);
    const line = await Promise.race([this.#answers?.next(), late]);
    if (line === undefined || line.done === true) throw new Error(`the load generator of ${this.store.name} has ended`);
    return JSON.parse(line.value) as Result;
  }

  async down(): Promise<void> {
    this.#generator?.stdin?.end();
    for (const child of [...this.#nodes, ...(this.#generator === undefined ? [] : [this.#generator])]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      const cancel = clock.timer(clock.now() + STOP_NS, () => child.kill('SIGKILL'));
      await new Promise((resolve) => child.once('exit', resolve));
      cancel();
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
