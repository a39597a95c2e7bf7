/**
 * What a fault is, and the levers that environments offer it.
 *
 * A fault is a decision (whom, how hard); a lever is the control it pulls. Pulling a lever gives an {@link Injection}: its
 * cure, and the count of what it did. A fault without effect proves nothing and is reported as such.
 */
import type { Instant, NodeId } from '../history/operation.ts';
import type { Random } from '../history/random.ts';

/** One direction of the connection of two nodes. */
export interface Link {
  readonly from: NodeId;
  readonly to: NodeId;
}

export interface LinkShape {
  readonly delayNs?: number;
  readonly jitterNs?: number;
  /** Probabilities, 0 … 1, per message. */
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
}

export interface ClockSkew {
  readonly offsetNs: number;
  readonly driftPpm: number;
  readonly strobeNs?: number;
}

/**
 * What a fault did, by name with its unit: `{"messages dropped": 214}`. A name that begins with {@link REFUSED} counts what
 * was asked for in vain, one that begins with {@link UNKNOWN} what may have been done. All zero but the refused: it had no
 * effect.
 */
export type Effect = Readonly<Record<string, number>>;

export const REFUSED = 'refused: ';
export const UNKNOWN = 'unknown: ';
/** Nodes whose part in what was done is not known: it is asked when the fault is healed, and they did not answer. */
export const UNASKED = `${UNKNOWN}nodes that could not say what they had suffered`;

export function hadEffect(effect: Effect): boolean {
  return Object.entries(effect).some(([name, n]) => n > 0 && !name.startsWith(REFUSED));
}

/** A fault in force. */
export interface Injection {
  /** Undoes it. Healing twice is harmless. */
  heal(): Promise<void>;
  /** What it did so far; final once healed. */
  effect(): Effect;
}

/**
 * What an operator may ask of a cluster, where the system under test can do it. What is so already counts as done: asking
 * again is how one makes sure of an operation whose outcome nobody knows.
 */
export type Operation =
  /** A planned change of leader of one group; to whom the system likes if `to` is not given. */
  | { readonly type: 'switchover'; readonly group?: string; readonly to?: NodeId }
  /**
   * Out of every group, or into every group, as the next one. `at`: the node that is asked first, for it may take itself
   * for the leader.
   */
  | { readonly type: 'remove-member'; readonly node: NodeId; readonly at?: NodeId }
  /** Adds it back, as a voter in the end, or to stay a learner. */
  | { readonly type: 'add-member'; readonly node: NodeId; readonly as: 'voter' | 'learner' }
  /** Makes this node lead these members, whatever the others hold: writes may be lost. */
  | { readonly type: 'promote-by-force'; readonly node: NodeId; readonly members: readonly NodeId[] };

export interface Squeeze {
  /** Processors that it may use. */
  readonly cpus?: number;
  /** Memory that its processes may use beyond what they use now, MiB. */
  readonly memorySpareMb?: number;
}

/** What clients and a node do not hear of one another: without answers, what was asked is done all the same. */
export type Unheard = 'requests' | 'answers';

/** The controls an environment may offer. They act between nodes; clients' own connections only where they say so. */
export interface Levers {
  cut(links: readonly Link[]): Promise<Injection>;
  shape(links: readonly Link[], shape: LinkShape): Promise<Injection>;
  /** Such links carry no more than that; what would wait too long is dropped. */
  throttle(links: readonly Link[], bytesPerSecond: number): Promise<Injection>;
  /** Cuts nodes off from their clients in one direction or both, and not from one another. */
  cutClients(nodes: readonly NodeId[], lost: readonly Unheard[]): Promise<Injection>;
  /** Heals by starting it again on the same disk. What was not synced is lost. */
  kill(nodes: readonly NodeId[]): Promise<Injection>;
  /** Ends it in good order (SIGTERM). Heals by starting it. */
  stop(nodes: readonly NodeId[]): Promise<Injection>;
  pause(nodes: readonly NodeId[]): Promise<Injection>;
  /**
   * Shifts the node's wall clock at once by `offsetNs`, and lets its wall and monotonic clocks run `driftPpm` fast from then
   * on. Heals to true rate, and the wall clock to true time. With `strobeNs` the shift comes and goes: so long it is there,
   * and so long it is not.
   */
  clock(node: NodeId, skew: ClockSkew): Promise<Injection>;
  /** Adds to the time of every sync. */
  slowDisk(node: NodeId, syncDelayNs: number): Promise<Injection>;
  /** No room on the disk: what is written fails until it is healed. */
  fillDisk(node: NodeId): Promise<Injection>;
  /** Syncs and writes wait until it is healed. */
  stallDisk(node: NodeId): Promise<Injection>;
  /** Such shares (0 … 1) of reads, and of writes and syncs, fail (EIO). A node that ends of it is started by healing. */
  failDisk(node: NodeId, shares: { readonly reads: number; readonly writes: number }): Promise<Injection>;
  /** Kills them with all that they had not synced; of the last of it a part may have reached the disk. Heals by starting. */
  cutPower(nodes: readonly NodeId[]): Promise<Injection>;
  /** Kills it, and makes a synced record in the middle of its log unreadable. Heals by starting it on what is left. */
  corruptDisk(node: NodeId): Promise<Injection>;
  /** Leaves it less of the machine. A node that ends for want of memory is started by healing. */
  squeeze(node: NodeId, to: Squeeze): Promise<Injection>;
  /**
   * Asks an operation of the system under test, through its own means, and waits for its answer. It is not undone by
   * healing. `effect` says what was done, or why it was refused ({@link REFUSED}), or that nobody knows ({@link UNKNOWN}).
   */
  operate(operation: Operation): Promise<Injection>;
}

