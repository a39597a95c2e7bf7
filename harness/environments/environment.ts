/** Where clusters run, and what the harness may do to one. */
import type { Clock } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import type { Lever, Levers } from '../../nemesis/fault.ts';
import { BadInput } from '../errors.ts';
import type { Setting } from '../setting.ts';

/** What runs on a node: data, not deeds, so that any environment can run it. */
export type NodeSpec = OwnProgram | OtherStore;

/** A program of this project, by its name. */
export interface OwnProgram {
  readonly program: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * A store of somebody else's, in a container. In its command, files and variables `{n2}` stands for that node's address, `{self}`
 * for its own, `{node}` for its name, and `{data}` for the folder that outlives its processes.
 */
export interface OtherStore {
  /** The folder of docker/systems/ that its image is made from. */
  readonly image: string;
  readonly command: readonly [string, ...string[]];
  /** Written before every start: what they hold, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Those that its clients use: what cuts clients off cuts these. */
  readonly ports: readonly [number, ...number[]];
  /** What ends it in good order; SIGTERM if not given. */
  readonly stopSignal?: 'SIGINT' | 'SIGQUIT';
  /** The user of its image that it runs as; root, without the rights of root, if not given. */
  readonly user?: string;
}

export function isOtherStore(spec: NodeSpec): spec is OtherStore {
  return 'image' in spec;
}

/** What a system says of nodes that it does not start. */
export const GIVEN = 'given';

/** @throws BadInput where a system wants its nodes started in an environment that does something else: `--env compose starts …` */
export function mustBeGiven(nodes: ReadonlyMap<NodeId, NodeSpec>, does: string): void {
  const needed = [...nodes.values()].map((spec) => (isOtherStore(spec) ? spec.image : spec.program));
  const other = needed.find((name) => name !== GIVEN);
  if (other !== undefined)
    throw new BadInput(`${does}, and this system needs '${other}' started; with --driver it works.`);
}

/** Where a connection goes. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What came of a command on a node. */
export interface Performed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How stores that are not ours are reached: by their users' own drivers, at their own ports. */
export interface Reach {
  /** Where a client connects to: the faults in force are in its way. */
  client(node: NodeId, port: number): Endpoint;
  /** The same port, past what cuts clients off: for the harness's own questions. */
  aside(node: NodeId, port: number): Endpoint;
  /** What the others know the node by. */
  addressOf(node: NodeId): string;
  /** The node that the others know by this address. */
  nodeAt(address: string): NodeId | undefined;
  /** Runs a command on a node, beside its store, as its user; rejects where it has not ended within this time. */
  perform(node: NodeId, command: readonly [string, ...string[]], withinNs: number): Promise<Performed>;
  /** Ends the store of a node (SIGKILL), or starts it; what is so already is well. */
  kill(node: NodeId): Promise<void>;
  start(node: NodeId): Promise<void>;
}

export interface DeployOptions {
  readonly seed: number;
  /** Environment settings from `--set`, by name. */
  readonly settings: ReadonlyMap<string, string>;
  /** Told what nodes say and suffer, as it happens. */
  readonly observe: (event: NodeEvent) => void;
  /** The run's name, and a folder for the logs of its nodes, which may not be there yet; without, logs are not kept. */
  readonly run?: { readonly id: string; readonly logs: string };
}

/** What is going to be run. */
export interface Preparation {
  readonly settings: ReadonlyMap<string, string>;
  /** Those that its faults pull. */
  readonly levers: readonly Lever[];
  /** How many nodes. */
  readonly nodes: number;
  /** Of a store that is not ours: what its image is made from. */
  readonly image?: string;
}

/** What interrupted runs had left, and sentences of what of it could not be removed. */
export interface CleanUp {
  readonly removed: readonly { readonly kind: string; readonly name: string; readonly run: string }[];
  readonly failures: readonly string[];
}

export type NodeEvent =
  | { readonly type: 'up'; readonly node: NodeId }
  /** `reason`: it crashed by itself, and why; nobody starts it again. */
  | { readonly type: 'down'; readonly node: NodeId; readonly reason?: string }
  /** The store's own account of a change of role, commit position and so on. */
  | { readonly type: 'store'; readonly node: NodeId; readonly event: unknown };

/** A client's line to one node. */
export interface Connection {
  /** One request, one answer. Rejects when the line breaks; never answers after `close`. No resends. */
  request(body: unknown): Promise<unknown>;
  close(): void;
}

export interface Environment {
  readonly name: string;
  readonly about: string;
  /** What `--set` may change in it. */
  readonly settings: readonly Setting[];
  /** What its deployments let faults do; operations are the system's to offer. */
  readonly levers: readonly Exclude<Lever, 'operate'>[];
  /**
   * Before the first run of a command: finds or makes what clusters need, and removes what killed harnesses left. `say` is
   * told what takes its time. Resolves with the levers that this machine cannot pull, each with why. Throws BadInput, in one
   * sentence, where there cannot be a cluster.
   */
  prepare?(preparation: Preparation, say: (line: string) => void): Promise<ReadonlyMap<Lever, string>>;
  deploy(nodes: ReadonlyMap<NodeId, NodeSpec>, options: DeployOptions): Promise<Deployment>;
  /**
   * Removes what killed harnesses left, and nothing that a living one uses; `dryRun`: only says what it would remove. `images`:
   * images of other versions too, of no run. `settings`: where to look besides what is known.
   */
  cleanUp?(dryRun: boolean, images: boolean, settings: ReadonlyMap<string, string>): Promise<CleanUp>;
}

/** What programs that work for clients have of the run: where their words go, who counts what they do, and who ends them. */
export interface Helpers {
  /** The folder for what they say; it may not be there yet. Undefined: nothing is kept. */
  readonly logs: string | undefined;
  /** What keys begin with in a store that outlives the run, so that nobody reads what another run wrote. */
  readonly keyPrefix: string;
  /** Counted in the run's record. */
  count(what: string): void;
  /** Called, and waited for, when the cluster is torn down. */
  atEnd(end: () => Promise<void>): void;
}

export interface Deployment {
  readonly clock: Clock;
  readonly nodes: readonly NodeId[];
  readonly regions: readonly string[];
  regionOf(node: NodeId): string;
  /** One-way latency between a region and a node without faults, for routing to the nearest. */
  distanceNs(home: string, node: NodeId): number;
  readonly levers: Partial<Levers>;
  /** Where clients of a system that has its own protocol reach the node: `host:port`. */
  address?(node: NodeId): string;
  /** For systems whose clients are programs of their own. */
  readonly helpers?: Helpers;
  /** Opens a line from a client in `home`. Connecting costs nothing; a dead node never answers or breaks the line. */
  dial(node: NodeId, home: string): Connection;
  /** Where stores run that are not ours: how these are reached. `dial` and `status` are the reference store's. */
  readonly reach?: Reach;
  /** What a node says of itself, asked out of band; undefined when it does not answer. */
  status(node: NodeId): Promise<unknown>;
  isUp(node: NodeId): boolean;
  /**
   * Lets time pass until `main` is done, and returns what it returned. In a simulation this is the event loop: `main` may
   * only await what the deployment's own clock and connections bring about.
   */
  run<T>(main: () => Promise<T>): Promise<T>;
  /** Counters of the environment: events, messages, bytes, syncs, … */
  statistics(): Readonly<Record<string, number>>;
  /** Nodes that crashed by themselves, and why: a bug of the store (or of the environment), never a fault's doing. */
  crashes(): readonly string[];
  /**
   * Whether what the user gave is to blame where the store does not come to be used, and not the harness: nodes ended because they refuse
   * what they were started with, or the store is of the user's own image, or compose file, or runs already.
   */
  refused?(): boolean;
  /** What a node's store wrote last, to its standard output and error, oldest first; a few lines. Not of those that nobody here listens to. */
  lastLines?(node: NodeId): Promise<readonly string[]>;
  /** While no fault is in force: what is not as it was before the first one, in sentences. */
  lingering?(): Promise<readonly string[]>;
  destroy(): Promise<void>;
}
