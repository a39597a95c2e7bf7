/** Processes, clocks and shares of the machine, as the engine's host and programs beside the store see them. */
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Injection, Levers } from '../../nemesis/fault.ts';
import { type Bench, type StoreProcess, VICTIM } from './bench.ts';
import { type DoctoredLever, type Trial, trial } from './trial.ts';

const OFF_MS = 3_600_000;
const FAST_PPM = 500_000;
const LEAP_MS = 5_000;
const STROBE_MS = 50;
const CPUS = 0.05;
const SPARE_MB = 64;

export function processTrials(bench: Bench): readonly Trial[] {
  const look = (): Promise<StoreProcess | undefined> => bench.storeProcess(VICTIM);
  const text = (seen: StoreProcess | undefined): string =>
    seen === undefined ? 'no process' : `pid ${seen.pid}, state ${seen.state}`;
  const isUp = (seen: StoreProcess | undefined): boolean => seen !== undefined && 'RSD'.includes(seen.state);

  const ends = (
    lever: DoctoredLever,
    aims: { readonly aimMs?: number },
    pull: (levers: Partial<Levers>) => Promise<Injection> | undefined,
  ): Trial =>
    trial<StoreProcess | undefined>({
      lever,
      what: VICTIM,
      ...aims,
      look,
      text,
      pull,
      well: isUp,
      hurt: (seen) => seen === undefined,
    });

  return [
    ends('kill', { aimMs: 100 }, (levers) => levers.kill?.([VICTIM])),
    ends('stop', {}, (levers) => levers.stop?.([VICTIM])),
    trial<StoreProcess | undefined>({
      lever: 'pause',
      what: VICTIM,
      aimMs: 20,
      look,
      text,
      pull: (levers) => levers.pause?.([VICTIM]),
      well: (seen, before) => isUp(seen) && seen?.pid === before?.pid,
      hurt: (seen, before) => seen?.state === 'T' && seen.pid === before?.pid,
    }),
  ];
}

export function clockTrials(bench: Bench): readonly Trial[] {
  return [
    trial<{ readonly ms: number }>({
      lever: 'clock',
      what: `${OFF_MS / 60_000} min ahead, ${VICTIM}`,
      look: () => bench.shimmed.ask('offset', {}),
      text: ({ ms }) => `off by ${(ms / 1000).toFixed(2)} s`,
      pull: (levers) => levers.clock?.(VICTIM, { offsetNs: OFF_MS * MILLISECOND, driftPpm: 0 }),
      well: ({ ms }) => Math.abs(ms) < 1000,
      hurt: ({ ms }) => Math.abs(ms - OFF_MS) < 1000,
    }),
    trial<{ readonly rate: number }>({
      lever: 'clock',
      what: `${1 + FAST_PPM / 1e6} times as fast, ${VICTIM}`,
      look: () => bench.shimmed.ask('rate', { ms: 1000 }),
      text: ({ rate }) => `rate ${rate.toFixed(3)}`,
      pull: (levers) => levers.clock?.(VICTIM, { offsetNs: 0, driftPpm: FAST_PPM }),
      well: ({ rate }) => Math.abs(rate - 1) < 0.1,
      hurt: ({ rate }) => Math.abs(rate - (1 + FAST_PPM / 1e6)) < 0.1,
    }),
    trial<{ readonly leaps: number }>({
      lever: 'clock',
      what: `${LEAP_MS / 1000} s to and fro each ${STROBE_MS} ms, ${VICTIM}`,
      look: () => bench.shimmed.ask('leaps', { ms: 1000, leapMs: LEAP_MS }),
      text: ({ leaps }) => `${leaps} leaps in 1 s`,
      pull: (levers) =>
        levers.clock?.(VICTIM, {
          offsetNs: (LEAP_MS / 1000) * SECOND,
          driftPpm: 0,
          strobeNs: STROBE_MS * MILLISECOND,
        }),
      well: ({ leaps }) => leaps === 0,
      hurt: ({ leaps }) => leaps >= 4,
    }),
  ];
}

export function pressureTrials(bench: Bench): readonly Trial[] {
  return [
    trial<{ readonly share: number; readonly held: number }>({
      lever: 'squeeze',
      what: `${CPUS} processors, ${VICTIM}`,
      look: () => bench.probe(VICTIM).ask('spin', { ms: 1000 }),
      text: ({ share, held }) => `got ${share.toFixed(2)}, held back ${held}×`,
      pull: (levers) => levers.squeeze?.(VICTIM, { cpus: CPUS }),
      well: ({ share }) => share > CPUS * 1.5,
      hurt: ({ share, held }) => share < CPUS * 1.5 && held > 0,
    }),
    trial<{ readonly mb: number; readonly got: boolean }>({
      lever: 'squeeze',
      what: `${SPARE_MB} MiB of memory to spare, ${VICTIM}`,
      async look() {
        const probe = bench.probe(VICTIM);
        const { mb } = await probe.ask('memory', {});
        // Of two times as much as the fault leaves, and its own program: the kernel ends it, or not.
        const command = ['node', '-e', `Buffer.alloc(${2 * SPARE_MB} << 20, 1)`];
        return { mb, got: (await probe.ask('run', { command })).ok };
      },
      text: ({ mb, got }) =>
        `${2 * SPARE_MB} MiB ${got ? 'got' : 'not got'} of ${mb < 0 ? 'all' : `${Math.round(mb)} MiB`}`,
      pull: (levers) => levers.squeeze?.(VICTIM, { memorySpareMb: SPARE_MB }),
      well: (seen, before) => seen.got && seen.mb === before.mb,
      hurt: (seen, before) => !seen.got && seen.mb > 0 && (before.mb < 0 || seen.mb < before.mb),
    }),
  ];
}
