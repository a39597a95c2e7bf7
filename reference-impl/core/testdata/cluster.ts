/**
 * Replicas on a table: nothing moves unless a test moves it. Messages lie in a list until delivered, dropped or
 * duplicated; disk writes lie unsynced until synced; timers fire when told; a crash forgets what was not synced.
 */

import { entriesBehind } from '../log.ts';
import type { Message } from '../messages.ts';
import { Replica } from '../replica.ts';
import type {
  DiskState,
  DiskWrite,
  Durable,
  Effects,
  Entry,
  NodeId,
  Position,
  ReplicaConfig,
  ReplicaEvent,
  Request,
  Response,
  Snapshot,
  SnapshotReader,
  Steps,
  StoredRequest,
  StoredValue,
  Timer,
} from '../types.ts';

export interface Letter {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: Message;
}

export interface Armed {
  readonly timer: Timer;
  readonly minMs: number;
  readonly maxMs: number;
  readonly armedAtMs: number;
}

export interface Machine {
  readonly id: NodeId;
  /** Undefined while it is down. */
  replica: Steps<Message> | undefined;
  durable: Durable;
  /** The whole log on disk, as if it had never been compacted. */
  full: readonly Entry[];
  unsynced: DiskWrite[];
  /** Voters that it begins with. */
  readonly voters: readonly NodeId[];
  readonly timers: Map<Timer, Armed>;
  /** How often it was started. */
  life: number;
  /** Its monotonic clock: that much faster than true time, and ahead of it by so much at the beginning. */
  rate: number;
  offsetMs: number;
  /** There is no room on its disk: what is handed out stays unsynced. */
  diskFull: boolean;
}

export interface Watcher {
  sent?(letter: Letter): void;
  wrote?(node: NodeId, write: DiskWrite): void;
  /** A write is on the disk; true: it is of a group that this cluster does not look after. */
  kept?(node: NodeId, write: DiskWrite): boolean;
  armed?(node: NodeId, armed: Armed): void;
  told?(node: NodeId, event: ReplicaEvent): void;
  /** A snapshot ends with an entry that no disk has. */
  missing?(position: Position): void;
  answered?(node: NodeId, request: number, response: Response): void;
}

export type Timings = Omit<ReplicaConfig, 'id' | 'voters'>;

export const timings: Timings = { heartbeatMs: 50, electionMinMs: 300, electionMaxMs: 600, requestTimeoutMs: 1000 };

/** Makes what runs on a node. */
export type Boot = (config: ReplicaConfig, durable: Durable, nowMs: number, out: Effects<Message>) => Steps<Message>;

function alone(...[config, durable, nowMs, out]: Parameters<Boot>): Replica {
  return new Replica(config, durable, nowMs, out);
}

export class Cluster {
  readonly machines = new Map<NodeId, Machine>();
  readonly letters: Letter[] = [];
  readonly answers = new Map<number, Response>();
  nowMs = 0;
  readonly config: Timings;
  readonly #watcher: Watcher;
  readonly #boot: Boot;
  #request = 0;

  constructor(ids: readonly NodeId[], config: Timings = timings, watcher: Watcher = {}, boot: Boot = alone) {
    this.#boot = boot;
    this.config = config;
    this.#watcher = watcher;
    for (const id of ids) this.add(id, ids);
  }

  /** A machine with an empty disk; it is not started. One that joins later is not among the voters it begins with. */
  add(id: NodeId, voters: readonly NodeId[]): void {
    const durable: Durable = { term: 0, votedFor: null, entries: [] };
    const disk = { durable, full: [], unsynced: [], diskFull: false };
    const clock = { timers: new Map(), rate: 1, offsetMs: 0 };
    this.machines.set(id, { id, replica: undefined, ...disk, ...clock, voters, life: 0 });
  }

  setClock(id: NodeId, rate: number, offsetMs = 0): void {
    const machine = this.machine(id);
    // Its clock goes on from where it stands.
    machine.offsetMs = this.#clock(id) + offsetMs - this.nowMs * rate;
    machine.rate = rate;
  }

