/**
 * A small world of its own for property tests: replicas under loss, duplication, reordering, cuts, slow disks and
 * crashes, in virtual time, from one seed, before the eyes of an {@link Observer}.
 *
 * long because: a world is one list of what may happen in it, and each of its happenings draws from one generator.
 */
import type { DiskWrite, NodeId, Request, StoredRequest, StoredValue } from '../types.ts';
import { Clients } from './clients.ts';
import { Cluster, timings } from './cluster.ts';
import type { Boot, Letter, Timings } from './cluster.ts';
import { LEASE_MS, LeaseService } from './lease-service.ts';
import { Observer } from './observer.ts';
import type { Outcome } from './observer.ts';

/** Mulberry32. */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Happening {
  readonly atMs: number;
  readonly order: number;
  run(): void;
}

/** Long enough for an election and for everybody to catch up. */
const CALM_MS = 5000;
/** They lie in one group, the last, whether there are two or three. */
const KEYS = ['a', 'e', 'f'];
const VOTERS = ['n1', 'n2', 'n3'];
/** Those that join later are there from the beginning. */
const NODES = [...VOTERS, 'n4', 'n5'];
/** Bound on the drift of clocks. */
const DRIFT = 0.2;

/** What happens besides. */
export interface World {
  /** An operator promotes a node by force now and then, mistakenly as often as not. */
  readonly promotions?: boolean;
  /** Who leads is decided by a lease in an external core. */
  readonly external?: boolean;
  /** All clocks run as slow or as fast as the bound allows, and messages are quick: leases end just before elections. */
  readonly tight?: boolean;
  /** What runs on the nodes, if not a replica alone; and who keeps what it writes for groups that this world does not see. */
  readonly boot?: Boot;
  readonly kept?: (node: NodeId, write: DiskWrite) => boolean;
}

export class Chaos {
  readonly #world: World;
  readonly #random: () => number;
  readonly #cluster: Cluster;
  readonly #observer: Observer;
  readonly #clients: Clients;
  readonly #queue: Happening[] = [];
  readonly #cuts = new Set<string>();
  readonly #pausedUntilMs = new Map<NodeId, number>();
  #nodes: readonly NodeId[] = VOTERS;
  /** How much later a node hears of everything. */
  readonly #laterMs = new Map<NodeId, number>();
  #order = 0;
  #calm = false;
  /** Weights of this seed's faults, some of them off. */
  readonly #loss: number;
  readonly #duplication: number;
  readonly #longDelay: number;
  readonly #slowDisk: number;
  readonly #damages: boolean;

  constructor(seed: number, defect: string | undefined, world: World = {}) {
    this.#world = world;
    this.#random = generator(seed);
    const weight = (most: number): number => (this.#random() < 0.3 ? 0 : this.#random() * most);
    this.#loss = weight(0.1);
    this.#duplication = weight(0.1);
    this.#longDelay = weight(0.05);
    this.#slowDisk = weight(0.3);
    // Who was promoted alone has the only copy there is.
    this.#damages = this.#random() < 0.5 && world.promotions !== true;
    const batchEntriesMax = this.#pick([1, 3, 512]);
    const snapshotPartItems = this.#pick([15, 50, 1000]);
    const config: Timings = {
      ...timings,
      batchEntriesMax,
      snapshotPartItems,
      ...(world.external === true ? { election: 'external' } : undefined),
      clockDriftPpmMax: DRIFT * 1e6,
      originsKept: this.#pick([20, 60, 100_000]),
      ...(this.#random() < 0.4 ? { serving: { leaderSilentMs: 500, lagEntries: 20, diskMs: 400 } } : undefined),
      ...(defect === undefined ? undefined : { defect }),
    };
    this.#cluster = new Cluster(
      VOTERS,
      config,
      {
        sent: (letter) => this.#send(letter),
        wrote: (node, write) => {
          if (write.snapshot !== undefined) this.#observer.saw(write.snapshot);
          this.#sync(node, write.ticket);
        },
        armed: (node, armed) => {
          const delayMs = armed.minMs + (armed.maxMs - armed.minMs) * this.#random();
          this.#afterAt(node, this.#cluster.trueMs(node, delayMs), () => {
            if (this.#cluster.machine(node).timers.get(armed.timer) === armed) this.#cluster.fire(node, armed.timer);
          });
        },
        missing: (position) => this.#observer.missing(position),
        told: (node, event) => this.#observer.told(node, event),
        answered: (_node, request, response) => this.#observer.answered(request, response),
        ...(world.kept === undefined ? undefined : { kept: world.kept }),
      },
      world.boot,
    );
    this.#observer = new Observer(this.#cluster, VOTERS);
    this.#clients = new Clients(this.#random, this.#observer, KEYS);
  }

