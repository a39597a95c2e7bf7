/** What a check of the acceptance suite works with: the system, its cluster behind proxies, and clients whose answers are taken apart. */
import { machineNs, MILLISECOND, SECOND } from '../../history/clock.ts';
import type { NodeId, Sighting, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, type Entry, Refused, type Step } from '../../history/store.ts';
import { type Deployment, type Helpers, isOtherStore, type Reach } from '../environments/environment.ts';
import type { System } from '../system.ts';
import { Mark, type Mode, Proxy } from './proxy.ts';

/** What is put to the test. */
export interface Subject {
  readonly system: System;
  readonly cluster: Deployment;
  readonly settings: ReadonlyMap<string, string>;
}

export type Result =
  | { readonly type: 'passed'; readonly note?: string }
  | { readonly type: 'failed'; readonly why: string }
  /** It could not be put to the test. */
  | { readonly type: 'not shown'; readonly why: string }
  /** There is nothing to test. */
  | { readonly type: 'not offered'; readonly why: string };

export interface Check {
  readonly name: string;
  /** What holds when it has passed, in one sentence. */
  readonly about: string;
  run(bench: Bench): Promise<Result>;
}

export const passed: Result = { type: 'passed' };
export const failed = (why: string): Result => ({ type: 'failed', why });
/** Who was asked, and how often, is told by the keys that pass. */
export const unseen: Result = {
  type: 'not shown',
  why: 'its key is not to be seen on the wire: it is encrypted, or made into something else',
};

/** How a request ended, as the harness would write it down. */
export type Outcome<T> =
  | { readonly type: 'ok'; readonly answer: T }
  | { readonly type: 'fail' | 'info'; readonly why: string }
  /** It had not ended some time after its deadline: the harness takes it as info. */
  | { readonly type: 'silent'; readonly why: string };

/** How long a cluster may take to be led again where nothing was done to it. */
const LED_AGAIN_NS = 10 * SECOND;
const LOOK_AGAIN_NS = 200 * MILLISECOND;
/** What a request may take, where nothing is wrong and where something is. */
export const CALM_NS = 3 * SECOND;
export const PATIENCE_NS = SECOND;
const AFTER_DEADLINE_NS = SECOND;
/** Of a log of a check's own, which holds a handful. */
const MOST_ENTRIES = 1000;

export class Bench {
  readonly system: System;
  /** Behind the proxies. */
  readonly cluster: Deployment;
  /** What drivers did that they should not, by name. */
  readonly misdeeds = new Map<string, number>();
  readonly #settings: ReadonlyMap<string, string>;
  readonly #proxies: Proxies;
  readonly #clients = new Set<Client>();
  readonly #ends: (() => Promise<void>)[] = [];
  #number = 0;

  /** @throws an error where nothing can be put in the way of this cluster's clients */
  static async over({ system, cluster, settings }: Subject): Promise<Bench> {
    const { address, reach } = cluster;
    const spec = system.node(cluster.nodes[0], cluster.nodes, settings);
    const ports = reach !== undefined && isOtherStore(spec) ? spec.ports : [GIVEN_PORT];
    if (reach === undefined && address === undefined)
      throw new Error('clients of this cluster do not go by addresses: nothing can be put in their way');
    const proxies = new Map<NodeId, Map<number, Proxy>>();
    for (const node of cluster.nodes) {
      const ofNode = new Map<number, Proxy>();
      for (const port of ports) {
        const to = reach?.client(node, port);
        ofNode.set(
          port,
          await Proxy.before(to === undefined ? (cluster.address?.(node) ?? '') : `${to.host}:${to.port}`),
        );
      }
      proxies.set(node, ofNode);
    }
    return new Bench(system, cluster, settings, proxies);
  }

  private constructor(system: System, cluster: Deployment, settings: ReadonlyMap<string, string>, proxies: Proxies) {
    this.system = system;
    this.#settings = settings;
    this.#proxies = proxies;
    const helpers: Helpers = {
      logs: cluster.helpers?.logs,
      keyPrefix: cluster.helpers?.keyPrefix ?? '',
      count: (what) => void this.misdeeds.set(what, (this.misdeeds.get(what) ?? 0) + 1),
      atEnd: (end) => void this.#ends.push(end),
    };
    this.cluster = behind(cluster, proxies, helpers);
  }

  get nodes(): readonly NodeId[] {
    return this.cluster.nodes;
  }

  get writePath(): string {
    return this.system.writePaths[0].name;
  }

  /** A text that nothing else has: for keys that are looked for. */
  unique(): string {
    return `tm${process.pid.toString(36)}${machineNs().toString(36)}x${(this.#number++).toString(36)}`;
  }

  /** Something to write. */
  value(): number {
    return 1_000_000 + this.#number++;
  }

