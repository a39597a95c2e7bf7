/**
 * The shell around one replica: its life, its inbox, its timers, its disk and its clock.
 *
 * A node works on one thing at a time and needs `cpuNs` for it; what arrives meanwhile queues. The effects of a step leave
 * when the step is over. A paused node (SIGSTOP) takes up nothing: messages, requests, finished syncs and timers that came
 * due wait in its inbox, in order, until it goes on.
 */
import type { Instant, NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type {
  DiskWrite,
  Durable,
  Effects,
  ReplicaEvent,
  Request,
  Response,
  Status,
  Steps,
  Timer,
} from '../../../reference-impl/core/types.ts';
import { Disk } from './disk.ts';
import { type EventQueue, MESSAGE, REQUEST, RUN, SYNCED, TIMER } from './events.ts';
import { Inbox } from './inbox.ts';
import type { Pending } from './lines.ts';
import type { Network } from './network.ts';
import { NodeClock } from './node-clock.ts';
import type { World } from './settings.ts';
import { type Skew, Timers, TIMERS } from './timers.ts';

/** Makes the replica that runs on a node from what its disk holds. */
export type Boot = (durable: Durable, nowMs: number, out: Effects) => Steps;

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
  told(node: NodeId, event: ReplicaEvent): void;
  rose(node: NodeId): void;
  /** `error` is what it threw, if it ended that way. */
  fell(node: NodeId, error: unknown): void;
}

/** A pause in force, and how much it held up. */
export interface Pause {
  held: number;
}

export class Node implements Effects {
  readonly id: NodeId;
  readonly number: number;
  readonly region: number;
  readonly disk: Disk;
  readonly #around: Surroundings;
  readonly #boot: Boot;
  readonly #clock: NodeClock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #inbox = new Inbox();
  /** Requests that the replica has been given and has not answered, by number. */
  readonly #pending = new Map<number, Pending>();
  readonly #pauses = new Set<Pause>();
  #replica: Steps | undefined;
  #life = 0;
  #busyUntil: Instant = 0;
  /** A RUN event of this life is in the queue. */
  #runDue = false;

  constructor(id: NodeId, number: number, region: number, around: Surroundings, boot: Boot, random: Random) {
    this.id = id;
    this.number = number;
    this.region = region;
    this.#around = around;
    this.#boot = boot;
    const { world } = around;
    const clockRandom = random.fork('clock');
    const offsetNs = clockRandom.fraction() * world.clockOffsetNsMax;
    this.#clock = new NodeClock(offsetNs, (clockRandom.fraction() * 2 - 1) * world.clockDriftPpmMax);
    this.#timers = new Timers(around.queue, number, this.#clock);
    this.disk = new Disk({ syncMinNs: world.syncMinNs, syncMaxNs: world.syncMaxNs }, random.fork('disk'));
    this.#random = random.fork('timers');
  }

  get up(): boolean {
    return this.#replica !== undefined;
  }

  get paused(): boolean {
    return this.#pauses.size > 0;
  }

  status(): Status | undefined {
    return this.paused ? undefined : this.#replica?.status();
  }

  start(): void {
    if (this.up) return;
    const now = this.#around.now();
    this.#busyUntil = now + this.#around.world.cpuNs;
    this.#around.rose(this.id);
    try {
      this.#replica = this.#boot(this.disk.recover(), this.#clock.read(now) / 1e6, this);
      this.#beginSync();
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

  skew(skew: Skew, offsetNs: number, driftPpm: number): void {
    this.#timers.skew(skew, this.#around.now(), offsetNs, driftPpm);
  }

  unskew(skew: Skew, driftPpm: number): void {
    this.#timers.unskew(skew, this.#around.now(), driftPpm);
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
      else if (kind === REQUEST) {
        const pending = ref as Pending; // put there by receiveRequest
        this.#pending.set(pending.number, pending);
        replica.request(pending.number, pending.body as Request, nowMs, this); // the clients of this program send these
      } else if (kind === SYNCED) replica.synced(number, nowMs, this);
      else replica.fired(TIMERS[number], nowMs, this);
      this.#beginSync();
    } catch (error) {
      this.#crash(error);
    }
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

  #end(): number {
    this.#replica = undefined;
    this.#life++;
    this.#timers.clear();
    this.#pauses.clear();
    this.#runDue = false;
    const inHand = [...this.#pending.values(), ...(this.#inbox.clear(REQUEST) as Pending[])]; // put there by receiveRequest
    this.#pending.clear();
    const lost = this.disk.crash();
    for (const pending of inHand) this.#around.broken(pending);
    return lost;
  }
}
