import { describe, expect, it } from 'vitest';
import type { NodeId } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import { crash } from './crash.ts';
import type { Injected, Injection, Levers, Target, Wait } from './fault.ts';

/** A cluster of three that only knows who is up, and time that passes when it is waited for. */
class Toy implements Target {
  readonly nodes = ['n1', 'n2', 'n3'];
  readonly up = new Set(this.nodes);
  readonly log: string[] = [];
  readonly slow = new Set<NodeId>();
  /** From now on, nobody can be killed. */
  broken = false;
  /** Waits that have not ended yet. */
  #waits: (() => void)[] = [];

  readonly levers: Partial<Levers> = {
    kill: async (nodes) => {
      if (this.broken) throw new Error('no power');
      const killed = nodes.filter((node) => this.up.delete(node));
      this.log.push(`kill ${killed.join()}${this.slow.size > 0 ? ' behind' : ''}`);
      return this.#injection(() => killed.forEach((node) => this.up.add(node)), { 'nodes killed': killed.length });
    },
    slowDisk: async (node) => {
      this.slow.add(node);
      return this.#injection(() => this.slow.delete(node), { 'syncs delayed': 1 });
    },
  };

  readonly wait: Wait = () => new Promise((resolve) => void this.#waits.push(resolve));

  async pass(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      for (const end of this.#waits.splice(0)) end();
      for (let turn = 0; turn < 30; turn++) await Promise.resolve();
    }
  }

  leader(): NodeId | undefined {
    return [...this.up][0];
  }

  followers(): readonly NodeId[] {
    return [...this.up].slice(1);
  }

  learners(): readonly NodeId[] {
    return [];
  }

  mostLagging(): NodeId | undefined {
    return this.followers()[0];
  }

  #injection(undo: () => void, effect: Record<string, number>): Injection {
    let healed = false;
    return {
      heal: async () => {
        if (!healed) undo();
        healed = true;
      },
      effect: () => effect,
    };
  }
}

async function kill(toy: Toy, seed: number): Promise<Injected> {
  const crashing = crash({
    cluster: toy,
    nodes: ['n1'],
    next: () => ['n2'],
    random: new Random(seed),
    wait: toy.wait,
  });
  await toy.pass(2);
  const injected = await crashing;
  if (injected === undefined) throw new Error('there is a lever');
  return injected;
}

describe('crash', () => {
  it('kills in every way there is, and always ends with all nodes up and all disks well', async () => {
    const ways = new Set<string>();
    for (let seed = 1; seed <= 30; seed++) {
      for (const passing of [0, 1, 2, 3, 20]) {
        const toy = new Toy();
        const injected = await kill(toy, seed);
        await toy.pass(passing);
        await injected.heal();
        const kills = toy.log.length;
        expect(toy.up.size).toBe(3);
        expect(toy.slow.size).toBe(0);
        expect(injected.effect()['nodes killed']).toBe(kills);
        await toy.pass(20);
        await injected.heal();
        expect(toy.log).toHaveLength(kills);
        expect(toy.up.size).toBe(3);
        ways.add(kills > 1 ? 'loop' : toy.log[0]);
      }
    }
    expect([...ways].sort()).toEqual(['kill n1', 'kill n1 behind', 'loop']);
  });

  it('is not to be had without the lever', async () => {
    const none: Target = {
      nodes: ['n1'],
      levers: {},
      leader: () => 'n1',
      followers: () => [],
      learners: () => [],
      mostLagging: () => undefined,
    };
    const plan = {
      cluster: none,
      nodes: ['n1'],
      next: () => ['n1'],
      random: new Random(1),
      wait: () => Promise.resolve(),
    };
    expect(await crash(plan)).toBeUndefined();
  });

  it('says so when a later round fails, and still heals what it did', async () => {
    let failures = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const toy = new Toy();
      const injected = await kill(toy, seed);
      toy.broken = true;
      await toy.pass(20);
      await injected.heal().catch((error: Error) => {
        expect(error.message).toBe('no power');
        failures++;
      });
      expect(toy.up.size).toBe(3);
    }
    expect(failures).toBeGreaterThan(3);
  });
});
