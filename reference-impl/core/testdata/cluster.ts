/**
 * Replicas on a table: nothing moves unless a test moves it. Messages lie in a list until delivered, dropped or
 * duplicated; disk writes lie unsynced until synced; timers fire when told; a crash forgets what was not synced.
 */
import type { Message } from '../messages.ts';
import { Replica } from '../replica.ts';
import type {
  DiskWrite,
  Durable,
  Effects,
  NodeId,
  ReplicaConfig,
  ReplicaEvent,
  Request,
  Response,
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
  replica: Replica | undefined;
  durable: Durable;
  unsynced: DiskWrite[];
  readonly timers: Map<Timer, Armed>;
  /** How often it was started. */
  life: number;
}

export interface Watcher {
  sent?(letter: Letter): void;
  wrote?(node: NodeId, write: DiskWrite): void;
  armed?(node: NodeId, armed: Armed): void;
  told?(node: NodeId, event: ReplicaEvent): void;
  answered?(node: NodeId, request: number, response: Response): void;
}

export type Timings = Omit<ReplicaConfig, 'id' | 'voters'>;

export const timings: Timings = { heartbeatMs: 50, electionMinMs: 300, electionMaxMs: 600, requestTimeoutMs: 1000 };

export class Cluster {
  readonly machines = new Map<NodeId, Machine>();
  readonly letters: Letter[] = [];
  readonly answers = new Map<number, Response>();
  nowMs = 0;
  readonly #config: Timings;
  readonly #watcher: Watcher;
  #request = 0;

  constructor(ids: readonly NodeId[], config: Timings = timings, watcher: Watcher = {}) {
    this.#config = config;
    this.#watcher = watcher;
    for (const id of ids) {
      const durable: Durable = { term: 0, votedFor: null, entries: [] };
      this.machines.set(id, { id, replica: undefined, durable, unsynced: [], timers: new Map(), life: 0 });
    }
  }

  startAll(): void {
    for (const id of this.machines.keys()) if (!this.isUp(id)) this.start(id);
  }

  machine(id: NodeId): Machine {
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Error(`no machine ${id}`);
    return machine;
  }

  replica(id: NodeId): Replica {
    const { replica } = this.machine(id);
    if (replica === undefined) throw new Error(`${id} is down`);
    return replica;
  }

  isUp(id: NodeId): boolean {
    return this.machine(id).replica !== undefined;
  }

  start(id: NodeId): void {
    const machine = this.machine(id);
    if (machine.replica !== undefined) throw new Error(`${id} is up`);
    machine.life++;
    const config = { ...this.#config, id, voters: [...this.machines.keys()] };
    machine.replica = new Replica(config, machine.durable, this.nowMs, this.#effects(machine));
  }

  /** The process dies; of its unsynced writes the first `kept` reach the disk all the same. */
  crash(id: NodeId, kept = 0): void {
    const machine = this.machine(id);
    for (const write of machine.unsynced.slice(0, kept)) machine.durable = applied(machine.durable, write);
    machine.unsynced = [];
    machine.timers.clear();
    machine.replica = undefined;
  }

  deliver(letter: Letter): void {
    this.drop(letter);
    this.replica(letter.to).receive(letter.from, letter.message, this.nowMs, this.#effects(this.machine(letter.to)));
  }

  /** Delivers, and leaves a duplicate behind. */
  deliverCopy(letter: Letter): void {
    this.replica(letter.to).receive(letter.from, letter.message, this.nowMs, this.#effects(this.machine(letter.to)));
  }

  drop(letter: Letter): void {
    const i = this.letters.indexOf(letter);
    if (i < 0) throw new Error('this letter has gone');
    this.letters.splice(i, 1);
  }

  /** Syncs the oldest unsynced write, or all of them. */
  sync(id: NodeId, count = Number.POSITIVE_INFINITY): void {
    const machine = this.machine(id);
    const writes = machine.unsynced.splice(0, count);
    if (writes.length === 0) return;
    for (const write of writes) machine.durable = applied(machine.durable, write);
    this.replica(id).synced(writes[writes.length - 1].ticket, this.nowMs, this.#effects(machine));
  }

  fire(id: NodeId, timer: Timer): void {
    const machine = this.machine(id);
    if (!machine.timers.delete(timer)) throw new Error(`${id} has not armed ${timer}`);
    this.replica(id).fired(timer, this.nowMs, this.#effects(machine));
  }

  /** Returns the request's number; its answer, when it comes, is in `answers`. */
  request(id: NodeId, body: Request): number {
    const request = ++this.#request;
    this.replica(id).request(request, body, this.nowMs, this.#effects(this.machine(id)));
    return request;
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

function applied(durable: Durable, write: DiskWrite): Durable {
  let entries = durable.entries;
  if (write.truncateFrom !== undefined) entries = entries.slice(0, write.truncateFrom - 1);
  if (write.entries !== undefined) entries = [...entries, ...write.entries];
  return {
    term: write.term ?? durable.term,
    votedFor: write.votedFor === undefined ? durable.votedFor : write.votedFor,
    entries,
  };
}