  /** A client of a session of its own, unless `options` say otherwise. */
  async client(options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = await this.system.connect(
      this.cluster,
      {
        session: `acceptance${this.#number++}`,
        device: 'd1',
        home: this.cluster.regions[0],
        readPath: this.system.strongestReadPath,
        writePath: this.writePath,
        attempt: 0,
        ...options,
      },
      this.#settings,
    );
    this.#clients.add(client);
    return client;
  }

  async closeClients(): Promise<void> {
    const all = [...this.#clients];
    this.#clients.clear();
    await Promise.all(all.map((client) => client.close()));
  }

  /** Of a store that has logs and no registers: sends it. */
  write(client: Client, key: string, value: number, withinNs = CALM_NS): Promise<Outcome<object>> {
    if (!this.system.methods.includes('write')) return this.send(client, key, value, withinNs);
    return this.outcome((deadline) => required(client.write, 'write').call(client, { key, value }, deadline), withinNs);
  }

  /** Of a store that has logs and no registers: the last entry stands for the value. */
  read(client: Client, key: string, withinNs = CALM_NS): Promise<Outcome<Answer<{ readonly value: Value }>>> {
    if (!this.system.methods.includes('read')) return this.last(client, key, withinNs);
    return this.outcome((deadline) => required(client.read, 'read').call(client, { key }, deadline), withinNs);
  }

  send(
    client: Client,
    key: string,
    value: number,
    withinNs = CALM_NS,
  ): Promise<Outcome<Answer<{ readonly offset: number }>>> {
    return this.outcome((deadline) => required(client.send, 'send').call(client, { key, value }, deadline), withinNs);
  }

  /** All that a log holds from there on, polled until there is no more. */
  poll(
    client: Client,
    key: string,
    from: number,
    withinNs = CALM_NS,
  ): Promise<Outcome<Answer<{ readonly entries: readonly Entry[] }>>> {
    return this.outcome(async (deadline) => {
      const poll = required(client.poll, 'poll').bind(client);
      const entries: Entry[] = [];
      for (let next = from; ; ) {
        const answer = await poll({ key, from: next }, deadline);
        if (answer.entries.length === 0) return { ...answer, entries };
        entries.push(...answer.entries);
        const [highest] = answer.entries[answer.entries.length - 1];
        if (highest < next || entries.length > MOST_ENTRIES)
          throw new Error(`a poll from ${next} gave offset ${highest} last: it would never come to an end`);
        next = highest + 1;
      }
    }, withinNs);
  }

  async last(client: Client, key: string, withinNs = CALM_NS): Promise<Outcome<Answer<{ readonly value: Value }>>> {
    const ended = await this.poll(client, key, 0, withinNs);
    if (ended.type !== 'ok') return ended;
    const { entries, ...rest } = ended.answer;
    return { type: 'ok', answer: { ...rest, value: entries.length === 0 ? null : entries[entries.length - 1][1] } };
  }

  transact(
    client: Client,
    steps: readonly Step[],
    withinNs = CALM_NS,
  ): Promise<Outcome<Answer<{ readonly steps: readonly Step[] }>>> {
    return this.outcome((deadline) => required(client.transact, 'txn').call(client, { steps }, deadline), withinNs);
  }

  /** Keys that one request may be about. */
  together(): readonly [string, string, string] {
    const { partOf } = this.system;
    const keys = [this.unique()];
    for (let tries = 0; keys.length < 3 && tries < 10_000; tries++) {
      const key = this.unique();
      if (partOf === undefined || partOf(key, this.#settings) === partOf(keys[0], this.#settings)) keys.push(key);
    }
    return keys as [string, string, string]; // each part has keys without end
  }

  /** Asks, and waits a little longer than was agreed. */
  async outcome<T>(ask: (deadline: number) => Promise<T>, withinNs: number): Promise<Outcome<T>> {
    const { clock } = this.cluster;
    const deadline = clock.now() + withinNs;
    let cancel: () => void = () => undefined;
    const silent = new Promise<Outcome<T>>((resolve) => {
      cancel = clock.timer(deadline + AFTER_DEADLINE_NS, () => resolve({ type: 'silent', why: 'no answer' }));
    });
    const asked = Promise.resolve()
      .then(() => ask(deadline))
      .then(
        (answer): Outcome<T> => ({ type: 'ok', answer }),
        (error: unknown): Outcome<T> => {
          const why = error instanceof Error ? error.message : String(error);
          return { type: error instanceof Refused ? 'fail' : 'info', why };
        },
      );
    const ended = await Promise.race([asked, silent]);
    cancel();
    return ended;
  }

  /**
   * A value that is there for certain, written while nothing is wrong; why not, otherwise. A refusal, which is a definite answer, may be for
   * want of a leader: on a busy machine one may just have lost its followers.
   */
  async written(key: string, value: number, options: Partial<ClientOptions> = {}): Promise<string | undefined> {
    const { clock } = this.cluster;
    const until = clock.now() + LED_AGAIN_NS;
    let ended = await this.write(await this.client(options), key, value);
    while (ended.type === 'fail' && clock.now() < until) {
      await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
      ended = await this.write(await this.client(options), key, value);
    }
    return ended.type === 'ok' ? undefined : `a write while nothing is wrong ended as ${ended.type}: ${ended.why}`;
  }

  mode(mode: Mode): void {
    for (const [, proxy] of this.#each()) proxy.mode = mode;
  }

  /** Looks for a mark on its way to any node, besides those that are looked for already. */
  watch(mark: Mark): void {
    for (const [, proxy] of this.#each()) proxy.watch(mark);
  }

  /** Looks for none any more. */
  unwatch(): void {
    for (const [, proxy] of this.#each()) proxy.unwatch();
  }

  /** A mark for each node: who was asked. */
  watchEach(text: string): ReadonlyMap<NodeId, Mark> {
    const marks = new Map([...this.#proxies.keys()].map((node) => [node, new Mark(text)]));
    for (const [node, proxy] of this.#each()) {
      const mark = marks.get(node);
      if (mark !== undefined) proxy.watch(mark);
    }
    return marks;
  }

  connections(): number {
    return this.#each().reduce((sum, [, { connections }]) => sum + connections, 0);
  }

  async sleep(ms: number): Promise<void> {
    const { clock } = this.cluster;
    await clock.sleepUntil(clock.now() + ms * MILLISECOND);
  }

  /** What all nodes say of themselves. */
  async sightings(): Promise<readonly Sighting[]> {
    return (await Promise.all(this.nodes.map((node) => this.system.sight(this.cluster, node)))).flat();
  }

  async leader(): Promise<Sighting | undefined> {
    return leaderIn(await this.sightings());
  }

  /** After each check: nothing is wrong any more, and no client is left. */
  async settle(): Promise<void> {
    this.unwatch();
    this.mode('pass');
    await this.closeClients();
  }

  async close(): Promise<void> {
    await this.closeClients();
    await Promise.all(this.#ends.map((end) => end()));
    await Promise.all(this.#each().map(([, proxy]) => proxy.close()));
  }

  #each(): readonly (readonly [NodeId, Proxy])[] {
    return [...this.#proxies].flatMap(([node, ofNode]) => [...ofNode.values()].map((proxy) => [node, proxy] as const));
  }
}

export function leaderIn(sightings: readonly Sighting[]): Sighting | undefined {
  return sightings
    .filter(({ role }) => role === 'leader')
    .reduce<Sighting | undefined>((a, b) => (a !== undefined && a.term >= b.term ? a : b), undefined);
}

function required<T>(method: T | undefined, name: string): T {
  if (method === undefined) throw new Refused('UNSUPPORTED', `this client has no ${name}`);
  return method;
}

/** By node, and by the port that stands for what the proxy is in front of. */
type Proxies = ReadonlyMap<NodeId, ReadonlyMap<number, Proxy>>;

/** Of nodes that are given by one address each. */
const GIVEN_PORT = 0;

function behind(cluster: Deployment, proxies: Proxies, helpers: Helpers): Deployment {
  const { reach } = cluster;
  const proxied = (node: NodeId, port: number): Proxy | undefined => proxies.get(node)?.get(port);
  return {
    clock: cluster.clock,
    nodes: cluster.nodes,
    regions: cluster.regions,
    levers: cluster.levers,
    helpers,
    ...(reach === undefined
      ? { address: (node: NodeId) => proxied(node, GIVEN_PORT)?.address ?? '' }
      : { reach: reachBehind(reach, proxied) }),
    regionOf: (node) => cluster.regionOf(node),
    distanceNs: (home, node) => cluster.distanceNs(home, node),
    dial: (node, home) => cluster.dial(node, home),
    status: (node) => cluster.status(node),
    isUp: (node) => cluster.isUp(node),
    run: (main) => cluster.run(main),
    statistics: () => cluster.statistics(),
    crashes: () => cluster.crashes(),
    destroy: () => cluster.destroy(),
  };
}

function reachBehind(reach: Reach, proxied: (node: NodeId, port: number) => Proxy | undefined): Reach {
  return {
    client(node, port) {
      const address = proxied(node, port)?.address;
      if (address === undefined) return reach.client(node, port);
      const at = address.lastIndexOf(':');
      return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
    },
    aside: (node, port) => reach.aside(node, port),
    addressOf: (node) => reach.addressOf(node),
    nodeAt: (address) => reach.nodeAt(address),
    perform: (node, command, withinNs) => reach.perform(node, command, withinNs),
    kill: (node) => reach.kill(node),
    start: (node) => reach.start(node),
  };
}
