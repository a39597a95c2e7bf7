/** Lines over which nodes are asked how they stand: often, and by several that do not wait for each other. */
import type { Instant, NodeId } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { within } from './client.ts';

export interface Asked {
  readonly node: NodeId;
  /** Each has a line of his own to each node. */
  readonly asker: string;
  readonly withinNs: number;
}

/** Kept while they hold. One that does not answer in time is given up, with all that waits on it. */
export class KeptLines<L> {
  readonly #kept = new WeakMap<Deployment, Map<string, Promise<L>>>();
  readonly #close: (line: L) => void;

  constructor(close: (line: L) => void) {
    this.#close = close;
  }

  /** Undefined: it did not answer in time, or with an error. Nothing may be asked that takes its time: the next question waits behind it. */
  async ask<T>(
    cluster: Deployment,
    { node, asker, withinNs }: Asked,
    open: (deadline: Instant) => Promise<L>,
    question: (line: L, deadline: Instant) => Promise<T>,
  ): Promise<T | undefined> {
    const { clock } = cluster;
    const deadline = clock.now() + withinNs;
    const all = this.#kept.get(cluster) ?? new Map<string, Promise<L>>();
    this.#kept.set(cluster, all);
    const name = `${asker} ${node}`;
    const line = all.get(name) ?? open(deadline);
    all.set(name, line);
    try {
      const answer = line.then((opened) => question(opened, deadline));
      return await within(clock, deadline, answer, () => new Error(`${node} does not answer`));
    } catch {
      if (all.get(name) === line) all.delete(name);
      line.then(this.#close, () => undefined);
      return undefined;
    }
  }
}
