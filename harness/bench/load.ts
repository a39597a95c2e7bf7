/** Fills a store before a bench: every record is written once, by a few clients at a time. */
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { Key, Process } from '../../history/operation.ts';
import type { Client } from '../../history/store.ts';
import type { Call } from '../../workloads/workload.ts';
import { ask, completed, failed, timedOut } from '../ask.ts';
import type { Completed } from '../recorder.ts';
import type { Meter } from './meter.ts';
import type { Values } from './values.ts';

const CLIENTS = 32;
const ATTEMPTS = 20;
const PAUSE_NS = 100 * MILLISECOND;

export interface Loading {
  readonly clock: Clock;
  readonly meter: Meter;
  readonly keys: readonly Key[];
  readonly values: Values;
  readonly writePath: string;
  readonly timeoutNs: number;
  readonly connect: (session: string, attempt: number) => Promise<Client>;
  readonly newProcess: () => Process;
  readonly stopped: () => boolean;
}

/** Rejects when a record could not be written, however often it was tried. */
export async function load(loading: Loading): Promise<void> {
  let next = 0;
  const take = (): Key | undefined => (loading.stopped() ? undefined : loading.keys[next++]);
  const clients = Math.min(CLIENTS, loading.keys.length);
  await Promise.all(Array.from({ length: clients }, (_, i) => fill(loading, `load-${i}`, take)));
}

async function fill(loading: Loading, session: string, take: () => Key | undefined): Promise<void> {
  const { clock, meter, values, writePath, connect, newProcess } = loading;
  let attempt = 0;
  let client = await connect(session, attempt++);
  let process = newProcess();
  for (let key = take(); key !== undefined; key = take()) {
    for (let tries = 1; ; tries++) {
      // Each try is a write of its own: the one before may still happen.
      const call: Call = { f: 'write', key, value: values.make(`${key}.${tries}`) };
      meter.invoke(process, call, session, 'd1', writePath, undefined);
      const result = await within(clock, loading.timeoutNs, client, call);
      meter.complete(process, call, writePath, result);
      if (result.outcome === 'ok') break;
      if (tries === ATTEMPTS) throw new Error(`the record ${key} could not be loaded: ${result.error ?? 'no answer'}`);
      if (result.outcome === 'info') {
        await client.close();
        client = await connect(session, attempt++);
        process = newProcess();
      }
      await clock.sleepUntil(clock.now() + PAUSE_NS);
    }
  }
  await client.close();
}

/** One request, which ends at the latest after `timeoutNs`. */
export function within(clock: Clock, timeoutNs: number, client: Client, call: Call): Promise<Completed> {
  const deadline = clock.now() + timeoutNs;
  return new Promise((resolve) => {
    const cancel = clock.timer(deadline, () => resolve(timedOut(call)));
    const end = (result: Completed): void => {
      cancel();
      resolve(result);
    };
    void ask(client, call, deadline).then(
      (answer) => end(completed(call, answer)),
      (error: unknown) => end(failed(call, error)),
    );
  });
}
