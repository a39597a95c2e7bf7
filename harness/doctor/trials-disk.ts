/** Bad disks, measured by a program that has the store's disk: started as the store is, in the same folder. */
import { MILLISECOND } from '../../history/clock.ts';
import { type Bench, VICTIM } from './bench.ts';
import { unsynced } from './probe-program.ts';
import { type Trial, trial } from './trial.ts';

const SLOWER_MS = 100;
const HELD_MS = 700;
const REPAIRED_MS = 30_000;

interface Answers {
  readonly write: string;
  readonly read: string;
}

export function diskTrials(bench: Bench): readonly Trial[] {
  const answers = (): Promise<Answers> => bench.shimmed.ask('disk', {});
  const text = ({ write, read }: Answers): string => `write ${write}, read ${read}`;
  const well = ({ write, read }: Answers): boolean => write === 'well' && read === 'well';
  return [
    trial<number>({
      lever: 'slowDisk',
      what: `${SLOWER_MS} ms a sync, ${VICTIM}`,
      look: async () => median((await bench.shimmed.ask('syncs', { count: 5 })).ms),
      text: (ms) => `fsync ${ms.toFixed(1)} ms`,
      pull: (levers) => levers.slowDisk?.(VICTIM, SLOWER_MS * MILLISECOND),
      well: (ms, before) => ms < before + SLOWER_MS / 2,
      hurt: (ms, before) => ms >= before + SLOWER_MS * 0.8,
    }),
    trial<number | undefined>({
      lever: 'stallDisk',
      what: VICTIM,
      async look() {
        const said = await bench.within(
          HELD_MS,
          bench.shimmed.ask('syncs', { count: 1 }).catch(() => ({ ms: [] })),
        );
        return said?.ms[0];
      },
      text: (ms) => (ms === undefined ? `fsync held > ${HELD_MS} ms` : `fsync ${ms.toFixed(1)} ms`),
      pull: (levers) => levers.stallDisk?.(VICTIM),
      well: (ms) => ms !== undefined,
      hurt: (ms) => ms === undefined,
    }),
    trial<Answers>({
      lever: 'fillDisk',
      what: VICTIM,
      look: answers,
      text,
      pull: (levers) => levers.fillDisk?.(VICTIM),
      well,
      hurt: ({ write, read }) => write === 'ENOSPC' && read === 'well',
    }),
    trial<Answers>({
      lever: 'failDisk',
      what: `writes, ${VICTIM}`,
      look: answers,
      text,
      pull: (levers) => levers.failDisk?.(VICTIM, { reads: 0, writes: 1 }),
      well,
      hurt: ({ write, read }) => write === 'EIO' && read === 'well',
    }),
    trial<Answers>({
      lever: 'failDisk',
      what: `reads, ${VICTIM}`,
      look: answers,
      text,
      pull: (levers) => levers.failDisk?.(VICTIM, { reads: 1, writes: 0 }),
      well,
      hurt: ({ write, read }) => write === 'well' && read === 'EIO',
    }),
    powerTrial(bench),
    damageTrial(bench),
  ];
}

function powerTrial(bench: Bench): Trial {
  return trial<{ readonly bytes: number; readonly up: boolean }>({
    lever: 'cutPower',
    what: VICTIM,
    async look(phase) {
      // What is written as the store writes it, and not synced, is whole while there is power.
      if (phase !== 'during') await bench.writeUnsynced();
      const [{ bytes }, store] = await Promise.all([
        bench.probe(VICTIM).ask('size', { name: 'doctor-power' }),
        bench.storeProcess(VICTIM),
      ]);
      return { bytes, up: store !== undefined };
    },
    text: ({ bytes, up }) => `${bytes} bytes, ${up ? 'a' : 'no'} process`,
    pull: (levers) => levers.cutPower?.([VICTIM]),
    well: ({ bytes, up }) => bytes === unsynced.whole && up,
    hurt: ({ bytes, up }) => bytes >= unsynced.kept && bytes < unsynced.whole && !up,
  });
}

interface Log {
  readonly bits: number;
  readonly gone: number;
  readonly damaged: boolean;
}

function damageTrial(bench: Bench): Trial {
  /** Whether the store itself says that its log is broken; undefined: it does not answer. */
  const damaged = async (): Promise<boolean | undefined> =>
    ((await bench.cluster.status(VICTIM)) as { readonly damaged?: boolean } | undefined)?.damaged; // its own word

  return trial<Log>({
    lever: 'corruptDisk',
    what: VICTIM,
    async look(phase) {
      const probe = bench.probe(VICTIM);
      if (phase === 'during') return { ...(await probe.ask('damage', {})), damaged: true };
      // It may be coming back still, with what it has from the others.
      const deadline = bench.clock.now() + REPAIRED_MS * MILLISECOND;
      while ((await damaged()) !== false && bench.clock.now() < deadline) await bench.sleep(50);
      const broken = (await damaged()) ?? true;
      if (phase === 'before') await probe.ask('remember', {});
      return { bits: 0, gone: 0, damaged: broken };
    },
    text({ bits, gone, damaged: broken }) {
      if (bits > 0) return `${bits} bit of the log flipped`;
      if (gone > 0) return `${gone} bytes of the log gone`;
      return broken ? 'log broken' : 'log whole';
    },
    pull: (levers) => levers.corruptDisk?.(VICTIM),
    well: ({ damaged: broken }) => !broken,
    hurt: ({ bits, gone }) => bits === 1 || gone > 0,
  });
}

function median(ms: readonly number[]): number {
  return [...ms].sort((a, b) => a - b)[ms.length >> 1] ?? Number.NaN;
}
