/**
 * A cluster in virtual time. One seed decides everything that happens in it; the same seed and the same calls give the
 * same events in the same order on every machine.
 */
import type { Instant, NodeId } from '../../../history/operation.ts';
import { Random } from '../../../history/random.ts';
import type { Durable, Effects, ReplicaEvent, Response, Status, Steps } from '../../../reference-impl/core/types.ts';
import {
  isOtherStore,
  type Connection,
  type Deployment,
  type DeployOptions,
  type NodeSpec,
  type OwnProgram,
} from '../environment.ts';
import { runLoop, type Stage, VirtualClock } from './clock.ts';
import {
  ANSWER,
  CALL,
  EventQueue,
  KIND_NAMES,
  LEASE,
  MESSAGE,
  REQUEST,
  RUN,
  SNAPSHOT,
  SYNCED,
  TIMER,
  WAKE,
} from './events.ts';
import { type LeaseAnswer, type LeaseRequest, LeaseService } from './leases.ts';
import { createLevers } from './levers.ts';
import { CONNECTION_LOST, CONNECTION_REFUSED, Lines, type Pending } from './lines.ts';
import { Network, Regions } from './network.ts';
import { Node, type Surroundings } from './node.ts';
import { shellOptions } from './shell-options.ts';
import type { Job } from './snapshotting.ts';
import { world as worldOf, type World } from './settings.ts';

/** What a node of this program runs. Throws when the options will not do. */
export type Program = (
  id: NodeId,
  options: OwnProgram['options'],
  start: { readonly durables: readonly Durable[]; readonly nowMs: number; readonly out: Effects },
) => Steps;

export class Simulation implements Deployment, Stage, Surroundings {
  readonly queue = new EventQueue();
  readonly clock = new VirtualClock(this.queue);
  readonly world: World;
  readonly network: Network;
  readonly ids: readonly NodeId[];
  readonly regions: readonly string[];
  readonly levers: ReturnType<typeof createLevers>;
  readonly #regions: Regions;
  readonly #lines: Lines;
  readonly #leases = new LeaseService();
  readonly #nodes: readonly Node[];
  readonly #observe: DeployOptions['observe'];
  readonly #events = new Float64Array(KIND_NAMES.length);
  readonly #crashes: string[] = [];
  /** An observer's error, kept until it can be thrown without looking like the replica's. */
  #failure: { readonly error: unknown } | undefined;
  #running = false;
  #undelivered = 0;
  #trace = 0x811c9dc5;

