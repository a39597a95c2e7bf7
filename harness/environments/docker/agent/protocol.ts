/**
 * What the harness and the agent in a node's container say to each other, one JSON object a line: requests on the agent's
 * stdin, answers and events on its stdout. Its stderr is the node's log.
 */

/** How the store is started: the configuration is written to `/run/tidemark/store.yaml` first. */
export interface Program {
  readonly command: readonly [string, ...string[]];
  readonly config: string;
  /** The store's data folder: without, there are no reads that fail and no power cuts. */
  readonly data?: string;
  /** Of stores that are not ours. */
  readonly other?: {
    /** Written before every start, by absolute path. */
    readonly files: Readonly<Record<string, string>>;
    readonly env: Readonly<Record<string, string>>;
    readonly stopSignal: NodeJS.Signals;
    /** Ports of the store, each with the one where the harness reaches it past what cuts clients off. */
    readonly aside: readonly { readonly port: number; readonly at: number }[];
    /** Runs as this user of the image. */
    readonly user?: string;
  };
}

export type Request =
  | { readonly do: 'start'; readonly program: Program }
  | { readonly do: 'kill' | 'pause' | 'stand' | 'pressure' }
  /** Runs a command beside the store. */
  | { readonly do: 'perform'; readonly command: readonly [string, ...string[]]; readonly withinNs: number }
  /** SIGTERM, and SIGKILL where it has not ended within this time. */
  | { readonly do: 'stop'; readonly withinNs: number }
  /** SIGKILL, and what of the data was not synced is lost. */
  | { readonly do: 'cut-power'; readonly data: string; readonly seed: string }
  /** Lets this life of the store go on, once it was resumed as often as it was paused. */
  | { readonly do: 'resume'; readonly life: number }
  /** Drops what comes from these addresses, or no longer. Cuts are counted: what was cut twice is mended twice. */
  | { readonly do: 'cut' | 'mend'; readonly sources: readonly string[] }
  /** Drops what others than these peers send to these ports, or are sent from them, or no longer. Counted, as cuts are. */
  | ({ readonly do: 'cut-clients' | 'mend-clients' } & Clients)
  /** Bends how packets travel to these addresses, until the shape of this id is taken back. */
  | { readonly do: 'bend'; readonly addresses: readonly string[]; readonly shape: Shape }
  | { readonly do: 'straighten'; readonly addresses: readonly string[]; readonly shape: number }
  /** Does this to the store's disk, until the same number comes without a fault. */
  | { readonly do: 'disk'; readonly number: number; readonly fault?: DiskFault }
  /** Has the store's clocks be off, until the same number comes without a skew. */
  | { readonly do: 'clock'; readonly number: number; readonly skew?: ClockSkew }
  /** Damages the log of the store, which is down. */
  | { readonly do: 'damage'; readonly data: string; readonly seed: string };

export interface Answers {
  readonly start: { readonly life: number };
  /** `was`: whether it was up before; `life`: which life of it. */
  readonly kill: { readonly was: boolean; readonly life: number };
  readonly stop: { readonly was: boolean; readonly life: number; readonly ms: number };
  readonly 'cut-power': { readonly was: boolean; readonly life: number } & PowerLoss;
  readonly pause: { readonly was: boolean; readonly life: number };
  readonly resume: { readonly was: boolean };
  readonly cut: Dropped;
  readonly mend: Dropped;
  readonly 'cut-clients': { readonly dropped: number };
  readonly 'mend-clients': { readonly dropped: number };
  readonly bend: Bent;
  readonly straighten: Bent;
  readonly disk: Suffered;
  readonly clock: Misled;
  readonly damage: { readonly kind: 'bit flipped' | 'file cut' | 'nothing to damage' };
  readonly stand: Stand;
  readonly pressure: Pressed;
  readonly perform: { readonly code: number; readonly stdout: string; readonly stderr: string };
}

/** Since the container started; `memoryBytes`: what is used now, less the pages of files that no process has mapped. */
export interface Pressed {
  readonly throttledMs: number;
  readonly memoryBytes: number;
  readonly memoryFailures: number;
}

export interface Clients {
  readonly lost: 'requests' | 'answers';
  readonly ports: readonly number[];
  readonly peers: readonly string[];
}

export interface Shape {
  readonly id: number;
  readonly delayNs: number;
  readonly jitterNs: number;
  /** Probabilities, 0 … 1, per packet. */
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  /** The most that travels; what would wait longer than a second is dropped. */
  readonly bytesPerSecond?: number;
}

export interface DiskFault {
  /** Added to every sync. */
  readonly syncDelayNs: number;
  /** Whether writing fails for want of room. */
  readonly full: boolean;
  /** Whether syncs and writes wait until it is over. */
  readonly stalled?: boolean;
  /** Shares of reads, and of writes and syncs, that fail: 0 … 1. */
  readonly failReads?: number;
  readonly failWrites?: number;
}

export interface PowerLoss {
  /** Writes of which nothing has reached the disk, and of which a part has. */
  readonly writes: number;
  readonly torn: number;
  readonly bytes: number;
}

export interface ClockSkew {
  /** Added to the wall clock at once. */
  readonly offsetNs: number;
  /** How much faster the wall clock and the monotonic ones run. */
  readonly driftPpm: number;
  /** The offset comes and goes: so long it is there, and so long it is not. */
  readonly strobeNs?: number;
}

/** Since the agent started. */
export interface Misled {
  /** Readings of the wall clock that were a millisecond off or more. */
  readonly shifted: number;
  /** Readings of a monotonic clock of another rate. */
  readonly rated: number;
  /** Waits that were shorter or longer than they would have been. */
  readonly waits: number;
}

/** Since the agent started. */
export interface Suffered {
  readonly syncsDelayed: number;
  readonly writesRefused: number;
  readonly stalls: number;
  readonly readsFailed: number;
  readonly writesFailed: number;
}

/** What happened to packets to each of the addresses asked for, since the agent started. */
export interface Bent {
  readonly travelled: Readonly<Record<string, Travelled>>;
}

export interface Travelled {
  readonly delayed: number;
  readonly dropped: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Had to wait for those before, on a link of little rate. */
  readonly limited: number;
}

export interface Dropped {
  /** Packets that were dropped since the agent started, of each of the sources asked for. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** What faults may have left behind; everything but `process` is the same whenever no fault is in force. */
export interface Stand {
  /** The kernel's letter for the store's process; absent where there is none. */
  readonly process?: string;
  readonly rules: string;
  readonly queues: string;
  readonly disk: string;
  readonly clock: string;
}

export type Event =
  /** The container is set up and takes requests. */
  | { readonly event: 'ready' }
  | { readonly event: 'ended'; readonly expected: boolean; readonly reason: string; readonly code?: number };

/** With the number that its answer carries. */
export type Numbered = Request & { readonly id: number };

export type Answered = { readonly id: number; readonly ok: unknown } | { readonly id: number; readonly error: string };

/** Whole lines of a stream of text. */
export function lines(take: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') take(part);
  };
}
