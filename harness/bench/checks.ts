/**
 * A few sessions that do nothing but try the store, while nothing is measured: each writes one of a few keys and at once reads
 * what it wrote. The mix alone is a weak test: its sessions come back too late, and seldom to the same key.
 */
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { Key, Process } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import type { Client } from '../../history/store.ts';
import type { Call } from '../../workloads/workload.ts';
import { within } from './load.ts';
import type { Meter } from './meter.ts';
import type { Values } from './values.ts';

const SESSIONS_PER_PATH = 3;
const PAUSE_NS = 2 * MILLISECOND;
const LOOK_AGAIN_NS = 20 * MILLISECOND;

export const checkKeys: readonly Key[] = ['check0', 'check1', 'check2', 'check3'];

export function isCheckKey(key: Key): boolean {
  return checkKeys.includes(key);
}

export interface Checks {
  readonly clock: Clock;
  readonly meter: Meter;
  readonly values: Values;
  readonly random: Random;
  /** Read paths, each with sessions of its own. */
  readonly targets: readonly string[];
  readonly writePath: string;
  readonly timeoutNs: number;
  readonly connect: (session: string, readPath: string, attempt: number) => Promise<Client>;
  readonly newProcess: () => Process;
  /** Whether now is the time to. */
  readonly now: () => boolean;
}

export function startChecks(checks: Checks): { end(): Promise<void> } {
  const state = { ended: false };
  const sessions = checks.targets.flatMap((target, t) =>
    Array.from({ length: SESSIONS_PER_PATH }, (_, i) => session(checks, target, `check-${t}-${i}`, i, state)),
  );
  return {
    async end() {
      state.ended = true;
      await Promise.all(sessions);
    },
  };
}

async function session(
  checks: Checks,
  readPath: string,
  name: string,
  nth: number,
  state: { readonly ended: boolean },
): Promise<void> {
  const { clock, meter, values, writePath, timeoutNs } = checks;
  const random = checks.random.fork(name);
  let attempt = nth; // each session of a path in a region of its own
  let client = await checks.connect(name, readPath, attempt);
  let process = checks.newProcess();
  let written = 0;
  /** Whether it was answered. */
  const request = async (call: Call, path: string): Promise<boolean> => {
    meter.invoke(process, call, name, 'd1', path, undefined);
    const result = await within(clock, timeoutNs, client, call);
    meter.complete(process, call, path, result);
    if (result.outcome === 'info') {
      await client.close();
      attempt += SESSIONS_PER_PATH;
      client = await checks.connect(name, readPath, attempt);
      process = checks.newProcess();
    }
    return result.outcome === 'ok';
  };
  while (!state.ended) {
    if (!checks.now()) {
      await clock.sleepUntil(clock.now() + LOOK_AGAIN_NS);
      continue;
    }
    const key = random.pick(checkKeys);
    if (await request({ f: 'write', key, value: values.make(`${name}.${++written}`) }, writePath))
      await request({ f: 'read', key }, readPath);
    await clock.sleepUntil(clock.now() + PAUSE_NS);
  }
  await client.close();
}
