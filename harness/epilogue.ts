/**
 * The end of a run: everything that was written is read back, once through the strongest path and once from every node by
 * name. This is what `durable` and `convergent` are judged on.
 */
import { MILLISECOND } from '../history/clock.ts';
import type { Key, NodeId } from '../history/operation.ts';
import type { Call, WorkloadOptions } from '../workloads/workload.ts';
import { type Driver, EPILOGUE_SESSION } from './driver.ts';
import type { Deployment } from './environments/environment.ts';
import type { ResolvedPlan } from './plan.ts';

const KEYS_PER_READ = 100;
const ATTEMPTS = 5;
const PAUSE_NS = 200 * MILLISECOND;

/** What it needs of the driver. */
export type Reader = Pick<Driver, 'keysWritten' | 'once' | 'newProcess'>;

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

async function readBack({ plan, cluster, driver, keys, writePath, readPath, label, node }: ReadBack): Promise<void> {
  const { system, settings, workloadOptions } = plan.use;
  const many = system.methods.includes('readMany');
  const home = node === undefined ? cluster.regions[0] : cluster.regionOf(node);
  let attempt = 0;
  const connect = async (): Promise<Awaited<ReturnType<typeof system.connect>>> =>
    system.connect(
      cluster,
      {
        session: EPILOGUE_SESSION,
        device: `${writePath} ${label}`,
        home,
        readPath,
        writePath,
        attempt: attempt++,
        ...(node !== undefined && { node }),
      },
      settings,
    );
  let client = await connect();
  let process = driver.newProcess();
  const calls = many
    ? batches(keys, workloadOptions).map((some): Call => ({ f: 'readMany', keys: some }))
    : keys.map((key): Call => ({ f: 'read', key }));
  for (const call of calls) {
    for (let tries = 1; tries <= ATTEMPTS; tries++) {
      const { outcome } = await driver.once(client, process, call, label);
      if (outcome === 'ok') break;
      if (outcome === 'info') {
        await client.close();
        client = await connect();
        process = driver.newProcess();
      }
      if (tries < ATTEMPTS) await cluster.clock.sleepUntil(cluster.clock.now() + PAUSE_NS);
    }
  }
  await client.close();
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
