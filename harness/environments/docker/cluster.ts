/**
 * A cluster of containers: real networks between real processes, in real time. Each node is a container with a fixed address
 * and a data volume of its own; see agent/main.ts for who starts the store in it and does faults to it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { realClock, SECOND } from '../../../history/clock.ts';
import { Random } from '../../../history/random.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Levers } from '../../../nemesis/fault.ts';
import { unguessable } from '../../../reference-impl/server/clock.ts';
import { newRunId } from '../../../results/files.ts';
import {
  type Connection,
  type Deployment,
  type DeployOptions,
  isOtherStore,
  type NodeSpec,
  type Reach,
} from '../environment.ts';
import { dialStore, distanceNs, REGIONS, storeConfig, storeStatus } from '../real/store.ts';
import type { Program, Stand } from './agent/protocol.ts';
import { Container, type ContainerSpec, DATA, ports, removeNetwork } from './container.ts';
import type { Engine } from './engine.ts';
import { removeRun } from './leftovers.ts';
import { createLevers } from './levers.ts';
import { createNetwork } from './network.ts';
import { asidePort, otherProgram, portsInside } from './other.ts';
import { labels, owner } from './owner.ts';
import { limitsOf, publishOn, reachOf } from './settings.ts';
import { Supervised } from './supervised.ts';

/** 1 is the gateway. */
const FIRST_ADDRESS = 2;
const STORE = '/opt/tidemark/bin/tidemark-store.mjs';
/** Below the volume's own folder, which may hold `lost+found` and the like. */
const STORE_DATA = `${DATA}/store`;
/** An agent's own answer, beyond what it was given. */
const MARGIN_NS = 5 * SECOND;
/** Where the agent puts it. */
const CONFIG = '/run/tidemark/store.yaml';

interface Member {
  readonly id: NodeId;
  readonly region: string;
  readonly spec: ContainerSpec;
  readonly container: Container;
  /** What it listens on for clients. */
  readonly clientPorts: readonly number[];
  /** Where the engine's host has its ports; undefined: its own address can be reached. */
  published: ReadonlyMap<number, number> | undefined;
  readonly store: Supervised;
  /** As it was before the first fault. */
  calm: Stand | undefined;
}

