/**
 * The end of a run: everything that was written is read back, once through the strongest path and once from every node by
 * name. This is what `durable` and `convergent` are judged on.
 */
import { MILLISECOND } from '../history/clock.ts';
import type { Key, NodeId } from '../history/operation.ts';
import type { Call } from '../workloads/workload.ts';
import { type Driver, EPILOGUE_SESSION } from './driver.ts';
import type { Deployment } from './environments/environment.ts';
import type { ResolvedPlan } from './plan.ts';

const KEYS_PER_READ = 100;
const ATTEMPTS = 5;
const PAUSE_NS = 200 * MILLISECOND;

export async function epilogue(plan: ResolvedPlan, cluster: Deployment, driver: Driver): Promise<void> {
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
  readonly driver: Driver;
  readonly keys: readonly Key[];
  readonly writePath: string;
  readonly readPath: string;
  /** The path's name in the journal. */
  readonly label: string;
  readonly node?: NodeId;
}

async function readBack({ plan, cluster, driver, keys, writePath, readPath, label, node }: ReadBack): Promise<void> {
  const { system } = plan.use;
  const many = system.methods.includes('readMany');
  const home = node === undefined ? cluster.regions[0] : cluster.regionOf(node);
  let attempt = 0;
  const connect = async (): Promise<Awaited<ReturnType<typeof system.connect>>> =>
    system.connect(cluster, {
      session: EPILOGUE_SESSION,
      device: label,
      home,
      readPath,
      writePath,
      attempt: attempt++,
      ...(node !== undefined && { node }),
    });
  let client = await connect();
  let process = driver.newProcess();
  const size = many ? KEYS_PER_READ : 1;
  for (let i = 0; i < keys.length; i += size) {
    const call: Call = many ? { f: 'readMany', keys: keys.slice(i, i + size) } : { f: 'read', key: keys[i] };
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
