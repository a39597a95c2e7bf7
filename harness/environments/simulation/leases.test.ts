import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../../history/clock.ts';
import { ask, CALM, cluster } from '../../../test-support/echo-program.ts';
import { LEASE_MS, type LeaseRequest, LeaseService } from './leases.ts';
import type { Simulation } from './simulation.ts';

const LEASE_NS = LEASE_MS * MILLISECOND;
const sleep = (sim: Simulation, ns: number): Promise<void> => sim.clock.sleepUntil(sim.clock.now() + ns);

const want = (holder: string, term = 0): LeaseRequest => ({ holder, group: 'g0', do: 'want', term, askedAtMs: 0 });

describe('the lease service', () => {
  it('grants one lease at a time, keeps it as long as it is asked for, and never grants a term twice', () => {
    const service = new LeaseService();
    expect(service.ask(want('a'), 0)?.term).toBe(1);
    expect(service.ask(want('b'), LEASE_NS - 1)?.term).toBeUndefined();
    expect(service.ask(want('a'), LEASE_NS - 1)?.term).toBe(1);
    expect(service.ask(want('b'), LEASE_NS + 1)?.term).toBeUndefined();
    expect(service.ask(want('b', 7), 2 * LEASE_NS)?.term).toBe(8);
    expect(service.ask({ ...want('a'), do: 'release' }, 2 * LEASE_NS)).toBeUndefined();
    expect(service.ask(want('a'), 2 * LEASE_NS)?.term).toBeUndefined();
    service.ask({ ...want('b'), do: 'release' }, 2 * LEASE_NS);
    expect(service.ask(want('b'), 2 * LEASE_NS)?.term).toBe(9);
    expect(service.ask({ ...want('a'), group: 'g1' }, 0)?.term).toBe(1);
  });
});

describe('nodes in an external election', () => {
  const elected = async (sim: Simulation): Promise<readonly (readonly (number | null)[])[]> => {
    const all: (readonly (number | null)[])[] = [];
    for (const node of sim.nodes) all.push((await ask(sim, node, { do: 'answer' })).elected);
    return all;
  };
  const on = async (main: (sim: Simulation) => Promise<void>): Promise<void> => {
    const sim = cluster({ settings: CALM, options: { election: 'external' } });
    await sim.run(() => main(sim));
  };

  it('stand in turn in ever new terms while none of them comes to lead', () =>
    on(async (sim) => {
      await sleep(sim, 60 * SECOND);
      const all = await elected(sim);
      const terms = all.flat().filter((term) => term !== null);
      expect(new Set(terms).size).toBe(terms.length);
      expect(terms.length).toBeGreaterThan(15);
      for (const ofNode of all) {
        expect(ofNode.length).toBeGreaterThan(4);
        expect(ofNode.every((term, i) => (term === null) === (i % 2 === 1))).toBe(true);
      }
    }));

  it('keep the lease while they lead and can be heard, and know when it has ended', () =>
    on(async (sim) => {
      await sleep(sim, SECOND);
      const first = (await elected(sim)).findIndex((terms) => terms.length > 0);
      const leader = sim.nodes[first];
      await ask(sim, leader, { do: 'lead' });
      await sleep(sim, 30 * SECOND);
      expect((await elected(sim))[first]).toEqual([1]);
      const others = sim.nodes.filter((node) => node !== leader);
      const deaf = await sim.levers.cut(others.map((from) => ({ from, to: leader })));
      await sleep(sim, LEASE_NS + SECOND);
      expect((await elected(sim))[first]).toEqual([1, null]);
      await deaf.heal();
      await sleep(sim, 30 * SECOND);
      const all = await elected(sim);
      const terms = all.flat().filter((term) => term !== null);
      expect(new Set(terms).size).toBe(terms.length);
      expect(all.every((ofNode) => ofNode.length > 0)).toBe(true);
      const half = await sim.levers.cut([{ from: leader, to: others[0] }]);
      await sleep(sim, 5 * SECOND);
      expect(half.effect()).toEqual({ 'messages dropped': 0 });
    }));

  it('give the lease up at once when they have lost, and leave it to the others for a while', () =>
    on(async (sim) => {
      await sleep(sim, SECOND);
      const first = (await elected(sim)).findIndex((terms) => terms.length > 0);
      await ask(sim, sim.nodes[first], { do: 'lose' });
      await sleep(sim, SECOND);
      const all = await elected(sim);
      expect(all[first]).toEqual([1, null]);
      expect(all.flat()).toContain(2);
    }));

  it('do not ask for the lease while their log is damaged', () =>
    on(async (sim) => {
      for (const node of sim.nodes.slice(1)) await ask(sim, node, { do: 'damage' });
      await sleep(sim, 20 * SECOND);
      const [whole, ...damaged] = await elected(sim);
      expect(whole.length).toBeGreaterThan(3);
      expect(damaged.flat().length).toBeLessThan(3);
    }));

  it('of a new life start anew, and leave the old lease to run out', () =>
    on(async (sim) => {
      await sleep(sim, SECOND);
      const first = (await elected(sim)).findIndex((terms) => terms.length > 0);
      await ask(sim, sim.nodes[first], { do: 'lead' });
      const kill = await sim.levers.kill([sim.nodes[first]]);
      await kill.heal();
      await sleep(sim, LEASE_NS / 2);
      expect((await elected(sim)).flat()).toEqual([]);
      await sleep(sim, LEASE_NS);
      expect((await elected(sim)).flat()).toEqual([2]);
    }));

  it('are not asked unless it is so', async () => {
    const sim = cluster();
    await sim.run(async () => {
      await sleep(sim, 10 * SECOND);
      expect((await elected(sim)).flat()).toEqual([]);
    });
    expect(() => cluster({ options: { election: 'none' } })).toThrow("no election 'none'");
  });
});
