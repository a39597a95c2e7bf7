/** Real nodes for tests: processes from dist, on loopback, with data in a temporary folder. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Request, Response } from '../core/types.ts';
import { type DialOptions, type TcpLine, dialTcp } from '../client/tcp.ts';
import { after, monotonicMs, sleep } from './clock.ts';
import type { NodeStatus } from './status.ts';

const bin = fileURLToPath(new URL('../../bin/tidemark-store.mjs', import.meta.url));

/** How long anything may take before the test fails. */
const PATIENCE_MS = 20_000;

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Asks again and again until it has an answer. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadlineMs = monotonicMs() + PATIENCE_MS;
  let last = '';
  while (monotonicMs() < deadlineMs) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = `: ${(error as Error).message}`;
    }
    await sleep(20);
  }
  throw new Error(`waited in vain for ${what}${last}`);
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export class TestNode {
  readonly id: string;
  readonly port: number;
  readonly adminPort: number;
  readonly data: string;
  readonly args: readonly string[];
  #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> | undefined;
  log = '';

  constructor(
    id: string,
    ports: readonly [number, number],
    data: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    this.id = id;
    [this.port, this.adminPort] = ports;
    this.data = data;
    this.args = args;
    this.#env = env;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(...more: string[]): void {
    const child = spawn(process.execPath, [bin, ...this.args, ...more], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.#env },
    });
    child.stderr.on('data', (text: Buffer) => (this.log += text.toString()));
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  }

  /** Resolves with the exit code. */
  async ended(): Promise<number | null> {
    const late = new Promise<never>((_, reject) => {
      const cancel = after(PATIENCE_MS, () => reject(new Error(`${this.id} does not end:\n${this.log}`)));
      void this.#ended?.then(cancel);
    });
    return Promise.race([this.#ended ?? Promise.resolve(null), late]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
    this.#child = undefined;
  }

  async admin(
    path: string,
    init: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const abort = new AbortController();
    const cancel = after(PATIENCE_MS / 2, () => abort.abort());
    try {
      const answer = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, {
        method: init.method ?? 'GET',
        headers: init.headers ?? {},
        ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
        signal: abort.signal,
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.includes('json') === true;
      return { status: answer.status, body: isJson ? JSON.parse(text) : text };
    } finally {
      cancel();
    }
  }

  async status(): Promise<NodeStatus> {
    return (await this.admin('/status')).body as NodeStatus;
  }

  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.admin(path, { method: 'POST', body, ...(headers && { headers }) });
  }

  dial(options: Partial<DialOptions> = {}): TcpLine {
    return dialTcp(this.address, { cluster: 'test', node: this.id, ...options });
  }
}

export interface ClusterOptions {
  readonly nodes?: number;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export class TestCluster {
  readonly folder: string;
  readonly nodes: TestNode[] = [];
  readonly #options: ClusterOptions;

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), 'tidemark-store-'));
  }

  static async make(options: ClusterOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(options);
    const count = options.nodes ?? 3;
    const ports = await freePorts(count * 2);
    const peers = Array.from({ length: count }, (_, i) => `n${i + 1}=127.0.0.1:${ports[i * 2]}`);
    for (let i = 0; i < count; i++) cluster.#add(`n${i + 1}`, [ports[i * 2], ports[i * 2 + 1]], peers, []);
    return cluster;
  }

  #add(id: string, ports: readonly [number, number], peers: readonly string[], more: readonly string[]): TestNode {
    const [port, adminPort] = ports;
    const data = join(this.folder, id);
    const { args = [], env = {} } = this.#options;
    const node = new TestNode(
      id,
      ports,
      data,
      [
        '--node',
        id,
        '--cluster',
        'test',
        '--data',
        data,
        '--listen',
        `127.0.0.1:${port}`,
        '--admin',
        `127.0.0.1:${adminPort}`,
        '--election-ms',
        '300',
        '--heartbeat-ms',
        '50',
        ...peers.flatMap((peer) => ['--peer', peer]),
        ...args,
        ...more,
      ],
      env,
    );
    this.nodes.push(node);
    return node;
  }

  /** A node that is not a member yet. */
  async joining(): Promise<TestNode> {
    const [port, adminPort] = await freePorts(2);
    const peers = this.nodes.map(({ id, address }) => `${id}=${address}`);
    return this.#add(`n${this.nodes.length + 1}`, [port, adminPort], peers, ['--join']);
  }

  start(): void {
    for (const node of this.nodes) node.start();
  }

  /** The node that leads and serves, once there is one, and none of those named. */
  leader(except: readonly TestNode[] = []): Promise<TestNode> {
    return until('a leader', async () => {
      for (const node of this.nodes) {
        if (node.pid === undefined || except.includes(node)) continue;
        const status = await node.status().catch(() => undefined);
        if (status?.role === 'leader' && status.serving) return node;
      }
      return undefined;
    });
  }

  async close(): Promise<void> {
    for (const node of this.nodes) node.signal('SIGCONT');
    await Promise.all(this.nodes.map((node) => node.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  logs(): string {
    return this.nodes.map(({ id, log }) => log.replace(/^/gm, `${id} `)).join('\n');
  }
}

/** Runs the program to its end. */
export function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly code: number | null; readonly out: string; readonly err: string } {
  const ended = spawnSync(process.execPath, [bin, ...args], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    env: { ...process.env, ...env },
  });
  return { code: ended.status, out: ended.stdout, err: ended.stderr };
}

/** As {@link run}, without holding up this process's event loop. */
export async function runBeside(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (out += text.toString()));
  const cancel = after(PATIENCE_MS, () => child.kill('SIGKILL'));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  cancel();
  return { code, out };
}

export function residentBytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}

/** The answer, which must be of this type. */
export async function expectType<T extends Response['type']>(
  line: TcpLine,
  body: Request,
  type: T,
): Promise<Extract<Response, { type: T }>> {
  const answer = await line.request(body);
  if (answer.type !== type) throw new Error(`${body.type} was answered ${JSON.stringify(answer)}`);
  return answer as Extract<Response, { type: T }>;
}
