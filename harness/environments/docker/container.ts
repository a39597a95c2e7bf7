/** One node's container: made, attached to, started, looked at when it has ended. */
import { appendFileSync, closeSync, openSync } from 'node:fs';
import type Docker from 'dockerode';
import type { Clock } from '../../../history/clock.ts';
import { lastLinesOf, lastWordsOf } from '../real/last-words.ts';
import { AgentLink } from './agent-link.ts';
import type { Event } from './agent/protocol.ts';
import type { Engine } from './engine.ts';
import { labels } from './owner.ts';

/**
 * All that a node's container may do beyond a plain process, in its own network namespace: NET_ADMIN for rules and queues,
 * NET_RAW for packets that are sent twice. All else is dropped, and no container is privileged or sees the engine's socket.
 */
export const CAPABILITIES: readonly string[] = ['NET_ADMIN', 'NET_RAW'];
/** For a store that runs as a user of its own, which the agent, being root, has to start, end and give files to. */
const FOR_A_USER: readonly string[] = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID'];

/** Ports that a node listens on in its container. */
export const ports = { client: 7600, admin: 7601 } as const;
/** Where the agent lets the harness through to a store that is not ours, port by port. */
export const ASIDE = 7610;
export const DATA = '/data';

const PROCESSES_MAX = 256;
/** Threads count too, and some stores have one for each client. */
const PROCESSES_MAX_OTHER = 2048;
const WORDS_BYTES = 4000;
const MEBIBYTE = 1024 * 1024;

export interface ContainerSpec {
  readonly run: string;
  readonly owner: string;
  readonly node: string;
  readonly image: string;
  readonly network: string;
  readonly address: string;
  readonly cpus: number;
  readonly memoryMb: number;
  /** Published on this address of the engine's host; undefined: its own address can be reached. */
  readonly publishOn: string | undefined;
  readonly env: readonly string[];
  /** What it listens on, besides its agent. */
  readonly ports: readonly number[];
  /** A store that is not ours may leave processes to be buried; `user`: and one that it runs as. */
  readonly other?: { readonly user: string | undefined };
  /** Appended to; undefined: the log is not kept. */
  readonly logFile: string | undefined;
}

export interface ContainerEvents {
  readonly clock: Clock;
  readonly told: (event: Event) => void;
  readonly broken: () => void;
}

export class Container {
  readonly name: string;
  readonly volume: string;
  readonly link: AgentLink;
  readonly #engine: Engine;
  readonly #container: Docker.Container;
  readonly #log: NodeLog;
  readonly #ready: Promise<void>;

