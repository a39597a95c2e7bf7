/** The real core in the simulated world: what faults do to a cluster, and that a seed explains it all. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { SECOND } from '../../../history/clock.ts';
import { Random } from '../../../history/random.ts';
import type { Fault, Lever, Target } from '../../../nemesis/fault.ts';
import { Cluster, faults, load, on } from '../../../test-support/store-cluster.ts';
import type { NodeEvent } from '../environment.ts';
import simulation from './index.ts';

/** Operations are asked through the system under test, which nobody plays here. */
/** Their deeds go on after they were injected: until those have ended, a moment in which something may happen. */
const goingOn = ['failing-link', 'isolate-primaries', 'restart-cut-off-leader', 'strike-new-leader'];
const offered: readonly Lever[] = simulation.levers;
/** Of three nodes all majorities are alike: `majorities-ring` needs five. */
const ofTheWorld = [...faults.values()]
  .filter(({ name, levers }) => levers.every((lever) => offered.includes(lever)) && name !== 'majorities-ring')
  .map(({ name }) => name);

describe('a cluster', () => {
  it('keeps what it acknowledged when all nodes are killed at once', async () => {
    for (const seed of [1, 2, 3]) {
      await on(seed, async (cluster) => {
        for (let n = 1; n <= 10; n++) await cluster.write('x', n);
        const restart = await cluster.levers.kill(cluster.nodes);
        await cluster.sleep(SECOND);
        expect(cluster.nodes.map((node) => cluster.sim.isUp(node))).toEqual([false, false, false]);
        await restart.heal();
        await cluster.led();
        expect(await cluster.read('x')).toBe(10);
      });
    }
  });

  it('elects another leader when the first is cut off, and goes on', async () => {
    await on(4, async (cluster) => {
      const before = await cluster.led();
      const term = cluster.term();
      const cut = await cluster.inject('isolate-leader');
      await cluster.sleep(3 * SECOND);
      expect(await cluster.led(term)).not.toBe(before);
      await cluster.write('x', 1);
      await cut.heal();
      await cluster.sleep(2 * SECOND);
      expect(await cluster.read('x')).toBe(1);
      expect((await cluster.sim.status(before))?.role).toBe('follower');
    });
  });

  it('deposes a leader that was paused, and that finds out when it goes on', async () => {
    await on(5, async (cluster) => {
      const before = await cluster.led();
      const term = cluster.term();
      const pause = await cluster.inject('pause-leader');
      await cluster.sleep(3 * SECOND);
      expect(await cluster.sim.status(before)).toBeUndefined();
      expect(await cluster.led(term)).not.toBe(before);
      await cluster.write('x', 1);
      await pause.heal();
      await cluster.sleep(2 * SECOND);
      expect((await cluster.sim.status(before))?.role).toBe('follower');
      expect((await cluster.sim.status(before))?.term).toBeGreaterThan(term);
    });
  });

  it('goes the same way whatever real I/O runs beside it', async () => {
    const go = async (): Promise<readonly [number, string]> => {
      const told: NodeEvent[] = [];
      const cluster = new Cluster(6, (event) => void told.push(event));
      await cluster.sim.run(async () => {
        await cluster.led();
        const writing = load(cluster);
        for (const name of ['isolate-leader', 'lossy-link', 'kill-leader', 'clock-shift']) {
          const injected = await cluster.inject(name);
          await cluster.sleep(2 * SECOND);
          await injected.heal();
          await cluster.sleep(SECOND);
        }
        await writing.stop();
      });
      return [cluster.sim.trace, JSON.stringify(told)];
    };
    const alone = await go();
    const noise = { on: true };
    let reads = 0;
    const reading = (async (): Promise<void> => {
      while (noise.on) {
        await readFile('/dev/null');
        reads++;
      }
    })();
    const besides = await go();
    noise.on = false;
    await reading;
    expect(reads).toBeGreaterThan(0);
    expect(besides).toEqual(alone);
  });
});