export type Lever = keyof Levers;

/** The cluster as a fault may see it. Roles are what nodes last said of themselves, so they may be out of date. */
export interface Target {
  readonly nodes: readonly NodeId[];
  readonly levers: Partial<Levers>;
  /** How far from true rate clocks may be, ppm, for the system to keep what it promises; undefined: it does not say. */
  readonly clockDriftPpmMax?: number | undefined;
  /**
   * Where there are several replication groups: chooses the one that the rest speaks of from now on. Called before every
   * strike; with `group` it is that one.
   */
  aim?(random: Random, group?: string): void;
  /** The group that is aimed at; undefined where there is only one. */
  readonly group?: string | undefined;
  /** The node that claims to lead in the highest term, if any does. */
  leader(): NodeId | undefined;
  /** All others that are up, learners among them. */
  followers(): readonly NodeId[];
  /** Nodes that say that they replicate without a vote. */
  learners(): readonly NodeId[];
  /** The follower whose applied position is furthest behind. */
  mostLagging(): NodeId | undefined;
  /** The one that is least behind; where nobody says so, nobody. */
  leastLagging?(): NodeId | undefined;
}

export interface Injected extends Injection {
  readonly targets: readonly NodeId[];
}

/** Lets time pass: nanoseconds on the run's clock. */
export type Wait = (ns: number) => Promise<void>;

/** What a plan decides in the fault's place. */
export interface Aim {
  /** Whom to strike, never nobody; undefined: whom the fault chooses. */
  readonly nodes?: readonly NodeId[];
  /** How hard, by the names of its {@link Fault.figures}; for what is not said it draws as ever. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Something about a fault that a plan may say: a whole number. */
export interface Figure {
  readonly about: string;
  readonly least: number;
  readonly most: number;
}

/** A plug-in: one file in nemesis/faults/. */
export interface Fault {
  readonly name: string;
  readonly about: string;
  readonly levers: readonly Lever[];
  /**
   * Not part of `mix`: only where it is named. For what no sound system is promised to stand, or what shows nothing unless the
   * system is set for it.
   */
  readonly optIn?: true;
  /**
   * Its cure asks the cluster for something, which may take its time or wait for the cures of other faults: so it runs beside
   * them, and after theirs when all are healed.
   */
  readonly cureAsks?: true;
  /** Shortest and longest duration that suit it, where the schedule's own (some seconds) do not. */
  readonly lastsMs?: readonly [number, number];
  /** Without a leader there is nothing for it to do. */
  readonly strikesLeader?: true;
  /** It strikes the nodes that it is aimed at, where it is. Others choose whom to strike by themselves. */
  readonly aimable?: true;
  /** What a plan may say of it, by name with its unit last: `delay-ms`. */
  readonly figures?: Readonly<Record<string, Figure>>;
  /**
   * Undefined: nobody to strike now (no leader known); it is asked again for a while. With `wait` it may take its time: briefly
   * before it resolves, as it likes afterwards, until it is healed. What `random` is asked for does not depend on `aim`.
   */
  inject(cluster: Target, random: Random, wait: Wait, aim?: Aim): Promise<Injected | undefined>;
}

/** What a plan wants done: a fault, and whom and how hard it is to strike, where it is not left to the fault. */
export interface Deed {
  readonly fault: string;
  /** A role (nemesis/aim.ts), or a node by name. */
  readonly target?: string;
  readonly figures?: Readonly<Record<string, number>>;
}

/** One planned fault: when it strikes and for how long. */
export interface Strike extends Deed {
  readonly at: Instant;
  readonly durationNs: number;
  /** Which stream of the plan it is of; none where the plan has no streams. */
  readonly stream?: string;
  /** How long it may wait for somebody to strike; not given: it does not. */
  readonly patienceNs?: number;
  /** It lasts its full time if it had to wait, but not longer than until then; not given: it ends as planned. */
  readonly endBy?: Instant;
}
