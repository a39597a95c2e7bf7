/**
 * The shell around the replicas of one node: its life, its inbox, its timers, its disk and its clocks.
 *
 * A node works on one thing at a time and needs `cpuNs` for it; what arrives meanwhile queues. The effects of a step leave
 * when the step is over. A paused node (SIGSTOP) takes up nothing: messages, requests, finished syncs and timers that came
 * due wait in its inbox, in order, until it goes on.
 */
import { SECOND } from '../../../history/clock.ts';
import type { Instant, NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type {
  DiskWrite,
  Durable,
  Effects,
  GroupId,
  ReplicaEvent,
  Request,
  Response,
  Status,
  Steps,
  Timer,
} from '../../../reference-impl/core/types.ts';
import { ASK_MS, Campaign } from './campaign.ts';
import { Disk, type Filling } from './disk.ts';
import { type EventQueue, LEASE, MESSAGE, REQUEST, RUN, SNAPSHOT, SYNCED, TIMER } from './events.ts';
import { Inbox } from './inbox.ts';
import type { LeaseAnswer, LeaseRequest } from './leases.ts';
import type { Pending } from './lines.ts';
import type { Network } from './network.ts';
import { NodeClock, type Skew } from './node-clock.ts';
import type { World } from './settings.ts';
import type { ShellOptions } from './shell-options.ts';
import { type Job, Snapshotting } from './snapshotting.ts';
import { stamp } from './stamp.ts';
import { type NodeTimer, Timers } from './timers.ts';

/** Makes what runs on a node from what its disk holds, a part for each group. */
export type Boot = (durables: readonly Durable[], nowMs: number, out: Effects) => Steps;

/** What a node runs, and what its shell needs to know of it. */
export interface Machine extends ShellOptions {
  readonly id: NodeId;
  readonly number: number;
  readonly region: number;
  readonly boot: Boot;
}

/** What a node has around it. */
export interface Surroundings {
  readonly queue: EventQueue;
  readonly network: Network;
  readonly world: World;
  /** Names of the nodes, by number. */
  readonly ids: readonly NodeId[];
  now(): Instant;
  /** The node answers a request, its answer leaving at `at`. */
  answered(pending: Pending, response: Response, at: Instant): void;
  /** The node went down with this request in hand. */
  broken(pending: Pending): void;
  /** Sends a request to the lease service, leaving at `at`, in life `life` of the node. */
  askLease(node: number, life: number, request: LeaseRequest, at: Instant): void;
  told(node: NodeId, event: ReplicaEvent): void;
  rose(node: NodeId): void;
  /** `error` is what it threw, if it ended that way. */
  fell(node: NodeId, error: unknown): void;
}

/** In the inbox only: the disk has run full (1), or has room again (0). */
const DISK = 64;

/** Monotonic clocks begin anywhere within this. */
const READING_NS_MAX = 1_000 * SECOND;

/** A pause in force, and how much it held up. */
export interface Pause {
  held: number;
}

export class Node implements Effects {
  readonly id: NodeId;
  readonly number: number;
  readonly region: number;
  readonly disk: Disk;
  readonly snapshots: Snapshotting;
  readonly #around: Surroundings;
  readonly #machine: Machine;
  readonly #clock: NodeClock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #inbox = new Inbox();
  /** Requests that the replica has been given and has not answered, by number. */
  readonly #pending = new Map<number, Pending>();
  readonly #pauses = new Set<Pause>();
  #replica: Steps | undefined;
  /** In an external election. */
  #campaign: Campaign | undefined;
  #life = 0;
  #busyUntil: Instant = 0;
  /** A RUN event of this life is in the queue. */
  #runDue = false;
  /** This life was told that the disk is full. */
  #toldFull = false;

  constructor(machine: Machine, around: Surroundings, random: Random) {
    this.id = machine.id;
    this.number = machine.number;
    this.region = machine.region;
    this.#machine = machine;
    this.#around = around;
    const { world } = around;
    const clockRandom = random.fork('clock');
    this.#clock = new NodeClock({
      readingNs: Math.floor(clockRandom.fraction() * READING_NS_MAX),
      driftPpm: (clockRandom.fraction() * 2 - 1) * world.clockDriftPpmMax,
      wallOffsetNs: (clockRandom.fraction() - 0.5) * world.clockOffsetNsMax,
    });
    this.#timers = new Timers(around.queue, machine.number, this.#clock);
    const times = { syncMinNs: world.syncMinNs, syncMaxNs: world.syncMaxNs };
    this.disk = new Disk(times, machine.groups, random.fork('disk'));
    this.snapshots = new Snapshotting(machine.snapshotEntries, this.disk, random.fork('snapshots'));
    this.#random = random.fork('timers');
  }

  get up(): boolean {
    return this.#replica !== undefined;
  }

  get paused(): boolean {
    return this.#pauses.size > 0;
  }

  /** What it says of each of its groups; nothing while it does not answer. */
  statuses(): readonly Status[] {
    return this.paused ? [] : (this.#replica?.statuses() ?? []);
  }

  start(): void {
    if (this.up) return;
    const now = this.#around.now();
    this.#busyUntil = now + this.#around.world.cpuNs;
    this.#around.rose(this.id);
    try {
      const durables = this.disk.recover();
      this.snapshots.begin(this.#machine.groups);
      this.#replica = this.#machine.boot(durables, this.#clock.read(now) / 1e6, this);
      if (this.#machine.election === 'external') this.#enterElection();
      this.#finish(this.#replica);
    } catch (error) {
      this.#crash(error);
    }
  }

  /** Ends the node's life at once (SIGKILL). Returns how many unsynced writes were lost. */
  stop(): number {
    const lost = this.#end();
    this.#around.fell(this.id, undefined);
    return lost;
  }

  pause(pause: Pause): void {
    this.#pauses.add(pause);
  }

  resume(pause: Pause): void {
    if (!this.#pauses.delete(pause) || this.paused) return;
    if (this.#inbox.length > 0) this.#runAt(Math.max(this.#around.now(), this.#busyUntil));
  }

  skew(skew: Skew): void {
    this.#timers.skew(skew, this.#around.now());
  }

  unskew(skew: Skew): void {
    this.#timers.unskew(skew, this.#around.now());
  }

  makeRoom(filling: Filling): void {
    if (!this.disk.clear(filling) || !this.#toldFull) return;
    this.#toldFull = false;
    this.#deliver(DISK, 0, undefined);
  }

  // Events. ----------------------------------------------------------------------------------------------------------

  receive(from: number, message: unknown): void {
    this.#deliver(MESSAGE, from, message);
  }

  receiveRequest(pending: Pending): void {
    this.#deliver(REQUEST, 0, pending);
  }

  /** The disk finished a sync begun in life `life`. */
  syncEnded(life: number): void {
    if (life !== this.#life) return;
    try {
      this.#deliver(SYNCED, this.disk.end(), undefined);
      this.#beginSync();
    } catch (error) {
      this.#crash(error);
    }
  }

  /** The disk is done with a portion of a snapshot, or with the whole. */
  snapshotWritten(life: number, job: Job): void {
    if (life !== this.#life) return;
    if (job.phase === 'syncing' && !this.snapshots.synced(job)) return;
    this.#deliver(SNAPSHOT, 0, job);
  }

  leaseAnswered(life: number, answer: LeaseAnswer): void {
    if (life === this.#life) this.#deliver(LEASE, 0, answer);
  }

  timerComesUp(timer: number, at: Instant): void {
    if (this.#timers.comesUp(timer, at)) this.#deliver(TIMER, timer, undefined);
  }

  /** Takes up what has waited longest. */
  run(life: number): void {
    if (life !== this.#life) return;
    this.#runDue = false;
    if (this.paused || this.#inbox.length === 0) return;
    this.#inbox.shift();
    this.#step(this.#inbox.kind, this.#inbox.number, this.#inbox.ref);
    if (this.#inbox.length > 0) this.#runAt(this.#busyUntil);
  }

  // Effects of the step under way. They leave at #busyUntil, when the step is over. ----------------------------------

  send(to: NodeId, message: unknown): void {
    const number = this.#around.ids.indexOf(to);
    if (number < 0) throw new Error(`${this.id} sends to ${to}, which does not exist`);
    this.#around.network.send(this.number, number, message, this.#busyUntil);
  }

  write(write: DiskWrite): void {
    if (write.snapshot !== undefined) this.snapshots.installed(write.group ?? this.#firstGroup, write.snapshot.index);
    this.disk.write(write);
  }

  timer(name: Timer, minMs: number, maxMs: number): void {
    const delayNs = Math.round((minMs + this.#random.fraction() * (maxMs - minMs)) * 1e6);
    this.#timers.arm(name, this.#busyUntil, delayNs);
  }

  disarm(name: Timer): void {
    this.#timers.disarm(name);
  }

  answer(request: number, response: Response): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) throw new Error(`${this.id} answers request ${request}, which it does not have`);
    this.#pending.delete(request);
    this.#around.answered(pending, response, this.#busyUntil);
  }

  tell(event: ReplicaEvent): void {
    if (event.type === 'committed') this.snapshots.committed(event.group ?? this.#firstGroup, event.index);
    this.#around.told(this.id, event);
  }

  // ------------------------------------------------------------------------------------------------------------------

  #deliver(kind: number, number: number, ref: unknown): void {
    if (!this.up) return;
    const idle = !this.#runDue && this.#busyUntil <= this.#around.now();
    if (idle && !this.paused) return this.#step(kind, number, ref);
    this.#inbox.push(kind, number, ref);
    if (this.paused) for (const pause of this.#pauses) pause.held++;
    else this.#runAt(this.#busyUntil);
  }

  #runAt(at: Instant): void {
    if (this.#runDue) return;
    this.#runDue = true;
    this.#around.queue.push(at, RUN, this.number, this.#life, undefined);
  }

  #step(kind: number, number: number, ref: unknown): void {
    const replica = this.#replica;
    const now = this.#around.now();
    if (replica === undefined || (kind === TIMER && !this.#timers.take(number, now))) return;
    this.#busyUntil = now + this.#around.world.cpuNs;
    const nowMs = this.#clock.read(now) / 1e6;
    try {
      if (kind === MESSAGE) replica.receive(this.#around.ids[number], ref, nowMs, this);
      else if (kind === REQUEST)
        this.#request(replica, ref as Pending, nowMs); // put there by receiveRequest
      else if (kind === SYNCED) replica.synced(number, nowMs, this);
      else if (kind === TIMER) this.#fire(replica, this.#timers.name(number), nowMs);
      else if (kind === LEASE)
        this.#campaign?.answered(ref as LeaseAnswer, replica, nowMs, this); // put there by leaseAnswered
      else if (kind === DISK) replica.diskChanged(number === 1 ? 'full' : 'ok', nowMs, this);
      else this.#goOn(replica, ref as Job); // put there by snapshotWritten and #finish
      this.#finish(replica);
    } catch (error) {
      this.#crash(error);
    }
  }

  #fire(replica: Steps, timer: NodeTimer, nowMs: number): void {
    if (timer !== 'lease') return replica.fired(timer, nowMs, this);
    this.#campaign?.tick(replica, nowMs, this);
    this.#timers.arm('lease', this.#busyUntil, ASK_MS * 1e6);
  }

  #enterElection(): void {
    const life = this.#life;
    this.#campaign = new Campaign(`${this.id}/${life}`, this.#machine.groups, this.#random, (request) =>
      this.#around.askLease(this.number, life, request, this.#busyUntil),
    );
    this.#timers.arm('lease', this.#busyUntil, this.#random.below(ASK_MS * 1e6));
  }

  #request(replica: Steps, pending: Pending, nowMs: number): void {
    this.#pending.set(pending.number, pending);
    const body = pending.body as Request; // the clients of this program send these
    const writes = body.type === 'write' || body.type === 'cas';
    const stamped = writes ? stamp(body, this.#clock.wallMs(this.#around.now())) : body;
    replica.request(pending.number, stamped, nowMs, this);
  }

  /** A snapshot's next portion, or its end. */
  #goOn(replica: Steps, job: Job): void {
    if (job.phase === 'durable') return this.snapshots.compact(job, replica);
    const duration = this.snapshots.read(job);
    if (duration !== undefined)
      this.#around.queue.push(this.#busyUntil + duration, SNAPSHOT, this.number, this.#life, job);
  }

  /** What follows from a step when it is over. */
  #finish(replica: Steps): void {
    this.#beginSync();
    if (this.disk.waiting > 0 && !this.#toldFull) {
      this.#toldFull = true;
      this.#later(DISK, 1, undefined);
    }
    for (let job = this.snapshots.next(replica); job !== undefined; job = this.snapshots.next(replica)) {
      this.#later(SNAPSHOT, 0, job);
    }
  }

  /** Something to do for the node itself, after what waits already. */
  #later(kind: number, number: number, ref: unknown): void {
    this.#inbox.push(kind, number, ref);
    this.#runAt(this.#busyUntil);
  }

  /** A sync covers all that the step wrote, so it begins when the step is over. */
  #beginSync(): void {
    const duration = this.disk.begin();
    if (duration === undefined) return;
    const from = Math.max(this.#around.now(), this.#busyUntil);
    this.#around.queue.push(from + duration, SYNCED, this.number, this.#life, undefined);
  }

  /** A violated assertion ends the node's life, and nobody starts it again. */
  #crash(error: unknown): void {
    this.#end();
    this.#around.fell(this.id, error);
  }

  get #firstGroup(): GroupId {
    return this.#machine.groups[0];
  }

  #end(): number {
    this.#replica = undefined;
    this.#life++;
    this.#timers.clear();
    this.#pauses.clear();
    this.#runDue = false;
    this.#toldFull = false;
    const inHand = [...this.#pending.values(), ...(this.#inbox.clear(REQUEST) as Pending[])]; // put there by receiveRequest
    this.#pending.clear();
    const lost = this.disk.crash();
    for (const pending of inHand) this.#around.broken(pending);
    return lost;
  }
}
