/** What befalls disks: slowness, want of room, and what snapshots leave on them. */
import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../../history/clock.ts';
import { ask, CALM, cluster, type EchoAnswer } from '../../../test-support/echo-program.ts';
import type { OwnProgram } from '../environment.ts';
import type { Simulation } from './simulation.ts';

const sleep = (sim: Simulation, ns: number): Promise<void> => sim.clock.sleepUntil(sim.clock.now() + ns);

/** Runs `main` on a calm echo cluster of three. */
async function on(main: (sim: Simulation) => Promise<void>, options: OwnProgram['options'] = {}): Promise<void> {
  const sim = cluster({ settings: CALM, options });
  await sim.run(() => main(sim));
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('slowDisk', () => {
  it('adds to the time of every sync, and syncs together what was written meanwhile', () =>
    on(async (sim) => {
      const timed = async (writes: number): Promise<number> => {
        const before = sim.clock.now();
        await Promise.all(upTo(writes).map(() => ask(sim, 'n1', { do: 'write' })));
        return (sim.clock.now() - before) / MILLISECOND;
      };
      expect(await timed(1)).toBeLessThan(4);
      const slow = await sim.levers.slowDisk('n1', 100 * MILLISECOND);
      const slower = await sim.levers.slowDisk('n1', 50 * MILLISECOND);
      const duration = await timed(20);
      expect(duration).toBeGreaterThan(300);
      expect(duration).toBeLessThan(310);
      await slower.heal();
      await slow.heal();
      expect(slow.effect()).toEqual({ 'syncs delayed': 2 });
      expect(await timed(1)).toBeLessThan(4);
    }));
});

describe('fillDisk', () => {
  it('has writes wait for room, says so, and goes on when there is room again', () =>
    on(async (sim) => {
      const first = await sim.levers.fillDisk('n1');
      const second = await sim.levers.fillDisk('n1');
      let written = 0;
      for (let i = 0; i < 3; i++) void ask(sim, 'n1', { do: 'write' }).then(() => written++);
      await sleep(sim, SECOND);
      expect((await ask(sim, 'n1', { do: 'answer' })).disk).toEqual(['full']);
      await first.heal();
      await sleep(sim, SECOND);
      expect(written).toBe(0);
      await second.heal();
      await sleep(sim, SECOND);
      expect(written).toBe(3);
      expect((await ask(sim, 'n1', { do: 'answer' })).disk).toEqual(['full', 'ok']);
      expect(first.effect()).toEqual({ 'writes that waited for room': 3 });
    }));

  it('loses what waited when the node crashes, and nothing that was written before', () =>
    on(async (sim) => {
      await ask(sim, 'n1', { do: 'write' });
      const full = await sim.levers.fillDisk('n1');
      const waiting = Promise.allSettled(upTo(3).map(() => ask(sim, 'n1', { do: 'write' })));
      await sleep(sim, 100 * MILLISECOND);
      const kill = await sim.levers.kill(['n1']);
      await waiting;
      await kill.heal();
      expect(await ask(sim, 'n1', { do: 'answer' })).toMatchObject({ durable: 1, disk: [] });
      const late = ask(sim, 'n1', { do: 'write' });
      await full.heal();
      await late;
      expect(kill.effect()).toMatchObject({ 'unsynced writes lost': 3 });
    }));

  it('without writes has no effect', () =>
    on(async (sim) => {
      const full = await sim.levers.fillDisk('n1');
      await ask(sim, 'n1', { do: 'answer' });
      await full.heal();
      expect((await ask(sim, 'n1', { do: 'answer' })).disk).toEqual([]);
      expect(full.effect()).toEqual({ 'writes that waited for room': 0 });
    }));
});

describe('snapshots', () => {
  const options = { snapshotEntries: 100 };
  const commit = (sim: Simulation, index: number): Promise<EchoAnswer> => ask(sim, 'n1', { do: 'commit', index });
  const writes = async (sim: Simulation, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await ask(sim, 'n1', { do: 'write' });
  };
  const restarted = async (sim: Simulation): Promise<EchoAnswer> => {
    await (await sim.levers.kill(['n1'])).heal();
    return ask(sim, 'n1', { do: 'answer' });
  };

  it('are taken when enough is committed, and shorten the log in memory and on disk, but for its newest part', () =>
    on(async (sim) => {
      await writes(sim, 600);
      await commit(sim, 90);
      await sleep(sim, SECOND);
      expect((await ask(sim, 'n1', { do: 'answer' })).compacted).toEqual([]);
      await commit(sim, 550);
      await sleep(sim, SECOND);
      expect((await ask(sim, 'n1', { do: 'answer' })).compacted).toEqual([550 - 33]);
      const { durable, snapshot } = await restarted(sim);
      expect(durable).toBe(600 - (550 - 33));
      expect(snapshot?.index).toBe(550);
      expect(snapshot?.values.map(({ key }) => key)).toEqual(upTo(550));
      expect(sim.statistics()['snapshots taken']).toBe(1);
      await commit(sim, 590);
      await sleep(sim, SECOND);
      expect(sim.statistics()['snapshots taken']).toBe(1);
    }, options));

  it('that a crash overtakes leave no trace; a log that ends before its snapshot counts for nothing', () =>
    on(async (sim) => {
      await writes(sim, 5);
      await commit(sim, 500);
      const cut = await restarted(sim);
      expect([cut.durable, cut.snapshot]).toEqual([5, undefined]);
      await commit(sim, 500);
      await sleep(sim, SECOND);
      const whole = await restarted(sim);
      expect([whole.durable, whole.snapshot?.index]).toEqual([0, 500]);
      await writes(sim, 1);
      expect((await restarted(sim)).durable).toBe(1);
    }, options));

  it('wait until the disk has room', () =>
    on(async (sim) => {
      const full = await sim.levers.fillDisk('n1');
      await commit(sim, 200);
      await sleep(sim, SECOND);
      await full.heal();
      expect(sim.statistics()['snapshots taken']).toBe(0);
      await commit(sim, 201);
      await sleep(sim, SECOND);
      expect((await restarted(sim)).snapshot?.index).toBe(201);
    }, options));

  it('are not taken unless asked for', () => {
    expect(() => cluster({ options: { snapshotEntries: 0 } })).toThrow('every 0 entries');
    expect(() => cluster({ options: { groups: '3' } })).toThrow("can't have 3 groups");
    return on(async (sim) => {
      await commit(sim, 100_000);
      await sleep(sim, SECOND);
      expect(sim.statistics()['snapshots taken']).toBe(0);
    });
  });
});