  /** Made and attached to, but not started: nothing that it says is missed. */
  static async create(engine: Engine, spec: ContainerSpec, events: ContainerEvents): Promise<Container> {
    const name = `tidemark-${spec.run}-${spec.node}`;
    await engine.ask(`making the volume ${name}`, (abortSignal) =>
      engine.docker.createVolume({ Name: name, Labels: labelsOf(spec), abortSignal }),
    );
    const container = await engine.ask(`making the container ${name}`, (abortSignal) =>
      engine.docker.createContainer({ ...options(name, spec), abortSignal }),
    );
    const stream = await engine.ask(`attaching to ${name}`, (abortSignal) =>
      container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true, abortSignal }),
    );
    return new Container(engine, container, name, stream, spec, events);
  }

  private constructor(
    engine: Engine,
    container: Docker.Container,
    name: string,
    stream: NodeJS.ReadWriteStream,
    spec: ContainerSpec,
    { clock, told, broken }: ContainerEvents,
  ) {
    this.#engine = engine;
    this.#container = container;
    this.name = name;
    this.volume = name;
    this.#log = new NodeLog(spec.logFile);
    const modem = container.modem as Demuxing;
    let ready: (() => void) | undefined;
    let dead: ((error: Error) => void) | undefined;
    this.#ready = new Promise((resolve, reject) => {
      ready = resolve;
      dead = reject;
    });
    this.#ready.catch(() => undefined); // awaited in start()
    this.link = new AgentLink({
      clock,
      node: spec.node,
      stream,
      demux: (from, out, err) => modem.demuxStream(from, out, err),
      log: (bytes) => this.#log.write(bytes),
      told: (event) => {
        if (event.event === 'ready') ready?.();
        else told(event);
      },
      broken: () => {
        dead?.(new Error(`the container of ${spec.node} has ended`));
        broken();
      },
    });
  }

  /** Resolves when the agent takes requests. Rejects with why the container has ended. */
  async start(): Promise<void> {
    await this.#engine.ask(`starting ${this.name}`, (abortSignal) => this.#container.start({ abortSignal }));
    try {
      await this.#engine.ask(`waiting for ${this.name}`, () => this.#ready);
    } catch (error) {
      throw new Error(`${this.name} died at its start: ${await this.autopsy()}`, { cause: error });
    }
  }

  /** Why the container has ended, with its last words. */
  async autopsy(): Promise<string> {
    const words = this.lastWords();
    try {
      const { State } = await this.#engine.ask(`looking at ${this.name}`, (abortSignal) =>
        this.#container.inspect({ abortSignal }),
      );
      const how = State.OOMKilled ? 'its memory limit is used up' : State.Error || `code ${State.ExitCode}`;
      return `${how}; ${words}`;
    } catch (error) {
      return `${(error as Error).message}; ${words}`;
    }
  }

  /** The end of its log, in one line. */
  lastWords(): string {
    return this.#log.lastWords();
  }

  /** The end of its log. */
  lastLines(): readonly string[] {
    return this.#log.lastLines();
  }

  /** Where its ports are published on the engine's host, by port inside. */
  async published(spec: ContainerSpec): Promise<ReadonlyMap<number, number>> {
    const { NetworkSettings } = await this.#engine.ask(`looking at ${this.name}`, (abortSignal) =>
      this.#container.inspect({ abortSignal }),
    );
    return new Map(spec.ports.map((inside) => [inside, Number(NetworkSettings.Ports[`${inside}/tcp`]?.[0]?.HostPort)]));
  }

  /** Undefined: as much as it was made with. */
  async limit(
    spec: Pick<ContainerSpec, 'cpus' | 'memoryMb'>,
    less: { readonly cpus: number | undefined; readonly memoryBytes: number | undefined },
  ): Promise<void> {
    const made = limits(spec);
    const nanoCpus = less.cpus === undefined ? made.nanoCpus : Math.min(made.nanoCpus, Math.round(less.cpus * 1e9));
    const bytes = Math.min(made.bytes, less.memoryBytes ?? made.bytes);
    await this.#engine.ask(`limiting ${this.name}`, (abortSignal) =>
      this.#container.update({ NanoCpus: nanoCpus, Memory: bytes, MemorySwap: bytes, abortSignal }),
    );
  }

  /** What the engine says has changed since it was made, a sentence each; `answers`: whether there is an agent to be asked more. */
  async changed(
    spec: Pick<ContainerSpec, 'cpus' | 'memoryMb'>,
  ): Promise<{ readonly answers: boolean; readonly changed: readonly string[] }> {
    const { State, HostConfig } = await this.#engine.ask(`looking at ${this.name}`, (abortSignal) =>
      this.#container.inspect({ abortSignal }),
    );
    const sentences: string[] = [];
    if (State.Paused) sentences.push('its container is paused');
    if (!State.Running) sentences.push('its container has ended');
    const { nanoCpus, bytes } = limits(spec);
    if (HostConfig.NanoCpus !== nanoCpus || HostConfig.Memory !== bytes)
      sentences.push('its limits are not what they were');
    return { answers: State.Running && !State.Paused, changed: sentences };
  }

  async remove(): Promise<void> {
    this.link.close();
    await removeContainer(this.#engine, this.#container.id);
    await removeVolume(this.#engine, this.volume);
    this.#log.close();
  }
}

interface Demuxing {
  demuxStream(from: NodeJS.ReadWriteStream, out: NodeJS.WritableStream, err: NodeJS.WritableStream): void;
}

/** What is gone already is well. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  await gone(() =>
    engine.ask(`removing the container ${id}`, (abortSignal) =>
      engine.docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
    ),
  );
}

export async function removeVolume(engine: Engine, name: string): Promise<void> {
  await gone(() =>
    engine.ask(`removing the volume ${name}`, (abortSignal) => engine.docker.getVolume(name).remove({ abortSignal })),
  );
}

export async function removeNetwork(engine: Engine, name: string): Promise<void> {
  await gone(() =>
    engine.ask(`removing the network ${name}`, (abortSignal) => engine.docker.getNetwork(name).remove({ abortSignal })),
  );
}

async function gone(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if ((error as { readonly status?: number }).status !== 404) throw error;
  }
}

function labelsOf({ run, owner, node }: ContainerSpec): Record<string, string> {
  return { [labels.run]: run, [labels.owner]: owner, [labels.node]: node };
}

/** As the engine counts them. */
function limits({ cpus, memoryMb }: Pick<ContainerSpec, 'cpus' | 'memoryMb'>): { nanoCpus: number; bytes: number } {
  return { nanoCpus: Math.round(cpus * 1e9), bytes: memoryMb * MEBIBYTE };
}

function options(name: string, spec: ContainerSpec): Docker.ContainerCreateOptions {
  const { node, network, address, publishOn, other } = spec;
  const inside = spec.ports.map((port) => `${port}/tcp`);
  const { nanoCpus, bytes } = limits(spec);
  return {
    name,
    Image: spec.image,
    Hostname: node,
    Labels: labelsOf(spec),
    Env: [...spec.env],
    // The agent ends when nobody holds its stdin any more: a cluster does not outlive its harness.
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ...(publishOn !== undefined && { ExposedPorts: Object.fromEntries(inside.map((port) => [port, {}])) }),
    HostConfig: {
      CapDrop: ['ALL'],
      CapAdd: other?.user === undefined ? [...CAPABILITIES] : [...CAPABILITIES, ...FOR_A_USER],
      ...(other !== undefined && { Init: true }),
      SecurityOpt: ['no-new-privileges'],
      NanoCpus: nanoCpus,
      Memory: bytes,
      MemorySwap: bytes,
      PidsLimit: other === undefined ? PROCESSES_MAX : PROCESSES_MAX_OTHER,
      Tmpfs: { '/run': 'rw,size=64m' },
      Mounts: [{ Type: 'volume', Source: name, Target: DATA }],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
      ...(publishOn !== undefined && {
        PortBindings: Object.fromEntries(inside.map((port) => [port, [{ HostIp: publishOn, HostPort: '' }]])),
      }),
    },
    NetworkingConfig: {
      EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address }, Aliases: [node] } },
    },
  };
}

/** Kept in the run's folder, as it is said; the end of it here. */
export class NodeLog {
  readonly #file: number | undefined;
  #closed = false;
  #end = Buffer.alloc(0);

  constructor(path: string | undefined) {
    this.#file = path === undefined ? undefined : openSync(path, 'a');
  }

  write(bytes: Buffer): void {
    if (this.#closed) return;
    if (this.#file !== undefined) appendFileSync(this.#file, bytes);
    this.#end = Buffer.concat([this.#end, bytes]).subarray(-WORDS_BYTES);
  }

  lastWords(): string {
    return lastWordsOf(this.#end.toString('utf8')) ?? 'it said nothing';
  }

  lastLines(): readonly string[] {
    return lastLinesOf(this.#end.toString('utf8'));
  }

  close(): void {
    this.#closed = true;
    if (this.#file !== undefined) closeSync(this.#file);
  }
}
