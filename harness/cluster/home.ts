/**
 * A cluster to play with, as it lies on disk, `.tidemark/cluster/<name>/`:
 *
 *   cluster.json   who there is: ports, regions, and the process of each node
 *   n1.yaml        the node's settings        n1.log   what it says, every life of it
 *   n1/            its data
 *
 * The nodes are processes of their own, which outlive the command that started them. A process is named by its pid and the
 * moment it began, and a cluster by the life of the machine too: so only what was started here is ever ended.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../history/clock.ts';
import { isAlive, pidOf, processId, type ProcessId, underLock } from '../../results/lock.ts';
import { asset } from '../entry.ts';
import { BadInput, unknownName } from '../errors.ts';

export interface NodeHome {
  readonly node: string;
  readonly region: string;
  /** Ports on loopback. */
  readonly client: number;
  readonly admin: number;
  /** The process that was started last, and in which life of the machine. */
  readonly process?: ProcessId;
  readonly boot?: string;
}

export interface Cluster {
  readonly schema: 1;
  readonly name: string;
  /** What its nodes call the cluster: no other one's nodes are let in, whatever ports they come to. */
  readonly id: string;
  readonly groups: number;
  readonly learners: readonly string[];
  /** Further settings of tidemark-store, for every node. */
  readonly settings: Readonly<Record<string, string>>;
  readonly nodes: readonly NodeHome[];
}

/** Where all clusters of a working directory are. */
export const clustersFolder = (cwd: string): string => join(cwd, '.tidemark', 'cluster');

const WORDS_BYTES = 4000;

export class Home {
  readonly name: string;
  readonly folder: string;
  readonly #clock: Clock;

  constructor(cwd: string, name: string, clock: Clock) {
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/.test(name)) {
      throw new BadInput(`--name ${name}: letters, digits and dashes are needed, 32 at the most.`);
    }
    this.name = name;
    this.folder = join(clustersFolder(cwd), name);
    this.#clock = clock;
  }

  get #file(): string {
    return join(this.folder, 'cluster.json');
  }

  get exists(): boolean {
    return existsSync(this.#file);
  }

  /** @throws BadInput when there is none */
  read(): Cluster {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw this.#missing();
    }
    const found = parsed(text);
    if (found === undefined) throw new BadInput(`${this.#file} is damaged: remove its folder, and begin anew.`);
    return found;
  }

  #missing(): BadInput {
    const parent = join(this.folder, '..');
    const others = existsSync(parent)
      ? readdirSync(parent).filter((name) => existsSync(join(parent, name, 'cluster.json')))
      : [];
    if (others.length > 0) return unknownName('cluster', this.name, others);
    return new BadInput("There is no cluster here; 'tidemark cluster up' makes one.");
  }

  /** Writes what a new cluster is, before any of its nodes is started. */
  create(cluster: Cluster): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    this.#write(cluster);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  isUp({ process, boot }: NodeHome): boolean {
    return process !== undefined && boot === bootOfMachine() && isAlive(process);
  }

  pidOf(home: NodeHome): number | undefined {
    return home.process !== undefined && this.isUp(home) ? pidOf(home.process) : undefined;
  }

  node(name: string): NodeHome {
    const { nodes } = this.read();
    const found = nodes.find(({ node }) => node === name);
    if (found === undefined)
      throw unknownName(
        'node',
        name,
        nodes.map(({ node }) => node),
      );
    return found;
  }

  /**
   * Starts those of the nodes that are not up, and returns their names. Two commands that do so at once start each node once:
   * starting and writing down are one step under a lock.
   */
  async start(wanted: (node: string) => boolean): Promise<readonly string[]> {
    return underLock(join(this.folder, 'lock'), this.#clock, () => {
      const cluster = this.read();
      const started: string[] = [];
      const nodes = cluster.nodes.map((home) => {
        if (!wanted(home.node) || this.isUp(home)) return home;
        started.push(home.node);
        return { ...home, process: this.#spawn(cluster, home), boot: bootOfMachine() };
      });
      this.#write({ ...cluster, nodes });
      return started;
    });
  }

  #spawn(cluster: Cluster, home: NodeHome): ProcessId {
    const { node } = home;
    const data = join(this.folder, node);
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const config = join(this.folder, `${node}.yaml`);
    writeFileSync(config, `${JSON.stringify(settingsOf(cluster, home, data), undefined, 2)}\n`); // JSON is YAML
    const log = openSync(join(this.folder, `${node}.log`), 'a', 0o600);
    try {
      const child = spawn(process.execPath, [asset('bin/tidemark-store.mjs'), '--config', config], {
        cwd: this.folder,
        detached: true,
        stdio: ['ignore', log, log],
        env: withoutSecrets(process.env),
      });
      child.on('error', () => undefined); // then it has no pid
      child.unref();
      const id = child.pid === undefined ? undefined : processId(child.pid);
      if (id === undefined) throw new Error(`${node} could not be started`);
      return id;
    } finally {
      closeSync(log);
    }
  }

  /** Its last lines, of whichever life. */
  lastWords(node: string): string {
    try {
      const lines = readFileSync(join(this.folder, `${node}.log`), 'utf8')
        .slice(-WORDS_BYTES)
        .trimEnd()
        .split('\n');
      return lines[lines.length - 1];
    } catch {
      return 'it left no word';
    }
  }

  /** Asks the process to end, or ends it. Nothing happens to a process that was not started here. */
  signal(home: NodeHome, signal: 'SIGTERM' | 'SIGKILL'): boolean {
    const pid = this.pidOf(home);
    if (pid === undefined) return false;
    try {
      process.kill(pid, signal);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false; // it has just ended by itself
      throw error;
    }
  }

  #write(cluster: Cluster): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, `${JSON.stringify(cluster, undefined, 2)}\n`);
    renameSync(next, this.#file);
  }
}

function bootOfMachine(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

function parsed(text: string): Cluster | undefined {
  try {
    const cluster = JSON.parse(text) as Cluster; // our own file
    return cluster.schema === 1 && Array.isArray(cluster.nodes) ? cluster : undefined;
  } catch {
    return undefined;
  }
}

function settingsOf(cluster: Cluster, { node, region, client, admin }: NodeHome, data: string): unknown {
  return {
    ...cluster.settings,
    node,
    cluster: cluster.id,
    listen: `127.0.0.1:${client}`,
    admin: `127.0.0.1:${admin}`,
    peer: Object.fromEntries(cluster.nodes.map((other) => [other.node, `127.0.0.1:${other.client}`])),
    ...(cluster.learners.length > 0 && { learner: cluster.learners }),
    groups: cluster.groups,
    data,
    region,
  };
}

/** Secrets of some other cluster of the user's are not this one's. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TIDEMARK_STORE_')));
}