export class DockerCluster implements Deployment {
  readonly clock = realClock();
  readonly nodes: readonly NodeId[];
  readonly regions = REGIONS;
  readonly levers: Partial<Levers>;
  readonly reach: Reach = {
    client: (node, port) => this.#endpoint(node, port),
    aside: (node, port) => this.#endpoint(node, asidePort(this.#member(node).clientPorts, port)),
    addressOf: (node) => this.#member(node).spec.address,
    nodeAt: (address) => this.nodes.find((node) => this.#member(node).spec.address === address),
    perform: (node, command, withinNs) =>
      this.#member(node).container.link.ask({ do: 'perform', command, withinNs }, withinNs + MARGIN_NS),
    kill: async (node) => void (await this.#member(node).container.link.ask({ do: 'kill' })),
    start: (node) => this.#member(node).store.start(),
  };
  readonly #engine: Engine;
  readonly #network: string;
  readonly #observe: DeployOptions['observe'];
  readonly #members = new Map<NodeId, Member>();
  readonly #crashes: string[] = [];
  /** Its store is of an image that the user gave. */
  readonly #isOfUser: boolean;
  #requests = 0;
  #ending = false;

  static async deploy(
    engine: Engine,
    image: string,
    nodes: ReadonlyMap<NodeId, NodeSpec>,
    options: DeployOptions,
  ): Promise<DockerCluster> {
    const cluster = new DockerCluster(engine, [...nodes.keys()], options);
    try {
      await cluster.#setUp(image, nodes, options);
      return cluster;
    } catch (error) {
      await cluster.#abandon().catch(() => undefined); // the first error says what matters; the next start finds what is left
      throw error;
    }
  }

  private constructor(engine: Engine, nodes: readonly NodeId[], { run, seed, observe, settings }: DeployOptions) {
    this.#engine = engine;
    this.nodes = nodes;
    this.#network = `tidemark-${run?.id ?? newRunId()}`;
    this.#observe = observe;
    this.#isOfUser = settings.has('image');
    this.levers = createLevers(
      (id) => {
        const member = this.#member(id);
        const { spec, container, store } = member;
        return {
          id,
          address: spec.address,
          ports: member.clientPorts,
          peers: [...this.#members.values()].map((other) => other.spec.address).filter((at) => at !== spec.address),
          data: STORE_DATA,
          link: container.link,
          start: () => store.start(),
          fill: (by) => store.fill(by),
          fail: (by) => store.fail(by),
          limit: (limits) => container.limit(spec, limits),
        };
      },
      this.clock,
      new Random(seed).fork('damage'),
    );
  }

  async #setUp(image: string, nodes: ReadonlyMap<NodeId, NodeSpec>, { run, settings }: DeployOptions): Promise<void> {
    const self = owner();
    const name = this.#network;
    const runId = name.slice('tidemark-'.length);
    const subnet = await createNetwork(this.#engine, name, { [labels.run]: runId, [labels.owner]: self });
    const addresses = new Map(this.nodes.map((id, i) => [id, subnet.address(FIRST_ADDRESS + i)]));
    const reach = reachOf(settings, this.#engine);
    const limits = limitsOf(settings);
    if (run !== undefined) mkdirSync(run.logs, { recursive: true });
    // Reading what a node says of itself is free; nobody is to operate it from outside.
    const secret = unguessable(32).toString('hex');
    // All settled before the first failure is told: what is made later would be nobody's.
    const made = await Promise.allSettled(
      [...nodes].map(async ([id, nodeSpec], i) => {
        const address = addresses.get(id) ?? '';
        const region = REGIONS[i % REGIONS.length];
        const other = isOtherStore(nodeSpec) ? nodeSpec : undefined;
        const program = other
          ? otherProgram(other, id, addresses, STORE_DATA)
          : ownProgram(nodeSpec, id, region, addresses, settings);
        const spec: ContainerSpec = {
          run: runId,
          owner: self,
          node: id,
          image,
          network: name,
          address,
          ...limits,
          publishOn: reach === 'ports' ? publishOn(this.#engine) : undefined,
          env: other ? [] : [`TIDEMARK_STORE_OPERATOR_SECRET=${secret}`],
          ports: other ? portsInside(other) : Object.values(ports),
          ...(other && { other: { user: other.user } }),
          logFile: run === undefined ? undefined : join(run.logs, `${id}.log`),
        };
        const container = await Container.create(this.#engine, spec, {
          clock: this.clock,
          told: (event) => this.#member(id).store.told(event),
          broken: () => void this.#broken(id),
        });
        const member: Member = {
          id,
          region,
          spec,
          container,
          clientPorts: other?.ports ?? [ports.client],
          published: undefined,
          store: new Supervised({
            id,
            clock: this.clock,
            launch: () => container.link.ask({ do: 'start', program }),
            lastWords: () => container.lastWords(),
            endsWhenFull: other !== undefined,
            observe: this.#observe,
            crashes: this.#crashes,
          }),
          calm: undefined,
        };
        this.#members.set(id, member);
        await container.start();
        if (spec.publishOn !== undefined) member.published = await container.published(spec);
        member.calm = await container.link.ask({ do: 'stand' });
      }),
    );
    for (const one of made) if (one.status === 'rejected') throw one.reason;
    await Promise.all([...this.#members.values()].map(({ store }) => store.start()));
  }

  /** A container has ended that nobody has ended. */
  async #broken(id: NodeId): Promise<void> {
    const member = this.#members.get(id);
    if (this.#ending || member === undefined) return;
    member.store.up = false;
    const at = this.#crashes.push(`the container of ${id} has ended by itself`) - 1;
    this.#observe({ type: 'down', node: id, reason: 'its container has ended' });
    this.#crashes[at] = `the container of ${id} has ended by itself: ${await member.container.autopsy()}`;
  }

  regionOf(node: NodeId): string {
    return this.#member(node).region;
  }

  distanceNs(home: string, node: NodeId): number {
    return distanceNs(home, this.regionOf(node));
  }

  dial(node: NodeId): Connection {
    return dialStore(this.#at(node, ports.client), node, () => void this.#requests++);
  }

  async status(node: NodeId): Promise<unknown> {
    return this.isUp(node) ? storeStatus(this.#at(node, ports.admin), this.clock) : undefined;
  }

  isUp(node: NodeId): boolean {
    return this.#member(node).store.up;
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return main();
  }

  statistics(): Readonly<Record<string, number>> {
    const starts = [...this.#members.values()].reduce((sum, member) => sum + member.store.starts, 0);
    return { requests: this.#requests, 'processes started': starts };
  }

  crashes(): readonly string[] {
    return this.#crashes;
  }

  refused(): boolean {
    return this.#isOfUser || [...this.#members.values()].some(({ store }) => store.refused);
  }

  lastLines(node: NodeId): Promise<readonly string[]> {
    return Promise.resolve(this.#member(node).container.lastLines());
  }

  async lingering(): Promise<readonly string[]> {
    const found = await Promise.all(
      this.nodes.map(async (node) => {
        const { id, store, calm, container, spec } = this.#member(node);
        const sentences: string[] = [];
        const told = (): string[] => sentences.map((sentence) => `${id} was not healed: ${sentence}`);
        try {
          const { answers, changed } = await container.changed(spec);
          sentences.push(...changed);
          if (!answers) return told();
          const stand = await container.link.ask({ do: 'stand' });
          if (!store.up) sentences.push('it was not started again');
          if (stand.process === 'T') sentences.push('its process is stopped still');
          if (stand.rules !== calm?.rules)
            sentences.push(`its rules are not what they were: ${difference(calm?.rules, stand.rules)}`);
          if (stand.queues !== calm?.queues)
            sentences.push(`its queues are not what they were: ${difference(calm?.queues, stand.queues)}`);
          if (stand.disk !== calm?.disk) sentences.push(`its disk is not what it was: ${stand.disk}`);
          if (stand.clock !== calm?.clock) sentences.push(`its clocks are not what they were: ${stand.clock}`);
          return told();
        } catch (error) {
          return [...told(), `nobody knows whether ${id} was healed: ${(error as Error).message}`];
        }
      }),
    );
    return found.flat();
  }

  async destroy(): Promise<void> {
    this.#ending = true;
    const removed = await Promise.allSettled([...this.#members.values()].map(({ container }) => container.remove()));
    await removeNetwork(this.#engine, this.#network);
    for (const one of removed) if (one.status === 'rejected') throw one.reason;
  }

  /** After a failure half-way: what is not among the members yet goes too. */
  async #abandon(): Promise<void> {
    this.#ending = true;
    for (const { container } of this.#members.values()) container.link.close();
    await removeRun(this.#engine, this.#network.slice('tidemark-'.length));
  }

  /** Where a port of a node is, as the harness reaches it. */
  #endpoint(node: NodeId, port: number): { readonly host: string; readonly port: number } {
    const { spec, published } = this.#member(node);
    if (published === undefined) return { host: spec.address, port };
    return { host: this.#engine.host, port: published.get(port) ?? Number.NaN };
  }

  #at(node: NodeId, inside: number): string {
    const { host, port } = this.#endpoint(node, inside);
    return `${host}:${port}`;
  }

  #member(id: NodeId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`no node '${id}': there are ${this.nodes.join(', ')}`);
    return member;
  }
}

function ownProgram(
  spec: NodeSpec,
  node: NodeId,
  region: string,
  addresses: ReadonlyMap<NodeId, string>,
  settings: DeployOptions['settings'],
): Program {
  const address = addresses.get(node) ?? '';
  const place = {
    node,
    region,
    listen: `${address}:${ports.client}`,
    admin: `${address}:${ports.admin}`,
    peers: Object.fromEntries(
      [...addresses].filter(([peer]) => peer !== node).map(([peer, at]) => [peer, `${at}:${ports.client}`]),
    ),
    data: STORE_DATA,
  };
  const config = storeConfig('docker', spec, place, settings);
  return {
    command: ['node', STORE, '--config', CONFIG],
    config: JSON.stringify(config, undefined, 2), // JSON is YAML
    data: STORE_DATA,
  };
}

/** The first line that only one of them has. */
function difference(before = '', after: string): string {
  const [was, is] = [before.split('\n'), after.split('\n')];
  const more = is.find((line) => !was.includes(line));
  const less = was.find((line) => !is.includes(line));
  return more !== undefined ? `'${more}' is new` : `'${less ?? ''}' is gone`;
}
