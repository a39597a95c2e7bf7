/** The real core in the simulated world: what faults do to a cluster, and that a seed explains it all. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { Random } from '../../../history/random.ts';
import type { Fault, Injected, Target } from '../../../nemesis/fault.ts';
import type { ReplicaEvent, Request, Response, Status } from '../../../reference-impl/core/types.ts';
import { loadFaults } from '../../plugins.ts';
import type { NodeEvent } from '../environment.ts';
import { programs } from './index.ts';
import { Simulation } from './simulation.ts';

const faults = await loadFaults();
/** Operations are asked through the system under test, which nobody plays here. */
const ofTheWorld = [...faults.values()].filter(({ levers }) => !levers.includes('operate')).map(({ name }) => name);

class Cluster implements Target {
  readonly sim: Simulation;
  /** How often the replicas told of an event of each type. */
  readonly told: ReadonlyMap<string, number>;
  readonly #status = new Map<NodeId, Status>();

  constructor(
    seed: number,
    observe: (event: NodeEvent) => void = () => undefined,
    settings: Readonly<Record<string, string>> = {},
    more: Readonly<Record<string, unknown>> = {},
    told: ReadonlyMap<string, number> = new Map(),
  ) {
    this.told = told;
    const nodes = ['n1', 'n2', 'n3'];
    const options = { nodes, heartbeatMs: 50, electionMinMs: 300, electionMaxMs: 600, requestTimeoutMs: 900, ...more };
    const specs = new Map(nodes.map((node) => [node, { program: 'tidemark-store', options }]));
    this.sim = new Simulation(specs, { seed, settings: new Map(Object.entries(settings)), observe }, programs);
  }

  get nodes(): readonly NodeId[] {
    return this.sim.nodes;
  }

  get levers(): Simulation['levers'] {
    return this.sim.levers;
  }

  leader(): NodeId | undefined {
    const leading = [...this.#status]
      .filter(([, { role }]) => role === 'leader')
      .sort(([, a], [, b]) => b.term - a.term);
    return leading[0]?.[0];
  }

  followers(): readonly NodeId[] {
    return this.nodes.filter((node) => node !== this.leader());
  }

  learners(): readonly NodeId[] {
    return [];
  }

  mostLagging(): NodeId | undefined {
    return this.followers()[0];
  }

  term(): number {
    return Math.max(...[...this.#status.values()].map(({ term }) => term));
  }

  async sleep(ns: number): Promise<void> {
    await this.sim.clock.sleepUntil(this.sim.clock.now() + ns);
    await this.look();
  }

  async look(): Promise<void> {
    for (const node of this.nodes) {
      const status = await this.sim.status(node);
      if (status === undefined) this.#status.delete(node);
      else this.#status.set(node, status);
    }
  }

  /** Waits for a leader in a term above `term`, and returns it. */
  async led(term = 0): Promise<NodeId> {
    for (let waited = 0; waited < 100; waited++) {
      await this.sleep(100 * MILLISECOND);
      const leader = this.leader();
      if (leader !== undefined && this.term() > term) return leader;
    }
    throw new Error('no leader within 10 s');
  }

  /** Asks whoever leads, a second long each time, until it is answered well. */
  async ask(body: Request): Promise<Extract<Response, { type: 'read' | 'written' }>> {
    let hint: NodeId | undefined;
    for (let attempt = 0; attempt < 400; attempt++) {
      const node = hint ?? this.leader() ?? 'n1';
      const line = this.sim.dial(node, 'eu');
      const late = this.sim.clock.sleepUntil(this.sim.clock.now() + SECOND).then(() => undefined);
      const answer = await Promise.race([line.request(body) as Promise<Response>, late]).catch(() => undefined);
      line.close();
      if (answer?.type === 'read' || answer?.type === 'written') return answer;
      hint = answer?.type === 'refused' ? answer.leader : undefined;
      await this.sleep(50 * MILLISECOND);
    }
    throw new Error(`${body.type} was not answered`);
  }

  write(key: string, value: number): Promise<unknown> {
    return this.ask({ type: 'write', ack: 'quorum-ack', key, value });
  }

  async read(key: string): Promise<unknown> {
    const answer = await this.ask({ type: 'read', path: 'leader', keys: [key], waitMs: 0 });
    return answer.type === 'read' ? answer.values[0] : answer;
  }

  async inject(name: string, seed = 1): Promise<Injected> {
    await this.look();
    const injected = await (faults.get(name) as Fault).inject(this, new Random(seed), (ns) => this.sleep(ns)); // a missing one fails the test
    if (injected === undefined) throw new Error(`${name} found nobody to strike`);
    return injected;
  }
}

async function on(
  seed: number,
  main: (cluster: Cluster) => Promise<void>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Cluster> {
  const told = new Map<string, number>();
  const observe = (happened: NodeEvent): void => {
    if (happened.type !== 'store') return;
    const { type } = happened.event as ReplicaEvent; // what the program tells
    told.set(type, (told.get(type) ?? 0) + 1);
  };
  const cluster = new Cluster(seed, observe, {}, options, told);
  await cluster.sim.run(async () => {
    await cluster.led();
    await main(cluster);
  });
  expect(cluster.sim.crashes()).toEqual([]);
  return cluster;
}

/** Writes without end, until told to stop. */
function load(cluster: Cluster): { stop: () => Promise<number> } {
  const load = { stopped: false };
  const writing = (async (): Promise<number> => {
    let written = 0;
    while (!load.stopped) {
      await cluster.write('load', ++written);
      await cluster.sleep(10 * MILLISECOND);
    }
    return written;
  })();
  return {
    stop: () => {
      load.stopped = true;
      return writing;
    },
  };
}

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
    const options = { groups: 4, preferredLeaders: {} };
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
      'clock-drift',
      'clock-shift',
      'corrupt-disk',
      'fill-disk',
      'follower-slow-disk',
      'isolate-leader',
      'kill-leader',
      'kill-random',
      'lossy-link',
      'one-way-cut',
      'pause-leader',
      'promote-by-force',
      'restart-all',
      'slow-disk',
      'slow-link',
      'split-majority',
      'switchover',
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
      for (const name of ofTheWorld) {
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
        expect(killed > 0).toBe(/kill|restart/.test(name));
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
