/**
 * What clients of stores that are not ours have in common. Their drivers are told to send nothing twice: a connection that broke
 * is replaced for the next operation, and the operation that it broke under is nobody's to repeat.
 */
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { Instant, NodeId, Value } from '../../history/operation.ts';
import { Refused } from '../../history/store.ts';
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

/** Values travel as JSON. Nothing there: null. */
export function toText(value: Value): string {
  return JSON.stringify(value);
}

export function fromText(text: string | null | undefined): Value {
  return text === null || text === undefined ? null : (JSON.parse(text) as Value);
}
