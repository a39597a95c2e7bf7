/**
 * What clients of stores that are not ours have in common. Their drivers are told to send nothing twice: a connection that broke
 * is replaced for the next operation, and the operation that it broke under is nobody's to repeat.
 */
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { Instant, Key, NodeId, Value } from '../../history/operation.ts';
import { type ClientOptions, Refused } from '../../history/store.ts';
import type { Deployment, Reach } from '../environments/environment.ts';

/** Nothing was sent: the operation did not happen. */
export class NotSent extends Refused {
  constructor(why: string) {
    super('NOT_SENT', why);
  }
}

export function reachOf(cluster: Deployment): Reach {
  if (cluster.reach === undefined) throw new Error('this environment runs no stores but the reference store');
  return cluster.reach;
}

/** A little early, so that the client says why it gives up. */
export function millisecondsLeft(clock: Clock, deadline: Instant): number {
  return Math.max(1, Math.floor((deadline - clock.now()) / MILLISECOND) - 1);
}

/** The nodes, nearest to `home` first; equals in an order that changes with the attempt, so that a successor looks elsewhere. */
export function byDistance(cluster: Deployment, home: string, attempt: number): readonly NodeId[] {
  const { nodes } = cluster;
  const turned = nodes.map((_, i) => nodes[(i + attempt) % nodes.length]);
  return attempt > 0 ? turned : [...nodes].sort((a, b) => cluster.distanceNs(home, a) - cluster.distanceNs(home, b));
}

/** Rejects with this once the time is over, whatever becomes of the work; what it yields too late is disposed of. */
export function within<T>(
  clock: Clock,
  deadline: Instant,
  work: Promise<T>,
  late: () => Error,
  dispose: (value: T) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const cancel = clock.timer(deadline, () => {
      over = true;
      reject(late());
    });
    work.then(
      (value) => {
        cancel();
        if (over) dispose(value);
        else resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}

/** One connection of a client: opened when it is needed, given up when it broke. */
export class Held<C> {
  readonly #open: (deadline: Instant) => Promise<C>;
  readonly #close: (connection: C) => void;
  #connection: Promise<C> | undefined;

  constructor(open: (deadline: Instant) => Promise<C>, close: (connection: C) => void) {
    this.#open = open;
    this.#close = close;
  }

  /** Throws {@link NotSent} where there is none to be had. */
  async get(deadline: Instant): Promise<C> {
    this.#connection ??= this.#open(deadline);
    const opening = this.#connection;
    try {
      return await opening;
    } catch (error) {
      if (this.#connection === opening) this.#connection = undefined;
      throw error instanceof Refused ? error : new NotSent((error as Error).message);
    }
  }

  /** The next operation opens another one. */
  drop(): void {
    const was = this.#connection;
    this.#connection = undefined;
    was?.then(this.#close, () => undefined);
  }
}

/**
 * What a client talks over: one connection for what writes, and one for what reads, which may be the same; where it was asked for a
 * node by name, that one is read from, whatever it is.
 */
export class Lines<C> {
  readonly toLeader: Held<C>;
  readonly toRead: Held<C>;
  readonly #options: ClientOptions;

  /** `find`: looks for a node with that role, or for the one that was asked for by name. */
  constructor(
    options: ClientOptions,
    readsLeader: boolean,
    find: (wanted: 'leader' | 'follower', deadline: Instant) => Promise<C>,
    close: (connection: C) => void,
  ) {
    this.#options = options;
    this.toLeader = new Held((deadline) => find('leader', deadline), close);
    this.toRead =
      readsLeader && options.node === undefined
        ? this.toLeader
        : new Held((deadline) => find('follower', deadline), close);
  }

  /** Connects, as far as that can be done until then; what cannot is tried again when it is needed. */
  async begin(until: Instant): Promise<void> {
    const needed = this.#options.node === undefined ? new Set([this.toLeader, this.toRead]) : [this.toRead];
    await Promise.all([...needed].map((line) => line.get(until).catch(() => undefined)));
  }

  close(): void {
    this.toLeader.drop();
    this.toRead.drop();
  }
}

/** After a refusal, or a line that broke, the next operation looks for another one; not where `keeps` says that the line is sound. */
export async function over<C, T>(
  line: Held<C>,
  deadline: Instant,
  work: (connection: C) => Promise<T>,
  keeps: (error: unknown) => boolean = () => false,
): Promise<T> {
  const held = await line.get(deadline);
  try {
    return await work(held);
  } catch (error) {
    if (!keeps(error)) line.drop();
    throw error;
  }
}

/** Keys that are numbers and keys that look like them are not the same. */
export function keyText(key: Key): string {
  return typeof key === 'number' || key.startsWith('#') ? `#${key}` : key;
}

/** Values travel as JSON. Nothing there: null. */
export function toText(value: Value): string {
  return JSON.stringify(value);
}

export function fromText(text: string | null | undefined): Value {
  return text === null || text === undefined ? null : (JSON.parse(text) as Value);
}