  constructor(
    specs: ReadonlyMap<NodeId, NodeSpec>,
    options: DeployOptions,
    programs: Readonly<Record<string, Program>>,
  ) {
    const random = new Random(options.seed).fork('simulation');
    this.world = worldOf(options.settings);
    this.#observe = options.observe;
    this.ids = [...specs.keys()];
    this.#regions = new Regions(this.world, random.fork('regions'));
    this.regions = this.#regions.names;
    const regionOfNode = this.ids.map((_, i) => i % this.regions.length);
    this.network = new Network(this.queue, regionOfNode, this.#regions, this.world, random.fork('network'));
    this.#lines = new Lines(this.queue, this.#regions, () => this.clock.now(), random.fork('lines'));
    this.#nodes = [...specs].map(([id, spec], i) => {
      if (isOtherStore(spec)) throw new Error(`the simulation can't run the image '${spec.image}'`);
      const program = programs[spec.program];
      if (program === undefined)
        throw new Error(`the simulation can't run '${spec.program}', only ${Object.keys(programs).join(', ')}`);
      const boot = (durables: readonly Durable[], nowMs: number, out: Effects): Steps =>
        program(id, spec.options, { durables, nowMs, out });
      const machine = { id, number: i, region: regionOfNode[i], boot, ...shellOptions(spec.options) };
      return new Node(machine, this, random.fork(`node ${id}`));
    });
    this.levers = createLevers(this.#nodes, this.network, random.fork('levers'));
    for (const node of this.#nodes) node.start();
    this.#surface();
  }

  get nodes(): readonly NodeId[] {
    return this.ids;
  }

  now(): Instant {
    return this.clock.now();
  }

  regionOf(node: NodeId): string {
    return this.regions[this.#node(node).region];
  }

  distanceNs(home: string, node: NodeId): number {
    return this.#regions.baseNs(this.#regions.number(home), this.#node(node).region);
  }

  dial(node: NodeId, home: string): Connection {
    const { number, region } = this.#node(node);
    return this.#lines.dial(number, region, this.#regions.number(home));
  }

  /** Of the first group; where there are several, with `groups`: all of them. */
  status(node: NodeId): Promise<(Status & { readonly groups?: readonly Status[] }) | undefined> {
    const statuses = this.#node(node).statuses();
    return Promise.resolve(statuses.length > 1 ? { ...statuses[0], groups: statuses } : statuses[0]);
  }

  isUp(node: NodeId): boolean {
    return this.#node(node).up;
  }

  async run<T>(main: () => Promise<T>): Promise<T> {
    if (this.#running) throw new Error('the simulation is running already');
    this.#running = true;
    try {
      return await runLoop(this, main);
    } finally {
      this.#running = false;
    }
  }

  /** What nodes said when they crashed: violated assertions of the store. */
  crashes(): readonly string[] {
    return this.#crashes;
  }

  /** A hash over all events so far: two runs with the same one went the same way. */
  get trace(): number {
    return this.#trace >>> 0;
  }

  statistics(): Readonly<Record<string, number>> {
    const sum = (of: (node: Node) => number): number => this.#nodes.reduce((total, node) => total + of(node), 0);
    const { background } = this.network;
    const events = Object.fromEntries(KIND_NAMES.map((name, kind) => [`events: ${name}`, this.#events[kind]]));
    return {
      events: this.#events.reduce((total, n) => total + n, 0),
      ...events,
      'messages sent': this.network.sent,
      'messages lost without a fault': background.dropped,
      'messages duplicated without a fault': background.duplicated,
      'messages reordered without a fault': background.reordered,
      'messages to nodes that were down': this.#undelivered,
      'disk writes': sum((node) => node.disk.writes),
      'disk writes lost in crashes': sum((node) => node.disk.writesLost),
      'disk syncs': sum((node) => node.disk.syncs),
      'snapshots taken': sum((node) => node.snapshots.taken),
      'log entries compacted': sum((node) => node.snapshots.compacted),
      'leases granted': this.#leases.grants,
      requests: this.#lines.requests,
      'requests refused by dead nodes': this.#lines.refused,
      'requests broken off by crashes': this.#lines.broken,
      'assertions failed': this.#crashes.length,
    };
  }

  async destroy(): Promise<void> {
    for (const node of this.#nodes) if (node.up) node.stop();
  }

  // For the loop. -----------------------------------------------------------------------------------------------------

  waiting(): number {
    return this.#lines.waiting;
  }

  dispatch(): boolean {
    const { queue } = this;
    const { kind, a, b, at } = queue;
    this.#events[kind]++;
    this.#trace = Math.imul(this.#trace ^ (at % 4294967296) ^ (kind << 28) ^ (a << 16) ^ b, 0x01000193);
    let woken = false;
    switch (kind) {
      case MESSAGE:
        if (this.network.arrives(b, a)) {
          if (this.#nodes[a].up) this.#nodes[a].receive(b, queue.ref);
          else this.#undelivered++;
        }
        break;
      case RUN:
        this.#nodes[a].run(b);
        break;
      case SYNCED:
        this.#nodes[a].syncEnded(b);
        break;
      case SNAPSHOT:
        this.#nodes[a].snapshotWritten(b, queue.ref as Job); // nodes put one into each such event
        break;
      case LEASE:
        this.#lease(a, b, queue.ref as LeaseRequest | LeaseAnswer); // askLease and #lease put one into each such event
        break;
      case TIMER:
        this.#nodes[a].timerComesUp(b, at);
        break;
      case REQUEST:
        this.#requestArrives(queue.ref as Pending); // Lines puts one into each such event
        break;
      case ANSWER:
        woken = this.#lines.arrive(queue.ref as Pending); // likewise
        break;
      case WAKE:
      case CALL:
        if (queue.ref === undefined) break;
        this.clock.sleeping--;
        (queue.ref as () => void)(); // VirtualClock puts one into each such event
        woken = true;
    }
    if (this.#failure !== undefined) this.#surface();
    return woken;
  }

  #requestArrives(pending: Pending): void {
    if (pending.line.closed) return;
    const node = this.#nodes[pending.node];
    if (node.up) node.receiveRequest(pending);
    else this.#lines.conclude(pending, CONNECTION_REFUSED, this.now());
  }

  /** To the lease service, or from it. */
  #lease(node: number, life: number, said: LeaseRequest | LeaseAnswer): void {
    if (!('do' in said)) {
      if (!this.network.cutOff(node, 'to')) this.#nodes[node].leaseAnswered(life, said);
      return;
    }
    const answer = this.network.cutOff(node, 'from') ? undefined : this.#leases.ask(said, this.now());
    if (answer !== undefined) this.queue.push(this.now() + this.#leaseLatency(node), LEASE, node, life, answer);
  }

  #leaseLatency(node: number): number {
    return this.#regions.baseNs(0, this.#nodes[node].region);
  }

  // For the nodes. ----------------------------------------------------------------------------------------------------

  answered(pending: Pending, response: Response, at: Instant): void {
    this.#lines.conclude(pending, { response }, at);
  }

  broken(pending: Pending): void {
    this.#lines.conclude(pending, CONNECTION_LOST, this.now());
  }

  askLease(node: number, life: number, request: LeaseRequest, at: Instant): void {
    this.queue.push(at + this.#leaseLatency(node), LEASE, node, life, request);
  }

  told(node: NodeId, event: ReplicaEvent): void {
    this.#tell({ type: 'store', node, event });
  }

  rose(node: NodeId): void {
    this.#tell({ type: 'up', node });
  }

  fell(node: NodeId, error: unknown): void {
    if (error === undefined) return this.#tell({ type: 'down', node });
    const message = error instanceof Error ? error.message : String(error);
    const where = error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : '';
    this.#crashes.push(`${node} at ${this.now()} ns: ${message}${where}`);
    this.#tell({ type: 'down', node, reason: message });
  }

  /** Observers look on: what they do must not set simulated code going, for nobody waits for it here. */
  #tell(event: Parameters<DeployOptions['observe']>[0]): void {
    try {
      this.#observe(event);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #surface(): void {
    if (this.#failure === undefined) return;
    const { error } = this.#failure;
    this.#failure = undefined;
    throw error;
  }

  #node(id: NodeId): Node {
    const found = this.#nodes[this.ids.indexOf(id)];
    if (found === undefined) throw new Error(`no node '${id}': there are ${this.ids.join(', ')}`);
    return found;
  }
}
