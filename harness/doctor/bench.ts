/** The scratch cluster that levers are tried on: three containers, a probe in each, and one more that has the store's disk and clock. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, MILLISECOND, SECOND } from '../../history/clock.ts';
import { newRunId } from '../../results/files.ts';
import type { DockerCluster } from '../environments/docker/cluster.ts';
import { deploy, prepared } from '../environments/docker/deploy.ts';
import type { Engine } from '../environments/docker/engine.ts';
import reference from '../systems/reference.ts';
import { Probe } from './probe.ts';
import { UNSYNCED_PROGRAM } from './probe-program.ts';

export const NODES = ['n1', 'n2', 'n3'] as const;
/** Whom levers strike: n1, and its link to n2. */
export const [VICTIM, OTHER] = NODES;
const DATA = '/data/store';
const STORE = 'tidemark-store.mjs';
/** Something for a log to hold. */
const WRITES = 40;
const LEADER_NS = 30 * SECOND;
const CLIENT_NS = SECOND;

const SHIMMED = [
  'LD_PRELOAD=/opt/shims/tm-io.so:/opt/shims/tm-clock.so',
  'TM_IO=/run/tidemark/io',
  `TM_IO_DATA=${DATA}`,
  'TM_CLOCK=/run/tidemark/clock',
  'UV_USE_IO_URING=0',
];
const JOURNAL = 'TM_IO_JOURNAL=/run/tidemark/journal';
const FOLDER = `PROBE_FOLDER=${DATA}`;

export interface StoreProcess {
  /** As the engine's host numbers it. */
  readonly pid: number;
  /** R running, S sleeping, D waiting for a disk, T stopped, … */
  readonly state: string;
}

export class Bench {
  readonly cluster: DockerCluster;
  readonly engine: Engine;
  readonly clock: Clock;
  /** What its containers, volumes and network are called after. */
  readonly run: string;
  readonly #folder: string;
  readonly #probes = new Map<string, Probe>();
  readonly #addresses = new Map<string, string>();
  #shimmed: Probe | undefined;

  static async setUp(settings: ReadonlyMap<string, string>): Promise<Bench> {
    const { engine } = await prepared(settings);
    const run = newRunId();
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-doctor-'));
    try {
      const specs = new Map(NODES.map((node) => [node, reference.node(node, [...NODES], settings)] as const));
      const options = { seed: 1, settings, observe: () => undefined, run: { id: run, logs: folder } };
      const cluster = await deploy(specs, options);
      const bench = new Bench(cluster, engine, run, folder);
      try {
        await bench.#begin();
        return bench;
      } catch (error) {
        await cluster.destroy();
        throw error;
      }
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(cluster: DockerCluster, engine: Engine, run: string, folder: string) {
    this.cluster = cluster;
    this.engine = engine;
    this.clock = cluster.clock;
    this.run = run;
    this.#folder = folder;
  }

  async #begin(): Promise<void> {
    await Promise.all(
      NODES.map(async (node) => {
        const container = this.engine.docker.getContainer(this.container(node));
        const { NetworkSettings } = await this.engine.ask(`looking at ${node}`, (abortSignal) =>
          container.inspect({ abortSignal }),
        );
        const [network] = Object.values(NetworkSettings.Networks);
        this.#addresses.set(node, network?.IPAddress ?? '');
        const env = [FOLDER, 'PROBE_LISTENS=1'];
        this.#probes.set(node, await Probe.start(this.engine, this.clock, this.container(node), env));
      }),
    );
    this.#shimmed = await Probe.start(this.engine, this.clock, this.container(VICTIM), [FOLDER, ...SHIMMED]);
    const leader = await this.#leader();
    const line = this.cluster.dial(leader);
    try {
      for (let n = 0; n < WRITES; n++)
        await line.request({ type: 'write', ack: 'all-ack', key: `doctor-${n}`, value: n });
    } finally {
      line.close();
    }
  }

  async #leader(): Promise<string> {
    const deadline = this.clock.now() + LEADER_NS;
    while (this.clock.now() < deadline) {
      for (const node of NODES) {
        const said = (await this.cluster.status(node)) as { readonly role?: string } | undefined; // the store's own word
        if (said?.role === 'leader') return node;
      }
      await this.sleep(50);
    }
    throw new Error('the scratch cluster found no leader');
  }

  container(node: string): string {
    return `tidemark-${this.run}-${node}`;
  }

  addressOf(node: string): string {
    return this.#addresses.get(node) ?? '';
  }

  /** Beside the store, and untouched by what is done to it. */
  probe(node: string): Probe {
    const probe = this.#probes.get(node);
    if (probe === undefined) throw new Error(`there is no probe in ${node}`);
    return probe;
  }

  /** On the victim, with the store's disk and clock: started as the store is. */
  get shimmed(): Probe {
    if (this.#shimmed === undefined) throw new Error(`there is no probe with the disk of ${VICTIM}`);
    return this.#shimmed;
  }

  sleep(ms: number): Promise<void> {
    return this.clock.sleepUntil(this.clock.now() + ms * MILLISECOND);
  }

  /** Undefined: it did not come to an end within so long. */
  async within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
    let cancel = (): void => undefined;
    const late = new Promise<undefined>((resolve) => {
      cancel = this.clock.timer(this.clock.now() + ms * MILLISECOND, () => resolve(undefined));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel();
    }
  }

  /** The store's process, as the engine lists those of the container: its host's `ps`. */
  async storeProcess(node: string): Promise<StoreProcess | undefined> {
    const { Processes } = (await this.engine.ask(`listing processes of ${node}`, (abortSignal) =>
      this.engine.docker
        .getContainer(this.container(node))
        .top({ ps_args: '-eo pid,stat,args', abortSignal } as object),
    )) as { readonly Processes: readonly (readonly string[])[] }; // as the engine documents it
    const found = Processes.find(([, , command = '']) => command.includes(STORE));
    return found === undefined ? undefined : { pid: Number(found[0]), state: (found[1] ?? '').charAt(0) };
  }

  /** Whether a client of its own, which stands outside of the cluster, gets an answer. */
  async clientIsAnswered(node: string): Promise<boolean> {
    const line = this.cluster.dial(node);
    const answer = line.request({ type: 'read', path: 'local', keys: ['doctor-0'], waitMs: 0 }).then(
      () => true,
      () => false,
    );
    try {
      return (await this.within(CLIENT_NS / MILLISECOND, answer)) ?? false;
    } finally {
      line.close();
    }
  }

  /** Has a program that has the store's disk, with the journal that power cuts go by, write and not sync. */
  async writeUnsynced(): Promise<void> {
    const { docker } = this.engine;
    const exec = await this.engine.ask('writing what is not synced', (abortSignal) =>
      docker.getContainer(this.container(VICTIM)).exec({
        Cmd: ['node', '-e', UNSYNCED_PROGRAM],
        Env: [FOLDER, ...SHIMMED, JOURNAL],
        AttachStdout: true,
        AttachStderr: true,
        abortSignal,
      }),
    );
    const stream = await this.engine.ask('writing what is not synced', () => exec.start({}));
    await this.engine.ask('writing what is not synced', async () => {
      stream.resume();
      await new Promise((resolve) => stream.on('end', resolve));
    });
    const { ExitCode } = await this.engine.ask('writing what is not synced', () => exec.inspect());
    if (ExitCode !== 0) throw new Error(`what is not synced could not be written: code ${ExitCode}`);
  }

  async destroy(): Promise<void> {
    for (const probe of this.#probes.values()) probe.close();
    this.#shimmed?.close();
    try {
      await this.cluster.destroy();
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}
