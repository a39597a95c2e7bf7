/** A program for tests of the simulated world itself: one step, one visible effect. */
import type {
  DiskState,
  DiskWrite,
  Durable,
  Effects,
  Snapshot,
  SnapshotReader,
  Status,
  Steps,
  Timer,
} from '../reference-impl/core/types.ts';
import type { NodeEvent, OwnProgram } from '../harness/environments/environment.ts';
import { type Program, Simulation } from '../harness/environments/simulation/simulation.ts';

/** What an echo node is asked to do, by request. It answers with the list of what it has seen. */
export type EchoRequest =
  | { readonly do: 'answer' }
  /** Sends the number to a peer, which remembers it. */
  | { readonly do: 'send'; readonly to: string; readonly what: number }
  /** Writes an entry; answered when it is durable. */
  | { readonly do: 'write' }
  | { readonly do: 'arm'; readonly timer: Timer; readonly ms: number }
  | { readonly do: 'disarm'; readonly timer: Timer }
  /** Says that so much is committed, for the shell to take snapshots by. Its state has that many values. */
  | { readonly do: 'commit'; readonly index: number }
  /** The shell puts its wall clock's reading into writes. */
  | { readonly type: 'write'; readonly stampMs?: number }
  /** Calls itself leader from now on. */
  | { readonly do: 'lead' }
  /** Of an election. */
  | { readonly do: 'lose' }
  /** Its log is found damaged. */
  | { readonly do: 'damage' }
  | { readonly do: 'fail' }
  | { readonly do: 'never answer' };

export interface EchoAnswer {
  readonly received: readonly number[];
  readonly fired: readonly { readonly timer: Timer; readonly nowMs: number }[];
  /** Entries found on the disk at the start of this life, and the snapshot. */
  readonly durable: number;
  readonly snapshot: Snapshot | undefined;
  readonly nowMs: number;
  readonly stampMs: number | undefined;
  /** What was said of the disk, and up to where logs were compacted. */
  readonly disk: readonly DiskState[];
  readonly compacted: readonly number[];
  /** Terms it was to stand in; null: the right to lead had ended. */
  readonly elected: readonly (number | null)[];
}

class Echo implements Steps {
  readonly #received: number[] = [];
  readonly #fired: { timer: Timer; nowMs: number }[] = [];
  readonly #durable: Durable;
  readonly #disk: DiskState[] = [];
  readonly #compacted: number[] = [];
  readonly #elected: (number | null)[] = [];
  readonly #waiting: { ticket: number; request: number }[] = [];
  #ticket = 0;
  #last: number;
  #commit = 0;
  #term = 0;
  #role: 'leader' | 'candidate' | 'follower' = 'follower';
  #damaged = false;
  #stampMs: number | undefined;

  constructor(durable: Durable) {
    this.#durable = durable;
    this.#last = durable.entries.at(-1)?.index ?? durable.snapshot?.index ?? 0;
  }

  receive(_from: string, message: unknown): void {
    this.#received.push(message as number); // only echo nodes send here
  }

  request(request: number, body: unknown, nowMs: number, out: Effects): void {
    const asked = body as EchoRequest; // only tests ask here
    if ('type' in asked) {
      this.#stampMs = asked.stampMs;
      return this.#answer(request, nowMs, out);
    }
    switch (asked.do) {
      case 'send':
        out.send(asked.to, asked.what);
        break;
      case 'write': {
        const index = ++this.#last;
        const entry = { term: 1, index, command: { type: 'noop' } } as const;
        const write: DiskWrite = { ticket: ++this.#ticket, term: 1, entries: [entry] };
        this.#waiting.push({ ticket: write.ticket, request });
        out.write(write);
        return;
      }
      case 'arm':
        out.timer(asked.timer, asked.ms, asked.ms);
        break;
      case 'disarm':
        out.disarm(asked.timer);
        break;
      case 'commit':
        this.#commit = asked.index;
        out.tell({ type: 'committed', index: asked.index });
        break;
      case 'lead':
        this.#role = 'leader';
        break;
      case 'lose':
        this.#role = 'follower';
        break;
      case 'damage':
        this.#damaged = true;
        break;
      case 'fail':
        throw new Error('asked to fail');
      case 'never answer':
        return;
      case 'answer':
    }
    this.#answer(request, nowMs, out);
  }

  synced(ticket: number, nowMs: number, out: Effects): void {
    while (this.#waiting.length > 0 && this.#waiting[0].ticket <= ticket)
      this.#answer(this.#waiting.shift()?.request ?? 0, nowMs, out);
  }

  fired(timer: Timer, nowMs: number): void {
    this.#fired.push({ timer, nowMs });
  }

  status(): Status {
    const none = { term: 0, index: 0 };
    return {
      group: 'g0',
      role: this.#role,
      term: this.#term,
      leader: undefined,
      commit: none,
      applied: none,
      last: none,
      first: 1,
      members: { voters: [], learners: [] },
      lag: 0,
      notServing: undefined,
      damaged: this.#damaged,
    };
  }

  statuses(): readonly Status[] {
    return [this.status()];
  }

  diskChanged(state: DiskState): void {
    this.#disk.push(state);
  }

  elect(_group: string, term: number | undefined): void {
    this.#elected.push(term ?? null);
    this.#term = term ?? this.#term;
    this.#role = term === undefined ? 'follower' : 'candidate';
  }

  snapshot(): SnapshotReader {
    const index = this.#commit;
    let read = 0;
    return {
      head: { term: 1, index, members: { voters: [], learners: [] }, membersIndex: 0, terms: [{ term: 1, index: 1 }] },
      next: (most) => {
        if (read === index) return undefined;
        const from = read;
        read = Math.min(index, from + most);
        const values = Array.from({ length: read - from }, (_, i) => ({
          key: from + i,
          value: null,
          term: 1,
          index: from + i + 1,
        }));
        return { values, requests: [] };
      },
      release: () => undefined,
    };
  }

  compacted(_group: string, index: number): void {
    this.#compacted.push(index);
  }

  #answer(request: number, nowMs: number, out: Effects): void {
    const answer: EchoAnswer = {
      received: [...this.#received],
      fired: [...this.#fired],
      durable: this.#durable.entries.length,
      snapshot: this.#durable.snapshot,
      nowMs,
      stampMs: this.#stampMs,
      disk: [...this.#disk],
      compacted: [...this.#compacted],
      elected: [...this.#elected],
    };
    out.answer(request, answer as never); // the world passes answers on unread
  }
}

const echo: Program = (_id, _options, { durables }) => new Echo(durables[0]);

export interface EchoCluster {
  readonly seed?: number;
  readonly nodes?: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly options?: OwnProgram['options'];
  readonly observe?: (event: NodeEvent) => void;
}

/** Settings of a world where nothing goes wrong by itself. */
export const CALM = { loss: '0', duplicate: '0', reorder: '0', 'clock-drift': '0', 'clock-offset': '0' };

/** Nodes n1, n2, … that run the echo program. */
export function cluster({
  seed = 1,
  nodes = 3,
  settings = CALM,
  options = {},
  observe = () => undefined,
}: EchoCluster = {}): Simulation {
  const specs = new Map(Array.from({ length: nodes }, (_, i) => [`n${i + 1}`, { program: 'echo', options }]));
  return new Simulation(specs, { seed, settings: new Map(Object.entries(settings)), observe }, { echo });
}

/** Asks a node something from its own region. */
export async function ask(
  sim: Simulation,
  node: string,
  request: EchoRequest,
  home = sim.regionOf(node),
): Promise<EchoAnswer> {
  return (await sim.dial(node, home).request(request)) as EchoAnswer;
}
