/** Bad disks: slow, stalled, full, failing, damaged, and without power. See agent/disk.ts and agent/journal.ts. */
import type { NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import { type Effect, type Injection, type Levers, UNASKED } from '../../../nemesis/fault.ts';
import { injection } from '../real/injection.ts';
import type { DiskFault, Suffered } from './agent/protocol.ts';
import { all, type Controlled } from './controlled.ts';

export type DiskLevers = Pick<Levers, 'slowDisk' | 'stallDisk' | 'fillDisk' | 'failDisk' | 'corruptDisk' | 'cutPower'>;

const NOTHING: DiskFault = { syncDelayNs: 0, full: false };

export function diskLevers(nodesOf: (ids: readonly NodeId[]) => readonly Controlled[], random: Random): DiskLevers {
  let damaged = 0;
  let faults = 0;

  /** Does something to a disk; what it suffers from then on is the effect. `of` is told when it begins and when it is over. */
  const hurt = async (
    [victim]: readonly Controlled[],
    fault: Partial<DiskFault>,
    effectOf: (suffered: (name: keyof Suffered) => number) => Effect,
    of?: (by: 1 | -1) => Promise<void>,
  ): Promise<Injection> => {
    const number = ++faults;
    await of?.(1);
    let before: Suffered;
    try {
      before = await victim.link.ask({ do: 'disk', number, fault: { ...NOTHING, ...fault } });
    } catch (error) {
      await of?.(-1);
      throw error;
    }
    let after: Suffered | undefined;
    return {
      heal: async () => {
        const suffered = await victim.link.ask({ do: 'disk', number });
        if (after !== undefined) return;
        after = suffered;
        await of?.(-1);
      },
      effect: () => {
        const known = after;
        return known === undefined ? { [UNASKED]: 1 } : effectOf((name) => known[name] - before[name]);
      },
    };
  };

  return {
    slowDisk: (id, syncDelayNs) =>
      hurt(nodesOf([id]), { syncDelayNs }, (suffered) => ({ 'syncs delayed': suffered('syncsDelayed') })),

    stallDisk: (id) =>
      hurt(nodesOf([id]), { stalled: true }, (suffered) => ({ 'syncs and writes held': suffered('stalls') })),

    fillDisk(id) {
      const [victim] = nodesOf([id]);
      const effectOf = (suffered: (name: keyof Suffered) => number): Effect => ({
        'writes refused for want of room': suffered('writesRefused'),
      });
      return hurt([victim], { full: true }, effectOf, (by) => victim.fill(by));
    },

    failDisk(id, { reads, writes }) {
      const [victim] = nodesOf([id]);
      const effectOf = (suffered: (name: keyof Suffered) => number): Effect => ({
        ...(reads > 0 && { 'reads failed': suffered('readsFailed') }),
        ...(writes > 0 && { 'writes and syncs failed': suffered('writesFailed') }),
      });
      return hurt([victim], { failReads: reads, failWrites: writes }, effectOf, (by) => victim.fail?.(by) ?? done);
    },

    async corruptDisk(id) {
      const [victim] = nodesOf([id]);
      const { was } = await victim.link.ask({ do: 'kill' });
      const seed = `${random.fork(++damaged).u32()}`;
      const { kind } = was
        ? await victim.link.ask({ do: 'damage', data: victim.data, seed })
        : { kind: 'nothing to damage' };
      return injection(
        async () => {
          if (was) await victim.start();
        },
        () => ({ 'bits flipped': kind === 'bit flipped' ? 1 : 0, 'files cut': kind === 'file cut' ? 1 : 0 }),
      );
    },

    async cutPower(ids) {
      const dark = await all(
        nodesOf(ids).map(async (victim) => {
          const seed = `${random.fork(++damaged).u32()}`;
          const lost = await victim.link.ask({ do: 'cut-power', data: victim.data, seed });
          return lost.was ? [{ victim, lost }] : [];
        }),
      );
      const sum = (what: 'writes' | 'torn'): number => dark.flat().reduce((total, { lost }) => total + lost[what], 0);
      return injection(
        async () => void (await all(dark.flat().map(({ victim }) => victim.start()))),
        () => ({
          'nodes without power': dark.flat().length,
          'unsynced writes lost': sum('writes'),
          'writes torn': sum('torn'),
        }),
      );
    },
  };
}

const done = Promise.resolve();
