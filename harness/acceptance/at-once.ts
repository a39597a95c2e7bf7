/** A check of what several clients say that ask for the same at once. */
import { MILLISECOND } from '../../history/clock.ts';
import type { Client } from '../../history/store.ts';
import { type Bench, CALM_NS, type Check, failed, type Outcome, passed } from './bench.ts';
import { Gathering } from './proxy.ts';

const CLIENTS = 4;
const ROUNDS = 3;
/** Of those that queue before they ask, not all can have asked. */
const GATHERED_NS = 1000 * MILLISECOND;

type Swap = Outcome<{ readonly swapped: boolean }>;

export const oneWins: Check = {
  name: 'one-cas-wins',
  about:
    'Of clients that ask at once for a cas of one key from what it holds one swaps, and what it wrote is there then.',
  async run(bench) {
    const { methods, writePaths } = bench.system;
    if (!methods.includes('cas')) return { type: 'not offered', why: "'cas' is not among the methods" };
    let decided = 0;
    for (const { name: writePath } of writePaths) {
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => bench.client({ writePath })));
      const reader = await bench.client();
      // From then on they have their connections, and know whom to ask.
      await Promise.all(clients.map((client) => swap(bench, client, bench.unique(), null, bench.value())));
      const key = bench.unique();
      let held: number | null = null;
      for (let round = 0; round < ROUNDS; round++) {
        const contest = await contested(bench, { clients, reader }, key, held);
        if (typeof contest === 'string') return failed(`through '${writePath}': ${contest}`);
        if (contest === undefined) break;
        held = contest.holds;
        decided++;
      }
      await bench.closeClients();
    }
    if (decided > 0) return passed;
    return {
      type: 'not shown',
      why: 'clients that asked at once did not all learn what became of it, or all were refused',
    };
  },
};

/** What the key holds then; what is wrong, in words; undefined where nobody can tell. */
async function contested(
  bench: Bench,
  { clients, reader }: { readonly clients: readonly Client[]; readonly reader: Client },
  key: string,
  held: number | null,
): Promise<{ readonly holds: number } | string | undefined> {
  const { clock } = bench.cluster;
  const gathering = new Gathering(key, clients.length);
  bench.watch(gathering);
  const cancel = clock.timer(clock.now() + GATHERED_NS, () => gathering.open());
  const swaps = await Promise.all(
    clients.map(async (client) => {
      const next = bench.value();
      return { next, ended: await swap(bench, client, key, held, next) };
    }),
  );
  cancel();
  gathering.open();
  bench.unwatch();
  const said = (swapped: boolean): readonly { readonly next: number }[] =>
    swaps.filter(({ ended }) => ended.type === 'ok' && ended.answer.swapped === swapped);
  const [won, lost] = [said(true), said(false)];
  const asked = `${clients.length} clients asked at once for a cas of one key from ${JSON.stringify(held)}`;
  if (won.length > 1) return `${asked}, and ${won.length} of them say that they swapped it`;
  if (swaps.some(({ ended }) => ended.type === 'info' || ended.type === 'silent')) return undefined;
  if (won.length === 0)
    return lost.length === 0
      ? undefined
      : `${asked}, none swapped it, and ${lost.length} say that something else was there`;
  const [{ next: holds }] = won;
  const read = await bench.read(reader, key);
  if (read.type === 'ok' && read.answer.value === holds) return { holds };
  return `${asked}, the one that swapped it wrote ${holds}, and a read says ${read.type === 'ok' ? JSON.stringify(read.answer.value) : read.why}`;
}

function swap(bench: Bench, client: Client, key: string, expected: number | null, next: number): Promise<Swap> {
  return bench.outcome(
    (deadline) =>
      client.compareAndSet?.({ key, expected, next }, deadline) ?? Promise.reject(new Error('it has no cas')),
    CALM_NS,
  );
}