describe('several groups', () => {
  it('live on one node: each has a leader and a log of its own, and all come back from one disk', async () => {
    const options = { groups: 4, spreadLeaders: true };
    for (const seed of [1, 2, 3]) {
      const run = async (cluster: Cluster): Promise<void> => {
        const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`);
        for (const [i, key] of keys.entries()) await cluster.write(key, i);
        const restart = await cluster.levers.kill(cluster.nodes);
        await cluster.sleep(SECOND);
        await restart.heal();
        await cluster.led();
        for (const [i, key] of keys.entries()) expect(await cluster.read(key)).toBe(i);
        const status = await cluster.sim.status('n1');
        expect(status?.groups?.map(({ group }) => group)).toEqual(['g0', 'g1', 'g2', 'g3']);
        expect(status?.groups?.every(({ last }) => last.index > 5)).toBe(true);
      };
      await on(seed, run, options);
    }
  });
});

describe('an external election', () => {
  it('finds leaders, and others when those are lost', async () => {
    for (const seed of [1, 2, 3]) {
      await on(
        seed,
        async (cluster) => {
          await cluster.write('x', 1);
          for (const fault of ['kill-leader', 'isolate-leader', 'pause-leader', 'restart-all']) {
            const injected = await cluster.inject(fault, seed);
            await cluster.sleep(5 * SECOND);
            await injected.heal();
            await cluster.sleep(SECOND);
            await cluster.write('x', seed);
          }
          expect(await cluster.read('x')).toBe(seed);
          expect(cluster.term()).toBeGreaterThan(3);
        },
        { election: 'external', groups: seed },
      );
    }
  });
});

describe('snapshots', () => {
  it('keep the logs short, bring back a node that was away too long, and outlive a restart of all', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { sim, told } = await on(
        seed,
        async (cluster) => {
          const before = load(cluster);
          await cluster.sleep(3 * SECOND);
          const away = await cluster.levers.kill([cluster.followers()[0]]);
          await cluster.sleep(20 * SECOND);
          await away.heal();
          await cluster.sleep(3 * SECOND);
          const written = await before.stop();
          const restart = await cluster.levers.kill(cluster.nodes);
          await restart.heal();
          await cluster.led();
          expect(await cluster.read('load')).toBe(written);
          await cluster.sleep(2 * SECOND);
          for (const node of cluster.nodes) {
            const status = await cluster.sim.status(node);
            expect(status?.last.index).toBeGreaterThan(200);
            expect((status?.last.index ?? 0) - (status?.first ?? 0)).toBeLessThan(100);
          }
        },
        { snapshotEntries: 30 },
      );
      expect(told.get('snapshot-installed')).toBeGreaterThan(0);
      expect(sim.statistics()['snapshots taken']).toBeGreaterThan(6);
      expect(sim.statistics()['log entries compacted']).toBeGreaterThan(300);
    }
  });
});

describe('every fault', () => {
  it('is there, under its name', () => {
    expect([...faults.keys()]).toEqual([
      'bridge',
      'change-members',
      'clients-cut-off',
      'clock-drift',
      'clock-drift-within',
      'clock-shift',
      'clock-strobe',
      'corrupt-disk',
      'failing-disk',
      'failing-link',
      'fill-disk',
      'follower-slow-disk',
      'isolate',
      'isolate-leader',
      'isolate-primaries',
      'kill',
      'kill-leader',
      'kill-random',
      'leader-slow-disk',
      'lossy-link',
      'majorities-ring',
      'narrow-link',
      'one-way-cut',
      'pause',
      'pause-leader',
      'power-cut',
      'promote-by-force',
      'restart-all',
      'restart-cut-off-leader',
      'rival-changes',
      'rolling-restart',
      'slow-disk',
      'slow-link',
      'split-majority',
      'squeeze-memory',
      'stall-disk',
      'starve-cpu',
      'stop-leader',
      'strike-new-leader',
      'switchover',
      'undo-change',
    ]);
  });

  it.each(ofTheWorld)('%s has an effect under load, is healed by healing, twice if need be', async (name) => {
    for (const seed of [1, 2, 3]) {
      await on(seed, async (cluster) => {
        const writing = load(cluster);
        const injected = await cluster.inject(name, seed);
        await cluster.sleep(4 * SECOND);
        await injected.heal();
        const effect = injected.effect();
        expect(
          Object.values(effect).some((n) => n > 0),
          JSON.stringify(effect),
        ).toBe(true);
        await injected.heal();
        await cluster.sleep(3 * SECOND);
        expect(injected.effect()).toEqual(effect);
        const written = await writing.stop();
        expect(await cluster.read('load')).toBe(written);
        expect(injected.targets.length).toBeGreaterThan(0);
      });
    }
  });

  it('has none when it is healed before anything happened, unless it killed', async () => {
    await on(7, async (cluster) => {
      for (const name of ofTheWorld.filter((one) => !goingOn.includes(one))) {
        const injected = await cluster.inject(name);
        await injected.heal();
        const {
          'unsynced writes lost': _lost,
          'synced entries made unreadable': _unreadable,
          'nodes killed': killed = 0,
          ...rest
        } = injected.effect();
        expect(
          Object.values(rest).every((n) => n === 0),
          name,
        ).toBe(true);
        expect(killed > 0, name).toBe(/kill|restart/.test(name));
        await cluster.led();
      }
    });
  });

  it('finds nobody to strike where there is no leader or no lever', async () => {
    const none: Target = {
      nodes: ['n1', 'n2', 'n3'],
      levers: {},
      leader: () => undefined,
      followers: () => [],
      learners: () => [],
      mostLagging: () => undefined,
    };
    for (const fault of faults.values())
      expect(await fault.inject(none, new Random(1), () => Promise.resolve())).toBeUndefined();
    const cluster = new Cluster(8);
    for (const name of ['isolate-leader', 'kill-leader', 'pause-leader']) {
      expect(await (faults.get(name) as Fault).inject(cluster, new Random(1), () => Promise.resolve())).toBeUndefined(); // it was asserted to be there
    }
  });
});

it('a leap of the wall clock changes nothing but time stamps', async () => {
  await on(9, async (cluster) => {
    const leader = await cluster.led();
    const term = cluster.term();
    const leap = await cluster.levers.clock(leader, { offsetNs: -5 * SECOND, driftPpm: 0 });
    await cluster.sleep(2 * SECOND);
    expect(leap.effect()).toEqual({ 'wall clock readings shifted': 0 });
    await cluster.write('x', 1);
    expect(leap.effect()).toEqual({ 'wall clock readings shifted': 1 });
    const forward = await cluster.levers.clock(leader, { offsetNs: 50 * SECOND, driftPpm: 0 });
    await cluster.sleep(2 * SECOND);
    await forward.heal();
    expect([await cluster.led(), cluster.term()]).toEqual([leader, term]);
  });
});