  /** What a machine's clock shows. */
  #clock(id: NodeId): number {
    const { rate, offsetMs } = this.machine(id);
    return offsetMs + this.nowMs * rate;
  }

  /** How much true time passes while the machine's clock goes on by `ms`. */
  trueMs(id: NodeId, ms: number): number {
    return ms / this.machine(id).rate;
  }

  setDisk(id: NodeId, state: DiskState): void {
    const machine = this.machine(id);
    machine.diskFull = state === 'full';
    machine.replica?.diskChanged(state, this.#clock(id), this.#effects(machine));
  }

  startAll(): void {
    for (const id of this.machines.keys()) if (!this.isUp(id)) this.start(id);
  }

  machine(id: NodeId): Machine {
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Error(`no machine ${id}`);
    return machine;
  }

  replica(id: NodeId): Steps<Message> {
    const { replica } = this.machine(id);
    if (replica === undefined) throw new Error(`${id} is down`);
    return replica;
  }

  isUp(id: NodeId): boolean {
    return this.machines.get(id)?.replica !== undefined;
  }

  start(id: NodeId): void {
    const machine = this.machine(id);
    if (machine.replica !== undefined) throw new Error(`${id} is up`);
    machine.life++;
    const { snapshot, entries } = machine.durable;
    if (snapshot !== undefined) {
      machine.durable = { ...machine.durable, entries: entriesBehind(snapshot, entries) };
      // The log had not come as far as the snapshot, or was not the one that led to it.
      if (machine.full[snapshot.index - 1]?.term !== snapshot.term) machine.full = this.#history(snapshot);
    }
    const config = { ...this.config, id, voters: machine.voters };
    machine.replica = this.#boot(config, machine.durable, this.#clock(id), this.#effects(machine));
    if (machine.diskFull) machine.replica.diskChanged('full', this.#clock(id), this.#effects(machine));
  }

  /** The process dies; of its unsynced writes the first `kept` reach the disk all the same. */
  crash(id: NodeId, kept = 0): void {
    const machine = this.machine(id);
    if (!machine.diskFull) for (const write of machine.unsynced.slice(0, kept)) this.#keep(machine, write);
    machine.unsynced = [];
    machine.timers.clear();
    machine.replica = undefined;
  }

  /** Of a machine that is down: its log is damaged, and cut behind `index`; its snapshot may be gone with all of it. */
  damage(id: NodeId, index: number, snapshot: 'kept' | 'lost'): void {
    const machine = this.machine(id);
    const { term, votedFor, entries, snapshot: held } = machine.durable;
    if (held !== undefined && snapshot === 'lost') {
      machine.durable = { term, votedFor, entries: [], damaged: true };
      machine.full = [];
      return;
    }
    machine.durable = { ...machine.durable, entries: behead(entries, index + 1), damaged: true };
    machine.full = machine.full.slice(0, Math.max(index, held?.index ?? 0));
  }

  deliver(letter: Letter): void {
    this.drop(letter);
    this.replica(letter.to).receive(
      letter.from,
      letter.message,
      this.#clock(letter.to),
      this.#effects(this.machine(letter.to)),
    );
  }

  /** Delivers, and leaves a duplicate behind. */
  deliverCopy(letter: Letter): void {
    this.replica(letter.to).receive(
      letter.from,
      letter.message,
      this.#clock(letter.to),
      this.#effects(this.machine(letter.to)),
    );
  }

  drop(letter: Letter): void {
    const i = this.letters.indexOf(letter);
    if (i < 0) throw new Error('this letter has gone');
    this.letters.splice(i, 1);
  }

  /** Syncs the oldest unsynced write, or all of them. */
  sync(id: NodeId, count = Number.POSITIVE_INFINITY): void {
    const machine = this.machine(id);
    if (machine.diskFull) return;
    const writes = machine.unsynced.splice(0, count);
    if (writes.length === 0) return;
    for (const write of writes) this.#keep(machine, write);
    this.replica(id).synced(writes[writes.length - 1].ticket, this.#clock(id), this.#effects(machine));
  }

  fire(id: NodeId, timer: Timer): void {
    const machine = this.machine(id);
    if (!machine.timers.delete(timer)) throw new Error(`${id} has not armed ${timer}`);
    this.replica(id).fired(timer, this.#clock(id), this.#effects(machine));
  }

  /** What an external core says about who is to lead. */
  elect(id: NodeId, term: number | undefined): void {
    this.replica(id).elect('g0', term, this.#clock(id), this.#effects(this.machine(id)));
  }

  /** Returns the request's number; its answer, when it comes, is in `answers`. */
  request(id: NodeId, body: Request): number {
    const request = ++this.#request;
    this.replica(id).request(request, body, this.#clock(id), this.#effects(this.machine(id)));
    return request;
  }

  #keep(machine: Machine, write: DiskWrite): void {
    if (this.#watcher.kept?.(machine.id, write) === true) return;
    machine.durable = applied(machine.durable, write);
    if (write.snapshot !== undefined) machine.full = this.#history(write.snapshot);
    if (write.truncateFrom !== undefined) machine.full = machine.full.slice(0, write.truncateFrom - 1);
    if (write.entries !== undefined) machine.full = [...machine.full, ...write.entries];
  }

  /** The log that leads to a snapshot: some disk has it, for it was committed. */
  #history({ term, index }: Position): readonly Entry[] {
    for (const { full } of this.machines.values()) if (full[index - 1]?.term === term) return full.slice(0, index);
    this.#watcher.missing?.({ term, index });
    return Array.from({ length: index }, (_, i) => ({ term: 0, index: i + 1, command: { type: 'noop' } }));
  }

  /** An image of the committed state. */
  open(id: NodeId): SnapshotReader {
    return this.replica(id).snapshot('g0');
  }

  /** The image is on disk, and the log is compacted up to `index`, at or below it. */
  compact(id: NodeId, snapshot: Snapshot, index: number): void {
    const machine = this.machine(id);
    const { entries } = machine.durable;
    if (!isLater(snapshot, machine.durable.snapshot)) return;
    const [first] = entries;
    // Until the log has reached the snapshot, and its own entry there, all of it stays; a restart would throw it away.
    const there = first !== undefined && entries[snapshot.index - first.index]?.term === snapshot.term;
    const kept = there ? entries.slice(Math.max(0, index + 1 - first.index)) : entries;
    machine.durable = { ...machine.durable, snapshot, entries: kept };
    this.replica(id).compacted('g0', index);
  }

  #effects(machine: Machine): Effects<Message> {
    const life = machine.life;
    const alive = (): void => {
      if (machine.life !== life) throw new Error(`${machine.id} spoke from an earlier life`);
    };
    return {
      send: (to, message) => {
        alive();
        const letter = { from: machine.id, to, message };
        this.letters.push(letter);
        this.#watcher.sent?.(letter);
      },
      write: (write) => {
        alive();
        machine.unsynced.push(write);
        this.#watcher.wrote?.(machine.id, write);
      },
      timer: (timer, minMs, maxMs) => {
        const armed = { timer, minMs, maxMs, armedAtMs: this.nowMs };
        machine.timers.set(timer, armed);
        this.#watcher.armed?.(machine.id, armed);
      },
      disarm: (timer) => {
        machine.timers.delete(timer);
      },
      answer: (request, response) => {
        if (this.answers.has(request)) throw new Error(`request ${request} answered twice`);
        this.answers.set(request, response);
        this.#watcher.answered?.(machine.id, request, response);
      },
      tell: (event) => this.#watcher.told?.(machine.id, event),
    };
  }
}

/** All of an image, in portions of `most`. */
export function readAll(reader: SnapshotReader, most: number): Snapshot {
  const values: StoredValue[] = [];
  const requests: StoredRequest[] = [];
  for (let portion = reader.next(most); portion !== undefined; portion = reader.next(most)) {
    values.push(...portion.values);
    requests.push(...portion.requests);
  }
  reader.release();
  return { ...reader.head, values, requests };
}

export function applied(durable: Durable, write: DiskWrite): Durable {
  let { entries } = durable;
  if (write.snapshot !== undefined) entries = [];
  if (write.truncateFrom !== undefined) entries = behead(entries, write.truncateFrom);
  if (write.entries !== undefined) entries = [...entries, ...write.entries];
  return {
    ...durable,
    term: write.term ?? durable.term,
    votedFor: write.votedFor === undefined ? durable.votedFor : write.votedFor,
    // An image of a later state may have come to the disk before.
    ...(isLater(write.snapshot, durable.snapshot) ? { snapshot: write.snapshot } : undefined),
    entries,
    damaged: durable.damaged === true && write.healed !== true,
  };
}

function isLater(snapshot: Snapshot | undefined, than: Snapshot | undefined): snapshot is Snapshot {
  if (snapshot === undefined || than === undefined) return snapshot !== undefined;
  return snapshot.term > than.term || (snapshot.term === than.term && snapshot.index > than.index);
}

/** The entries before `index`. */
function behead(entries: readonly Entry[], index: number): readonly Entry[] {
  return entries.length === 0 ? entries : entries.slice(0, Math.max(0, index - entries[0].index));
}
