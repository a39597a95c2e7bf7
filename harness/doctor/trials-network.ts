/** Links, measured by datagrams and connections of programs beside the store. */
import { MILLISECOND } from '../../history/clock.ts';
import type { Link, Unheard } from '../../nemesis/fault.ts';
import { type Bench, OTHER, VICTIM } from './bench.ts';
import type { Echoes } from './probe.ts';
import { probePorts } from './probe-program.ts';
import { type Trial, trial } from './trial.ts';

const STORE_PORT = 7600;
const LINK: readonly Link[] = [{ from: VICTIM, to: OTHER }];
const WHERE = `${VICTIM} → ${OTHER}`;
const DELAY_MS = 50;
const JITTER_MS = 40;
const SHARE = 0.3;
const RATE = 100_000;
const CONNECT_MS = 800;
/** Of datagrams in one direction. */
const FLOW = 20;

interface Reach {
  readonly there: number;
  readonly back: number;
  readonly connection: string;
}

export function networkTrials(bench: Bench): readonly Trial[] {
  let tags = 0;

  const flow = async (
    [from, to]: readonly [string, string],
    how: { readonly count: number; readonly bytes: number; readonly everyMs: number; readonly waitMs: number },
  ): Promise<{ readonly count: number; readonly bytes: number; readonly ms: number }> => {
    const tag = String(++tags);
    const { waitMs, ...rest } = how;
    await bench.probe(from).ask('speak', { to: bench.addressOf(to), tag, ...rest });
    await bench.sleep(waitMs);
    return bench.probe(to).ask('heard', { tag });
  };

  const echoes = (count: number, everyMs: number): Promise<Echoes> =>
    bench.probe(VICTIM).ask('echoes', { to: bench.addressOf(OTHER), count, everyMs, waitMs: 400 });

  const reach = async (): Promise<Reach> => {
    const few = { count: FLOW, bytes: 32, everyMs: 2, waitMs: 100 };
    const [there, back, { how }] = await Promise.all([
      flow([VICTIM, OTHER], few),
      flow([OTHER, VICTIM], few),
      bench
        .probe(VICTIM)
        .ask('connect', { to: bench.addressOf(OTHER), port: probePorts.connections, waitMs: CONNECT_MS }),
    ]);
    return { there: there.count, back: back.count, connection: how };
  };

  const shaped = (
    what: string,
    shape: object,
    { count, everyMs }: { readonly count: number; readonly everyMs: number },
    measure: Pick<Parameters<typeof trial<Echoes>>[0], 'text' | 'well' | 'hurt'>,
  ): Trial =>
    trial<Echoes>({
      lever: 'shape',
      what: `${what}, ${WHERE}`,
      look: () => echoes(count, everyMs),
      pull: (levers) => levers.shape?.(LINK, shape),
      ...measure,
    });

  return [
    trial<Reach>({
      lever: 'cut',
      what: WHERE,
      aimMs: 30,
      look: reach,
      text: ({ there, back, connection }) => `→ ${there}/${FLOW} ← ${back}/${FLOW}, TCP ${connection}`,
      pull: (levers) => levers.cut?.(LINK),
      well: ({ there, back, connection }) => there === FLOW && back === FLOW && connection === 'connects',
      hurt: ({ there, back, connection }) => there === 0 && back === FLOW && connection === 'times out',
    }),
    shaped(
      `delay ${DELAY_MS} ms`,
      { delayNs: DELAY_MS * MILLISECOND },
      { count: 40, everyMs: 10 },
      {
        text: (seen) => `round trip ${at(seen, 0.5).toFixed(1)} ms`,
        well: (seen) => at(seen, 0.5) < 20,
        hurt: (seen, before) =>
          at(seen, 0.5) - at(before, 0.5) >= DELAY_MS - 5 && at(seen, 0) - at(before, 0) <= DELAY_MS + 5,
      },
    ),
    shaped(
      `jitter ${JITTER_MS} ms`,
      { jitterNs: JITTER_MS * MILLISECOND },
      { count: 100, everyMs: 10 },
      {
        text: (seen) => `round trip ${at(seen, 0.1).toFixed(1)}–${at(seen, 0.9).toFixed(1)} ms`,
        well: (seen) => spread(seen) < 10,
        hurt: (seen) => spread(seen) >= 12,
      },
    ),
    shaped(
      `loss ${SHARE * 100} %`,
      { loss: SHARE },
      { count: 200, everyMs: 2 },
      {
        text: (seen) => `${lost(seen)} of ${seen.count} lost`,
        well: (seen) => lost(seen) === 0,
        hurt: (seen) => lost(seen) > seen.count * SHARE * 0.5 && lost(seen) < seen.count * SHARE * 1.5,
      },
    ),
    shaped(
      `duplication ${SHARE * 100} %`,
      { duplicate: SHARE },
      { count: 200, everyMs: 2 },
      {
        text: (seen) => `${twice(seen)} of ${seen.count} twice`,
        well: (seen) => twice(seen) === 0,
        hurt: (seen) => twice(seen) > seen.count * SHARE * 0.5 && twice(seen) < seen.count * SHARE * 1.5,
      },
    ),
    shaped(
      `reordering ${SHARE * 100} %`,
      { reorder: SHARE },
      { count: 200, everyMs: 2 },
      {
        text: (seen) => `${overtaken(seen)} of ${seen.count} overtaken`,
        well: (seen) => overtaken(seen) === 0,
        hurt: (seen) => overtaken(seen) > seen.count * SHARE * 0.3,
      },
    ),
    trial<{ readonly count: number; readonly bytes: number; readonly ms: number }>({
      lever: 'throttle',
      what: `${RATE / 1000} kB/s, ${WHERE}`,
      look: () => flow([VICTIM, OTHER], { count: 61, bytes: 972, everyMs: 0, waitMs: 1300 }),
      text: (seen) => `${kilobytes(seen)} kB/s`,
      pull: (levers) => levers.throttle?.(LINK, RATE),
      well: (seen) => seen.count === 61 && kilobytes(seen) > (RATE / 1000) * 3,
      hurt: (seen) => kilobytes(seen) > (RATE / 1000) * 0.5 && kilobytes(seen) < (RATE / 1000) * 1.3,
    }),
    clients('requests'),
    clients('answers'),
  ];

  function clients(lost: Unheard): Trial {
    return trial<{ readonly client: boolean; readonly node: string }>({
      lever: 'cutClients',
      what: `${lost}, ${VICTIM}`,
      aimMs: 30,
      async look() {
        const connecting = { to: bench.addressOf(VICTIM), port: STORE_PORT, waitMs: CONNECT_MS };
        const [client, { how }] = await Promise.all([
          bench.clientIsAnswered(VICTIM),
          bench.probe(OTHER).ask('connect', connecting),
        ]);
        return { client, node: how };
      },
      text: ({ client, node }) => `client ${client ? 'answered' : 'not answered'}, ${OTHER} ${node}`,
      pull: (levers) => levers.cutClients?.([VICTIM], [lost]),
      well: ({ client, node }) => client && node === 'connects',
      hurt: ({ client, node }) => !client && node === 'connects',
    });
  }
}

/** The round-trip time below which this share of them is, ms. */
function at({ ms }: Echoes, share: number): number {
  const sorted = [...ms].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function spread(seen: Echoes): number {
  return at(seen, 0.9) - at(seen, 0.1);
}

function lost({ count, order }: Echoes): number {
  return count - new Set(order).size;
}

function twice({ order }: Echoes): number {
  return order.length - new Set(order).size;
}

/** Those that came after a later one. */
function overtaken({ order }: Echoes): number {
  let most = -1;
  let late = 0;
  for (const n of order) {
    if (n < most) late++;
    most = Math.max(most, n);
  }
  return late;
}

function kilobytes({ bytes, ms }: { readonly bytes: number; readonly ms: number }): number {
  return Math.round(bytes / Math.max(ms, 0.1));
}