  run(forMs: number): Outcome {
    // In some seeds all happens to three nodes; in the others members come and go.
    this.#nodes = this.#random() < 0.4 ? VOTERS : NODES;
    for (const id of this.#nodes) if (!VOTERS.includes(id)) this.#cluster.add(id, VOTERS);
    // Each clock runs at a rate of its own, within the bound that the replicas are told.
    for (const id of this.#nodes) {
      const draw = 2 * this.#random() - 1;
      const drift = this.#world.tight === true ? Math.sign(draw) : draw;
      this.#cluster.setClock(id, 1 + DRIFT * drift, this.#random() * 1000);
    }
    this.#cluster.startAll();
    if (this.#nodes !== VOTERS)
      for (let i = 0; i < forMs / 100; i++) this.#after(this.#random() * forMs, () => this.#change());
    for (let i = 0; i < forMs / 5; i++) this.#after(this.#random() * forMs, () => this.#ask());
    for (let i = 0; i < forMs / 500; i++) this.#after(this.#random() * forMs, () => this.#operate());
    if (this.#world.promotions === true) {
      for (let i = 0; i < 3; i++) this.#after(this.#random() * forMs, () => this.#promote(this.#pick(this.#nodes)));
    }
    const service = new LeaseService();
    if (this.#world.external === true) for (const id of this.#nodes) this.#askForLease(service, id, 0);
    for (let i = 0; i < forMs / 250; i++)
      this.#after(this.#random() * forMs, () => this.#compact(this.#pick(this.#nodes)));
    for (let i = 0; i < forMs / 400; i++) this.#after(this.#random() * forMs, () => this.#disturb(forMs));
    this.#play(forMs);
    this.#calm = true;
    this.#cuts.clear();
    this.#laterMs.clear();
    for (const id of this.#nodes) this.#empty(id);
    this.#cluster.startAll();
    this.#play(CALM_MS);
    this.#observer.judge();
    return this.#observer.outcome();
  }

  #after(delayMs: number, run: () => void): void {
    this.#push({ atMs: this.#cluster.nowMs + delayMs, order: this.#order++, run });
  }

  /** As {@link #after}, but a paused node lives it only when it goes on. */
  #afterAt(node: NodeId, delayMs: number, run: () => void): void {
    this.#after(delayMs, () => {
      const leftMs = (this.#pausedUntilMs.get(node) ?? 0) - this.#cluster.nowMs;
      if (leftMs > 0) this.#afterAt(node, leftMs, run);
      else run();
    });
  }

  #push(happening: Happening): void {
    const queue = this.#queue;
    let low = 0;
    let high = queue.length;
    // Latest first, so that the next one is popped from the end.
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = queue[middle];
      if (other.atMs > happening.atMs || (other.atMs === happening.atMs && other.order < happening.order))
        low = middle + 1;
      else high = middle;
    }
    queue.splice(low, 0, happening);
  }

  #play(forMs: number): void {
    const endMs = this.#cluster.nowMs + forMs;
    for (let next = this.#queue.at(-1); next !== undefined && next.atMs <= endMs; next = this.#queue.at(-1)) {
      this.#queue.pop();
      this.#cluster.nowMs = Math.max(this.#cluster.nowMs, next.atMs);
      next.run();
      this.#observer.watchCommits();
    }
    this.#cluster.nowMs = endMs;
  }

  // What happens to messages, disks and nodes.

  #send(letter: Letter): void {
    const draw = this.#random();
    const lost = !this.#calm && (draw < this.#loss || this.#cuts.has(`${letter.from}>${letter.to}`));
    if (!lost && !this.#calm && this.#random() < this.#duplication) {
      this.#afterAt(letter.to, this.#latencyMs(letter.to), () => {
        if (this.#cluster.isUp(letter.to)) this.#cluster.deliverCopy(letter);
      });
    }
    this.#afterAt(letter.to, this.#latencyMs(letter.to), () => {
      if (lost || !this.#cluster.isUp(letter.to)) this.#cluster.drop(letter);
      else this.#cluster.deliver(letter);
    });
  }

  #latencyMs(to: NodeId): number {
    const latencyMs =
      !this.#calm && this.#random() < this.#longDelay
        ? this.#random() * 1000
        : 1 + this.#random() * (this.#world.tight === true ? 2 : 15);
    return latencyMs + (this.#laterMs.get(to) ?? 0);
  }

  #sync(node: NodeId, ticket: number): void {
    const { life } = this.#cluster.machine(node);
    const slow = !this.#calm && this.#random() < this.#slowDisk;
    this.#afterAt(node, slow ? this.#random() * 150 : 0.5 + this.#random() * 2, () => {
      const machine = this.#cluster.machine(node);
      const count = machine.unsynced.filter((write) => write.ticket <= ticket).length;
      if (machine.life === life && machine.replica !== undefined && count > 0) this.#cluster.sync(node, count);
    });
  }

  /** Takes an image, writes it while the replica goes on, and lets the log forget what it covers, or not quite as much. */
  #compact(node: NodeId): void {
    const { life, replica } = this.#cluster.machine(node);
    if (replica === undefined) return;
    const reader = this.#cluster.open(node);
    if (reader.head.index === 0) {
      reader.release();
      return;
    }
    const values: StoredValue[] = [];
    const requests: StoredRequest[] = [];
    const goOn = (): void => {
      if (this.#cluster.machine(node).life !== life || !this.#cluster.isUp(node)) return;
      const portion = reader.next(1);
      if (portion !== undefined) {
        values.push(...portion.values);
        requests.push(...portion.requests);
        this.#afterAt(node, this.#random() * 100, goOn);
        return;
      }
      reader.release();
      const snapshot = { ...reader.head, values, requests };
      this.#observer.saw(snapshot);
      const tail = this.#random() < 0.5 ? 0 : Math.floor(this.#random() * 20);
      this.#cluster.compact(node, snapshot, Math.max(0, snapshot.index - tail));
    };
    goOn();
  }

  #disturb(forMs: number): void {
    const draw = this.#random();
    const lastsMs = 50 + this.#random() * 1500;
    if (this.#random() < 0.1) this.#fill(this.#pick(this.#nodes), lastsMs);
    if (this.#random() < 0.2) this.#deafen(this.#leader(), lastsMs);
    if (draw < 0.12) this.#pausedUntilMs.set(this.#leader(), this.#cluster.nowMs + lastsMs);
    else if (draw < 0.4) this.#crash(this.#pick(this.#nodes), lastsMs);
    else if (draw < 0.5) for (const id of this.#nodes) this.#crash(id, 20 + this.#random() * 200);
    else if (this.#cluster.nowMs < forMs)
      this.#cut(draw < 0.85 ? this.#leader() : this.#pick(this.#nodes), draw < 0.6, lastsMs);
  }

  /** Nobody hears it any more, and it hears late: of what it was told before, and of whoever leads next. */
  #deafen(id: NodeId, lastsMs: number): void {
    this.#cut(id, true, lastsMs);
    const laterMs = 100 + this.#random() * 400;
    this.#laterMs.set(id, laterMs);
    this.#after(lastsMs, () => {
      if (this.#laterMs.get(id) === laterMs) this.#laterMs.delete(id);
    });
    // Its clients go on asking.
    for (let i = 0; i < lastsMs / 20; i++) {
      const body = { type: 'read', path: 'leader-lease', keys: KEYS, waitMs: 0 } as const;
      this.#after(this.#random() * lastsMs, () => this.#put(id, body));
    }
  }

  /** Its disk has no room for a while; then what waits is written. */
  #fill(id: NodeId, lastsMs: number): void {
    this.#cluster.setDisk(id, 'full');
    this.#after(lastsMs, () => this.#empty(id));
  }

  #empty(id: NodeId): void {
    const { diskFull, unsynced } = this.#cluster.machine(id);
    if (!diskFull) return;
    this.#cluster.setDisk(id, 'ok');
    const last = unsynced.at(-1);
    if (last !== undefined) this.#sync(id, last.ticket);
  }

  #crash(id: NodeId, downMs: number): void {
    const machine = this.#cluster.machine(id);
    if (machine.replica === undefined) return;
    this.#cluster.crash(id, Math.floor(this.#random() * (machine.unsynced.length + 1)));
    if (this.#damages && this.#random() < 0.2) this.#damage(id);
    this.#after(downMs, () => {
      if (!this.#cluster.isUp(id)) this.#cluster.start(id);
    });
  }

  /** The disk of a node that is down: of one node at a time, for what two have lost may be what was committed. */
  #damage(id: NodeId): void {
    const machines = [...this.#cluster.machines.values()];
    if (machines.some(({ durable }) => durable.damaged === true)) return;
    const { entries } = this.#cluster.machine(id).durable;
    const [first] = entries;
    const index = first === undefined ? 0 : first.index - 1 + Math.floor(this.#random() * entries.length);
    this.#cluster.damage(id, index, this.#random() < 0.3 ? 'lost' : 'kept');
    this.#observer.damaged++;
  }

  #cut(id: NodeId, oneWay: boolean, lastsMs: number): void {
    const links = this.#nodes
      .filter((other) => other !== id)
      .flatMap((other) => (oneWay ? [`${id}>${other}`] : [`${id}>${other}`, `${other}>${id}`]));
    for (const link of links) this.#cuts.add(link);
    this.#after(lastsMs, () => {
      for (const link of links) this.#cuts.delete(link);
    });
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)];
  }

  /** Whoever leads in the highest term, or just anybody. */
  #leader(): NodeId {
    let found = this.#pick(this.#nodes);
    let term = -1;
    for (const { id, replica } of this.#cluster.machines.values()) {
      const status = replica?.status();
      if (status?.role !== 'leader' || status.term <= term) continue;
      found = id;
      term = status.term;
    }
    return found;
  }

  // What clients ask.

  #ask(): void {
    const leaders = this.#nodes.filter((id) => this.#cluster.machine(id).replica?.status().role === 'leader');
    const { node, body } = this.#clients.next(this.#nodes, leaders, this.#cluster.nowMs);
    if (this.#cluster.isUp(node)) this.#put(node, body);
  }

  #put(node: NodeId, body: Request): void {
    const known = this.#observer.known(node);
    this.#afterAt(node, 0, () => {
      if (!this.#cluster.isUp(node)) return;
      this.#observer.asked(body, node, known);
      this.#cluster.request(node, body);
    });
  }

  // What operators ask.

  /** Asks a leader to change the members by one node. */
  #change(): void {
    const leader = this.#leader();
    const members = this.#cluster.machine(leader).replica?.status().members;
    if (members === undefined) return;
    const { voters, learners } = members;
    const node = this.#pick(this.#nodes);
    const add = { add: node, as: this.#random() < 0.7 ? ('voter' as const) : ('learner' as const) };
    // Of two voters neither may be damaged: the other one could not go on without it, nor it heal.
    const out = voters.length > (this.#damages ? 3 : 2) || learners.includes(node) ? { remove: node } : add;
    const change =
      learners.includes(node) && this.#random() < 0.7 ? { promote: node } : voters.includes(node) ? out : add;
    this.#afterAt(leader, 0, () => {
      if (!this.#cluster.isUp(leader)) return;
      const body = { type: 'change-members', change } as const;
      this.#observer.asked(body, leader, this.#observer.known(leader));
      this.#cluster.request(leader, body);
      if (!this.#calm && this.#random() < 0.2) this.#cut(leader, false, 500 + this.#random() * 1500);
    });
  }

  #operate(): void {
    const to = this.#random() < 0.5 ? { to: this.#pick(this.#nodes) } : undefined;
    const node = this.#leader();
    if (this.#cluster.isUp(node)) this.#put(node, { type: 'switchover', ...to });
  }

  /** The shell of a node, every so often: it keeps the lease, takes one that is free, or learns that it has lost its own. */
  #askForLease(service: LeaseService, id: NodeId, heldUntilMs: number): void {
    this.#afterAt(id, 50 + this.#random() * 100, () => {
      const { nowMs } = this.#cluster;
      let untilMs = heldUntilMs;
      const status = this.#cluster.machine(id).replica?.status();
      const reached = this.#calm || ![...this.#cuts].some((link) => link.startsWith(id));
      if (status !== undefined && reached && status.members.voters.includes(id)) {
        const { held, stand } = service.ask(id, status, nowMs);
        untilMs = held ? nowMs + LEASE_MS : nowMs;
        if (stand !== undefined) this.#cluster.elect(id, stand);
      }
      // Another one may have it by now. (A shell that slept tells this late; the terms do not mind.)
      if (status !== undefined && nowMs >= untilMs) this.#cluster.elect(id, undefined);
      this.#askForLease(service, id, untilMs);
    });
  }

  #promote(node: NodeId): void {
    const voters = this.#random() < 0.5 ? this.#nodes : this.#nodes.filter((id) => id === node || this.#random() < 0.5);
    const body: Request = { type: 'promote-by-force', members: { voters, learners: [] } };
    if (this.#cluster.isUp(node)) this.#put(node, body);
  }
}
