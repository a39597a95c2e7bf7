/** A node, as levers see it. */
import type { NodeId } from '../../../history/operation.ts';
import type { AgentLink } from './agent-link.ts';

export interface Controlled {
  readonly id: NodeId;
  readonly address: string;
  /** Where its store listens, and the addresses of the other nodes: whoever else speaks to it is a client. */
  readonly ports?: readonly number[];
  readonly peers?: readonly string[];
  /** Its store's data folder. */
  readonly data: string;
  readonly link: AgentLink;
  /** Starts the store again. */
  start(): Promise<void>;
  /** Told that one more fault leaves no room on its disk, or one less: a store that could not begin so is started again. */
  fill(by: 1 | -1): Promise<void>;
  /** Told that one more fault has its disk fail, or one less: a store that has ended of it is started again. */
  fail?(by: 1 | -1): Promise<void>;
  /** Gives it no more of the machine than that; undefined: as much as it was made with. */
  limit?(limits: { readonly cpus: number | undefined; readonly memoryBytes: number | undefined }): Promise<void>;
}

/** Waits for every one, and then throws what the first threw. */
export async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
