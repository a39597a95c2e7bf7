import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../../history/clock.ts';
import type { Injection } from '../../../nemesis/fault.ts';
import { ask, CALM, cluster, type EchoAnswer } from '../../../test-support/echo-program.ts';
import type { Simulation } from './simulation.ts';

const sleep = (sim: Simulation, ns: number): Promise<void> => sim.clock.sleepUntil(sim.clock.now() + ns);

/** Runs `main` on a calm echo cluster of three. */
async function on(main: (sim: Simulation) => Promise<void>): Promise<void> {
  const sim = cluster({ settings: CALM });
  await sim.run(() => main(sim));
}

/** Has n1 send these numbers to n2, a millisecond apart, and returns what n2 has received in the end. */
async function passes(sim: Simulation, numbers: readonly number[]): Promise<readonly number[]> {
  const seen = (await ask(sim, 'n2', { do: 'answer' })).received.length;
  for (const what of numbers) {
    await ask(sim, 'n1', { do: 'send', to: 'n2', what });
    await sleep(sim, MILLISECOND);
  }
  await sleep(sim, 5 * SECOND);
  return (await ask(sim, 'n2', { do: 'answer' })).received.slice(seen);
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const forth = [{ from: 'n1', to: 'n2' }];

describe('cut', () => {
  it('drops what would arrive, one way, and counts it', () =>
    on(async (sim) => {
      const there = await sim.levers.cut(forth);
      const back = await sim.levers.cut([{ from: 'n2', to: 'n1' }]);
      expect(await passes(sim, [1, 2, 3])).toEqual([]);
      expect(there.effect()).toEqual({ 'messages dropped': 3 });
      expect(back.effect()).toEqual({ 'messages dropped': 0 });
      await there.heal();
      expect(await passes(sim, [4])).toEqual([4]);
    }));

  it('drops what was under way when it began, and lets pass what arrives after it ended', () =>
    on(async (sim) => {
      await ask(sim, 'n1', { do: 'send', to: 'n2', what: 1 });
      const cut = await sim.levers.cut(forth);
      await sleep(sim, 100 * MILLISECOND);
      await ask(sim, 'n1', { do: 'send', to: 'n2', what: 2 });
      await cut.heal();
      await sleep(sim, SECOND);
      expect((await ask(sim, 'n2', { do: 'answer' })).received).toEqual([2]);
      expect(cut.effect()).toEqual({ 'messages dropped': 1 });
    }));

  it('is mended when all cuts of a link are healed, each of them once', () =>
    on(async (sim) => {
      const first = await sim.levers.cut([...forth, ...forth]);
      const second = await sim.levers.cut(forth);
      await first.heal();
      await first.heal();
      expect(await passes(sim, [1])).toEqual([]);
      await second.heal();
      expect(await passes(sim, [2])).toEqual([2]);
      expect([first.effect(), second.effect()]).toEqual([{ 'messages dropped': 0 }, { 'messages dropped': 1 }]);
    }));
});

describe('shape', () => {
  it('delays by the sum of what is in force', () =>
    on(async (sim) => {
      const arrival = async (): Promise<number> => {
        const had = (await ask(sim, 'n2', { do: 'answer' })).received.length;
        const before = sim.clock.now();
        await ask(sim, 'n1', { do: 'send', to: 'n2', what: 1 });
        while ((await ask(sim, 'n2', { do: 'answer' })).received.length === had) await sleep(sim, MILLISECOND);
        return (sim.clock.now() - before) / MILLISECOND;
      };
      expect(await arrival()).toBeLessThan(40);
      const one = await sim.levers.shape(forth, { delayNs: 100 * MILLISECOND });
      const two = await sim.levers.shape(forth, { delayNs: 200 * MILLISECOND });
      expect(await arrival()).toBeGreaterThan(300);
      await one.heal();
      expect(await arrival()).toBeLessThan(250);
      await two.heal();
      expect(await arrival()).toBeLessThan(40);
      expect([one.effect(), two.effect()]).toEqual([{ 'messages delayed': 1 }, { 'messages delayed': 2 }]);
    }));

  it('never reorders by jitter alone', () =>
    on(async (sim) => {
      await sim.levers.shape(forth, { jitterNs: 100 * MILLISECOND });
      expect(await passes(sim, upTo(100))).toEqual(upTo(100));
    }));

  it('loses, duplicates and reorders as often as it says it did', () =>
    on(async (sim) => {
      const sent = upTo(400);
      const lossy = await sim.levers.shape(forth, { loss: 0.3 });
      const kept = await passes(sim, sent);
      await lossy.heal();
      expect(lossy.effect()).toEqual({ 'messages dropped': 400 - kept.length });
      expect(kept.length).toBeLessThan(400);
      expect(kept.length).toBeGreaterThan(200);

      const doubling = await sim.levers.shape(forth, { duplicate: 0.3 });
      const doubled = await passes(sim, sent);
      await doubling.heal();
      expect(doubling.effect()).toEqual({ 'messages duplicated': doubled.length - 400 });
      expect(doubled.length).toBeGreaterThan(450);

      const mixing = await sim.levers.shape(forth, { reorder: 0.2 });
      const mixed = await passes(sim, sent);
      await mixing.heal();
      expect([...mixed].sort((a, b) => a - b)).toEqual(sent);
      expect(mixed).not.toEqual(sent);
      const overtakers = mixed.filter((n, i) => mixed.slice(i + 1).some((later) => later < n)).length;
      expect(mixing.effect()).toEqual({ 'messages reordered': overtakers });
    }));

  it('without traffic has no effect', () =>
    on(async (sim) => {
      const shape = await sim.levers.shape(forth, { delayNs: 1, loss: 0.5, duplicate: 0.5, reorder: 0.5 });
      await sleep(sim, SECOND);
      await shape.heal();
      expect(Object.values(shape.effect())).toEqual([0, 0, 0, 0]);
    }));
});

describe('kill', () => {
  it('keeps what was synced and may lose what was not', () =>
    on(async (sim) => {
      let lost = 0;
      let kept = 0;
      for (let round = 0; round < 30; round++) {
        const before = (await ask(sim, 'n1', { do: 'answer' })).durable;
        await ask(sim, 'n1', { do: 'write' });
        const late = Promise.allSettled(upTo(5).map(() => ask(sim, 'n1', { do: 'write' })));
        await sleep(sim, MILLISECOND);
        const kill = await sim.levers.kill(['n1']);
        await late;
        await kill.heal();
        const now = (await ask(sim, 'n1', { do: 'answer' })).durable;
        expect(now).toBeGreaterThanOrEqual(before + 1);
        expect(now).toBeLessThanOrEqual(before + 6);
        kept += now - before - 1;
        lost += kill.effect()['unsynced writes lost'] ?? 0;
      }
      expect(kept).toBeGreaterThan(5);
      expect(lost).toBeGreaterThan(5);
    }));

  it('keeps any number of the unsynced writes, from none to all', () =>
    on(async (sim) => {
      await sim.levers.slowDisk('n1', SECOND);
      const survivors = new Set<number>();
      for (let round = 0; round < 40; round++) {
        const before = (await ask(sim, 'n1', { do: 'answer' })).durable;
        const late = Promise.allSettled(upTo(4).map(() => ask(sim, 'n1', { do: 'write' })));
        await sleep(sim, 10 * MILLISECOND);
        const kill = await sim.levers.kill(['n1']);
        await late;
        await kill.heal();
        const survived = (await ask(sim, 'n1', { do: 'answer' })).durable - before;
        expect(kill.effect()).toEqual({ 'nodes killed': 1, 'unsynced writes lost': 4 - survived });
        survivors.add(survived);
      }
      expect([...survivors].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    }));

  it('of a node that is down has no effect, and healing it raises nobody', () =>
    on(async (sim) => {
      const first = await sim.levers.kill(['n1']);
      const second = await sim.levers.kill(['n1', 'n2']);
      expect(second.effect()['nodes killed']).toBe(1);
      await second.heal();
      expect([sim.isUp('n1'), sim.isUp('n2')]).toEqual([false, true]);
      await first.heal();
      expect(sim.isUp('n1')).toBe(true);
      const third = await sim.levers.kill(['n1']);
      await first.heal();
      expect(sim.isUp('n1')).toBe(false);
      await third.heal();
      expect(sim.isUp('n1')).toBe(true);
    }));

  it('forgets timers and messages of the life before', () =>
    on(async (sim) => {
      await ask(sim, 'n1', { do: 'arm', timer: 'election', ms: 50 });
      const kill = await sim.levers.kill(['n1']);
      await kill.heal();
      await sleep(sim, SECOND);
      expect((await ask(sim, 'n1', { do: 'answer' })).fired).toEqual([]);
    }));
});

describe('pause', () => {
  const held = (injection: Injection): number => injection.effect()['messages and timers held'] ?? 0;

  it('holds everything up, and lets it go in order', () =>
    on(async (sim) => {
      await ask(sim, 'n2', { do: 'arm', timer: 'heartbeat', ms: 50 });
      const pause = await sim.levers.pause(['n2']);
      const asked = ask(sim, 'n2', { do: 'answer' });
      let answered = false;
      void asked.then(() => {
        answered = true;
      });
      for (const what of upTo(5)) await ask(sim, 'n1', { do: 'send', to: 'n2', what });
      await sleep(sim, SECOND);
      expect(answered).toBe(false);
      expect(await sim.status('n2')).toBeUndefined();
      expect(sim.isUp('n2')).toBe(true);
      expect(held(pause)).toBe(7);
      await pause.heal();
      expect((await asked).received).toEqual([]);
      const after = await ask(sim, 'n2', { do: 'answer' });
      expect(after.received).toEqual(upTo(5));
      expect(after.fired).toHaveLength(1);
      expect(after.fired[0].nowMs).toBeGreaterThan(1000);
    }));

  it('fires no timer that was put off before its turn came', () =>
    on(async (sim) => {
      await ask(sim, 'n2', { do: 'arm', timer: 'election', ms: 50 });
      const pause = await sim.levers.pause(['n2']);
      const putOff = ask(sim, 'n2', { do: 'arm', timer: 'election', ms: 500 });
      await sleep(sim, 100 * MILLISECOND);
      await pause.heal();
      await putOff;
      await sleep(sim, 100 * MILLISECOND);
      expect((await ask(sim, 'n2', { do: 'answer' })).fired).toHaveLength(0);
      await sleep(sim, 500 * MILLISECOND);
      expect((await ask(sim, 'n2', { do: 'answer' })).fired).toHaveLength(1);
    }));

  it('ends when every pause is healed', () =>
    on(async (sim) => {
      const first = await sim.levers.pause(['n2']);
      const second = await sim.levers.pause(['n2']);
      const asked = ask(sim, 'n2', { do: 'answer' });
      await sleep(sim, SECOND);
      await first.heal();
      await first.heal();
      let answered = false;
      void asked.then(() => {
        answered = true;
      });
      await sleep(sim, SECOND);
      expect(answered).toBe(false);
      await second.heal();
      await asked;
      expect([held(first), held(second)]).toEqual([1, 1]);
    }));

  it('ends with the life of the node, and does not touch the next one', () =>
    on(async (sim) => {
      const pause = await sim.levers.pause(['n2']);
      const asked = ask(sim, 'n2', { do: 'answer' });
      await sleep(sim, SECOND);
      const kill = await sim.levers.kill(['n2']);
      await expect(asked).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
      const none = await sim.levers.pause(['n2']);
      await kill.heal();
      await ask(sim, 'n2', { do: 'answer' });
      await pause.heal();
      await none.heal();
      expect(held(none)).toBe(0);
    }));
});

describe('clock', () => {
  const armed = async (sim: Simulation, ms: number): Promise<void> =>
    void (await ask(sim, 'n1', { do: 'arm', timer: 'election', ms }));
  const fired = async (sim: Simulation): Promise<EchoAnswer['fired']> => (await ask(sim, 'n1', { do: 'answer' })).fired;

  const stamp = async (sim: Simulation): Promise<number> => (await ask(sim, 'n1', { type: 'write' })).stampMs ?? 0;

  it('makes timers fire when the monotonic clock shows their time, whatever the wall clock does', () =>
    on(async (sim) => {
      await armed(sim, 1000);
      const leap = await sim.levers.clock('n1', { offsetNs: 2 * SECOND, driftPpm: 0 });
      await sleep(sim, 900 * MILLISECOND);
      expect(await fired(sim)).toHaveLength(0);
      const slow = await sim.levers.clock('n1', { offsetNs: 0, driftPpm: -500_000 });
      await sleep(sim, 150 * MILLISECOND);
      expect(await fired(sim)).toHaveLength(0);
      await sleep(sim, 60 * MILLISECOND);
      expect(await fired(sim)).toHaveLength(1);
      await slow.heal();
      expect(slow.effect()).toEqual({ 'timers early': 0, 'timers late': 1, 'wall clock readings shifted': 0 });
      expect(leap.effect()).toEqual({ 'wall clock readings shifted': 0 });
      const fast = await sim.levers.clock('n1', { offsetNs: 0, driftPpm: 1_000_000 });
      await armed(sim, 1000);
      await sleep(sim, 510 * MILLISECOND);
      expect(await fired(sim)).toHaveLength(2);
      expect(fast.effect()).toMatchObject({ 'timers early': 1, 'timers late': 0 });
    }));

  it('shifts the wall clock, lets it drift off, and sets it right when healed', () =>
    on(async (sim) => {
      const before = await stamp(sim);
      const back = await sim.levers.clock('n1', { offsetNs: -5 * SECOND, driftPpm: 0 });
      const off = (await stamp(sim)) - before;
      expect(off).toBeGreaterThanOrEqual(-5_000);
      expect(off).toBeLessThan(-4_990);
      const fast = await sim.levers.clock('n1', { offsetNs: 0, driftPpm: 100_000 });
      await sleep(sim, 10 * SECOND);
      expect(Math.abs((await stamp(sim)) - before - 10_000 - (1_000 - 5_000))).toBeLessThan(10);
      expect(back.effect()).toEqual({ 'wall clock readings shifted': 2 });
      expect(fast.effect()).toMatchObject({ 'wall clock readings shifted': 1 });
      await back.heal();
      await fast.heal();
      expect(Math.abs((await stamp(sim)) - before - 10_000)).toBeLessThan(10);
      expect(back.effect()).toEqual({ 'wall clock readings shifted': 2 });
    }));

  it('never turns the monotonic clock back, also over lives, and lets it run true again when healed', () =>
    on(async (sim) => {
      const show = async (): Promise<number> => (await ask(sim, 'n1', { do: 'answer' })).nowMs;
      const before = await show();
      const back = await sim.levers.clock('n1', { offsetNs: -5 * SECOND, driftPpm: 0 });
      const forth = await sim.levers.clock('n1', { offsetNs: 5 * SECOND, driftPpm: 1_000_000 });
      await sleep(sim, SECOND);
      const kill = await sim.levers.kill(['n1']);
      await sleep(sim, SECOND);
      await kill.heal();
      const then = await show();
      expect(then - before).toBeGreaterThan(3999);
      expect(then - before).toBeLessThan(4010);
      await forth.heal();
      await back.heal();
      const healed = await show();
      expect(healed).toBeGreaterThanOrEqual(then);
      await sleep(sim, SECOND);
      expect((await show()) - healed).toBeLessThan(1010);
    }));

  it('without timers or readings has no effect; a timer put off or disarmed does not fire', () =>
    on(async (sim) => {
      const leap = await sim.levers.clock('n1', { offsetNs: SECOND, driftPpm: 100 });
      await sleep(sim, SECOND);
      await leap.heal();
      expect(leap.effect()).toEqual({ 'timers early': 0, 'timers late': 0, 'wall clock readings shifted': 0 });
      await armed(sim, 100);
      await armed(sim, 300);
      await sleep(sim, 200 * MILLISECOND);
      expect(await fired(sim)).toHaveLength(0);
      await ask(sim, 'n1', { do: 'disarm', timer: 'election' });
      await sleep(sim, SECOND);
      expect(await fired(sim)).toHaveLength(0);
      await armed(sim, 300);
      await armed(sim, 100);
      await sleep(sim, SECOND);
      expect(await fired(sim)).toHaveLength(1);
    }));

  it('has timers of every name, each by itself', () =>
    on(async (sim) => {
      for (const [timer, ms] of [
        ['election/g1', 300],
        ['election/g0', 200],
        ['election', 100],
      ] as const)
        await ask(sim, 'n1', { do: 'arm', timer, ms });
      await ask(sim, 'n1', { do: 'arm', timer: 'election/g1', ms: 50 });
      await sleep(sim, SECOND);
      expect((await fired(sim)).map(({ timer }) => timer)).toEqual(['election/g1', 'election', 'election/g0']);
    }));
});

it('names the nodes there are not', () =>
  on(async (sim) => {
    await expect(sim.levers.kill(['n9'])).rejects.toThrow("no node 'n9'");
  }));
