/**
 * The end of a run: everything that was written is read back, once through the strongest path and once from every node by
 * name; what was sent to logs is polled to the end. This is what `durable`, `convergent` and `log` are judged on.
 *
 * It does not wait for ever for a cluster that will not answer: what was not read then stays unread, and is judged so.
 */
import { type Clock, MILLISECOND, SECOND } from '../history/clock.ts';
import type { Instant, Key, NodeId, Process, Value } from '../history/operation.ts';
import type { Client, Entry } from '../history/store.ts';
import type { Call, WorkloadOptions } from '../workloads/workload.ts';
import { type Driver, EPILOGUE_SESSION } from './driver.ts';
import type { Deployment } from './environments/environment.ts';
import type { ResolvedPlan } from './plan.ts';

const KEYS_PER_READ = 100;
const POLLS_MAX = 10_000;
const ATTEMPTS = 5;
const PAUSE_NS = 200 * MILLISECOND;
/** A reader that was answered nothing for so long will be answered nothing: as long as a fresh cluster may take to elect. */
const SILENCE_NS = 30 * SECOND;
/** As long as the load lasted, and at least so long, all may take together. */
const LEAST_NS = 120 * SECOND;

/** What it needs of the driver. */
export type Reader = Pick<Driver, 'keysWritten' | 'logsSent' | 'once' | 'newProcess'>;

/** How far the readers are. */
export class ReadingBack {
  /** Until when, at the latest. */
  readonly until: Instant;
  readonly #clock: Clock;
  readonly #open = new Set<Asking>();
  /** Keys and logs that were not asked for any more, once for each reader. */
  givenUp = 0;

  constructor(clock: Clock, loadNs: number) {
    this.#clock = clock;
    this.until = clock.now() + Math.max(LEAST_NS, loadNs);
  }

  begin(asking: Asking): void {
    this.#open.add(asking);
  }

  end(asking: Asking, unread: number): void {
    this.#open.delete(asking);
    this.givenUp += unread;
  }

  /** `leader reads of quorum-ack (12 of 300 keys, unanswered for 14 s) and 3 more`: who has waited longest; undefined: nobody. */
  waitsFor(): string | undefined {
    const [first, ...more] = [...this.#open].sort((a, b) => a.heard - b.heard);
    if (first === undefined) return undefined;
    const silentNs = this.#clock.now() - first.heard;
    const silent = silentNs < SECOND ? '' : `, unanswered for ${Math.floor(silentNs / SECOND)} s`;
    return `${first.told} (${first.done} of ${first.keys} keys${silent})${more.length === 0 ? '' : ` and ${more.length} more`}`;
  }
}

export async function epilogue(
  plan: ResolvedPlan,
  cluster: Deployment,
  driver: Reader,
  progress = new ReadingBack(cluster.clock, plan.durationNs),
): Promise<void> {
  const { strongestReadPath, stateReadPath } = plan.use.system;
  const readers: Promise<void>[] = [];
  for (const writePath of plan.writePaths) {
    const keys = driver.keysWritten(writePath);
    const read = (readPath: string, label: string, node?: NodeId): void =>
      void readers.push(
        readBack({
          plan,
          cluster,
          driver,
          progress,
          keys,
          writePath,
          readPath,
          label,
          ...(node !== undefined && { node }),
        }),
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
          progress,
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
  readonly progress: ReadingBack;
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
  for (const call of calls) {
    if (asking.isVain) break;
    await asking.ask(call);
    asking.done += call.f === 'readMany' ? call.keys.length : 1;
  }
  await asking.end();
}

/** Polls each log until nothing more comes. */
async function readLogs(asked: ReadBack): Promise<void> {
  const asking = await Asking.begin(asked);
  for (const key of asked.keys) {
    if (asking.isVain) break;
    for (let polls = 0, from = 0; polls < POLLS_MAX; polls++) {
      const entries = await asking.ask({ f: 'poll', key, from });
      const last = Array.isArray(entries) ? (entries as readonly Entry[]).at(-1) : undefined;
      if (last === undefined) break;
      from = last[0] + 1;
    }
    asking.done++;
  }
  await asking.end();
}

/** One reader, who asks each thing until it is answered, a few times. */
class Asking {
  /** Keys that were asked for, answered or not. */
  done = 0;
  /** When it was last answered, or began. */
  heard: Instant;
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
    this.heard = of.cluster.clock.now();
    of.progress.begin(this);
  }

  get keys(): number {
    return this.#of.keys.length;
  }

  /** Whose answers it waits for. */
  get told(): string {
    const { label, writePath } = this.#of;
    return `${label} reads of ${writePath}`;
  }

  /** Whether it has waited long enough. */
  get isVain(): boolean {
    const { cluster, progress } = this.#of;
    const now = cluster.clock.now();
    return now >= Math.min(progress.until, this.heard + SILENCE_NS);
  }

  /** The answer; undefined: none came. */
  async ask(call: Call): Promise<Value | undefined> {
    const { driver, label, cluster } = this.#of;
    for (let tries = 1; tries <= ATTEMPTS && !this.isVain; tries++) {
      const { outcome, value } = await driver.once(this.#client, this.#process, call, label);
      if (outcome === 'ok') {
        this.heard = cluster.clock.now();
        return value;
      }
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
    this.#of.progress.end(this, this.keys - this.done);
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
