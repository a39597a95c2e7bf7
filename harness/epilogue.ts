/**
 * The end of a run: everything that was written is read back, once through the strongest path and once from every node by
 * name; what was sent to logs is polled to the end. This is what `durable`, `convergent` and `log` are judged on.
 */
import { MILLISECOND } from '../history/clock.ts';
import type { Key, NodeId, Process, Value } from '../history/operation.ts';
import type { Client, Entry } from '../history/store.ts';
import type { Call, WorkloadOptions } from '../workloads/workload.ts';
import { type Driver, EPILOGUE_SESSION } from './driver.ts';
import type { Deployment } from './environments/environment.ts';
import type { ResolvedPlan } from './plan.ts';

const KEYS_PER_READ = 100;
const POLLS_MAX = 10_000;
const ATTEMPTS = 5;
const PAUSE_NS = 200 * MILLISECOND;

/** What it needs of the driver. */
export type Reader = Pick<Driver, 'keysWritten' | 'logsSent' | 'once' | 'newProcess'>;

export async function epilogue(plan: ResolvedPlan, cluster: Deployment, driver: Reader): Promise<void> {
  const { strongestReadPath, stateReadPath } = plan.use.system;
  const readers: Promise<void>[] = [];
  for (const writePath of plan.writePaths) {
    const keys = driver.keysWritten(writePath);
    const read = (readPath: string, label: string, node?: NodeId): void =>
      void readers.push(
        readBack({ plan, cluster, driver, keys, writePath, readPath, label, ...(node !== undefined && { node }) }),
      );
    read(strongestReadPath, strongestReadPath);
    for (const node of cluster.nodes) read(stateReadPath, `node:${node}`, node);
    const logs = driver.logsSent(writePath);
    if (logs.length > 0)
      readers.push(
        readLogs({
          plan,
          cluster,
          driver,
          keys: logs,
          writePath,
          readPath: strongestReadPath,
          label: strongestReadPath,
        }),
      );
  }
  await Promise.all(readers);
}

interface ReadBack {
  readonly plan: ResolvedPlan;
  readonly cluster: Deployment;
  readonly driver: Reader;
  readonly keys: readonly Key[];
  readonly writePath: string;
  readonly readPath: string;
  /** The path's name in the journal. */
  readonly label: string;
  readonly node?: NodeId;
}

async function readBack(asked: ReadBack): Promise<void> {
  const { keys, plan } = asked;
  const calls = plan.use.system.methods.includes('readMany')
    ? batches(keys, plan.use.workloadOptions).map((some): Call => ({ f: 'readMany', keys: some }))
    : keys.map((key): Call => ({ f: 'read', key }));
  const asking = await Asking.begin(asked);
  for (const call of calls) await asking.ask(call);
  await asking.end();
}

/** Polls each log until nothing more comes. */
async function readLogs(asked: ReadBack): Promise<void> {
  const asking = await Asking.begin(asked);
  for (const key of asked.keys) {
    for (let polls = 0, from = 0; polls < POLLS_MAX; polls++) {
      const entries = await asking.ask({ f: 'poll', key, from });
      const last = Array.isArray(entries) ? (entries as readonly Entry[]).at(-1) : undefined;
      if (last === undefined) break;
      from = last[0] + 1;
    }
  }
  await asking.end();
}

/** One reader, who asks each thing until it is answered, a few times. */
class Asking {
  readonly #of: ReadBack;
  #client: Client;
  #process: Process;
  #attempt = 1;

  static async begin(of: ReadBack): Promise<Asking> {
    return new Asking(of, await connected(of, 0));
  }

  private constructor(of: ReadBack, client: Client) {
    this.#of = of;
    this.#client = client;
    this.#process = of.driver.newProcess();
  }

  /** The answer; undefined: none came. */
  async ask(call: Call): Promise<Value | undefined> {
    const { driver, label, cluster } = this.#of;
    for (let tries = 1; tries <= ATTEMPTS; tries++) {
      const { outcome, value } = await driver.once(this.#client, this.#process, call, label);
      if (outcome === 'ok') return value;
      if (outcome === 'info') {
        await this.#client.close();
        this.#client = await connected(this.#of, this.#attempt++);
        this.#process = driver.newProcess();
      }
      if (tries < ATTEMPTS) await cluster.clock.sleepUntil(cluster.clock.now() + PAUSE_NS);
    }
    return undefined;
  }

  end(): Promise<void> {
    return this.#client.close();
  }
}

function connected({ plan, cluster, readPath, writePath, label, node }: ReadBack, attempt: number): Promise<Client> {
  const { system, settings } = plan.use;
  return system.connect(
    cluster,
    {
      session: EPILOGUE_SESSION,
      device: `${writePath} ${label}`,
      home: node === undefined ? cluster.regions[0] : cluster.regionOf(node),
      readPath,
      writePath,
      attempt,
      ...(node !== undefined && { node }),
    },
    settings,
  );
}

/** Keys that can be read together, so many at a time. */
function batches(keys: readonly Key[], { partOf }: WorkloadOptions): readonly (readonly Key[])[] {
  const parts = new Map<string, Key[]>();
  for (const key of keys) {
    const part = partOf?.(key) ?? '';
    const some = parts.get(part);
    if (some === undefined) parts.set(part, [key]);
    else some.push(key);
  }
  return [...parts.values()].flatMap((some) =>
    Array.from({ length: Math.ceil(some.length / KEYS_PER_READ) }, (_, i) =>
      some.slice(i * KEYS_PER_READ, (i + 1) * KEYS_PER_READ),
    ),
  );
}
