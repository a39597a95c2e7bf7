/** What the nodes of a cluster say at their admin ports, and what is asked of them there. */
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { NodeStatus } from '../../reference-impl/server/status.ts';
import type { NodeHome } from './home.ts';

export type { NodeStatus } from '../../reference-impl/server/status.ts';

const STATUS_MS = 1000;

/** Undefined when it does not answer. */
export async function statusOf({ admin }: NodeHome, clock: Clock): Promise<NodeStatus | undefined> {
  try {
    return await within(clock, STATUS_MS, async (signal) => {
      const answer = await fetch(`http://127.0.0.1:${admin}/status`, { signal });
      return (await answer.json()) as NodeStatus; // the node's own word
    });
  } catch {
    return undefined; // not up yet, ended, or stopped
  }
}

export interface Answered {
  readonly type: 'done' | 'refused' | 'unknown';
  readonly code?: string;
  /** What the code does not say by itself. */
  readonly reason?: string;
}

/** The outcome for one group. */
export async function switchOver(
  { admin }: NodeHome,
  asked: { readonly group: string; readonly to?: string },
  clock: Clock,
  ms: number,
): Promise<Answered> {
  try {
    return await within(clock, ms, async (signal) => {
      const body = JSON.stringify(asked);
      const answer = await fetch(`http://127.0.0.1:${admin}/switchover`, { method: 'POST', body, signal });
      const told = (await answer.json()) as Told; // the node's own word
      return told.groups?.[asked.group] ?? { type: 'refused', code: told.error ?? `status ${answer.status}` };
    });
  } catch (error) {
    return { type: 'unknown', code: error instanceof Error ? error.message : String(error) };
  }
}

interface Told {
  readonly groups?: Readonly<Record<string, Answered>>;
  readonly error?: string;
}

/** Gives up after so long; keeps nobody waiting once it is done. */
async function within<T>(clock: Clock, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const cancel = clock.timer(clock.now() + ms * MILLISECOND, () => controller.abort());
  try {
    return await work(controller.signal);
  } finally {
    cancel();
  }
}
