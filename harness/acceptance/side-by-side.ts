/** Several clients that are put to the test at once, so that they wait for silence together. */
import type { Client, ClientOptions } from '../../history/store.ts';
import type { Bench } from './bench.ts';
import type { Mode } from './proxy.ts';

/** So many clients work at once: a driver has a process for each, and the machine may be a small one. */
export const AT_ONCE = 8;

/** One client, and what is to be tried with it. */
export interface Case<T> {
  readonly options: Partial<ClientOptions>;
  /** Gets it ready while nothing is wrong for anybody, and returns what is to be tried then. */
  ready(client: Client): Promise<() => Promise<T>>;
}

/**
 * Tries all cases, {@link AT_ONCE} of them at a time: once all of these are ready the proxies fail in this way, all are tried, and
 * nothing is wrong any more once all have ended. Starting a client takes the machine's time, so none is asked before all have started.
 * Yields what came of each, in the order of the cases, or throws in its turn what it threw.
 */
export async function* sideBySide<T>(
  bench: Pick<Bench, 'client' | 'closeClients' | 'mode' | 'unwatch'>,
  cases: readonly Case<T>[],
  mode: Mode,
): AsyncGenerator<T, void> {
  for (let from = 0; from < cases.length; from += AT_ONCE) {
    const some = cases.slice(from, from + AT_ONCE);
    const clients = await Promise.allSettled(some.map(async ({ options }) => bench.client(options)));
    const ready = await Promise.allSettled(some.map(async (one, i) => one.ready(yielded(clients[i]))));
    bench.mode(mode);
    const ended = await Promise.allSettled(ready.map(async (one) => yielded(one)()));
    bench.mode('pass');
    bench.unwatch();
    await bench.closeClients();
    for (const one of ended) yield yielded(one);
  }
}

function yielded<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
