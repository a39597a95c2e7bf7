import { describe, expect, it } from 'vitest';
import type { NodeId } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import {
  type Effect,
  type Fault,
  hadEffect,
  type Injected,
  type Injection,
  type Operation,
  type Target,
} from './fault.ts';
import changeMembers from './faults/change-members.ts';
import promoteByForce from './faults/promote-by-force.ts';
import switchover from './faults/switchover.ts';

/** A cluster of five that does what is asked of it, if `answers` holds nothing else. Time passes when it is waited for. */
class Toy implements Target {
  readonly nodes = ['n1', 'n2', 'n3', 'n4', 'n5'];
  readonly log: string[] = [];
  readonly members = new Set<NodeId>(this.nodes);
  /** What is answered to the next operations instead of doing them. */
  answers: Effect[] = [];
  waited = 0;

  readonly levers: Target['levers'] = {
    operate: async (operation) => {
      const effect = this.answers.shift() ?? this.#do(operation);
      return { heal: () => Promise.resolve(), effect: () => effect };
    },
    kill: (nodes) => this.#disaster(`kill ${nodes.join()}`),
    cut: (links) => this.#disaster(`cut ${new Set(links.map(({ from }) => from)).size}`),
  };

  readonly wait = (ns: number): Promise<void> => {
    this.waited += ns;
    return Promise.resolve();
  };

  leader(): NodeId | undefined {
    return 'n1';
  }

  followers(): readonly NodeId[] {
    return this.nodes.slice(1);
  }

  learners(): readonly NodeId[] {
    return ['n5'];
  }

  mostLagging(): NodeId | undefined {
    return 'n2';
  }

  async inject(fault: Fault, seed: number): Promise<Injected> {
    const injected = await fault.inject(this, new Random(seed), this.wait);
    if (injected === undefined) throw new Error('there are levers and nodes');
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    return injected;
  }

  #do(operation: Operation): Effect {
    const { type } = operation;
    this.log.push(type === 'switchover' ? `${type} ${operation.to ?? ''}` : `${type} ${operation.node}`);
    if (type === 'remove-member') this.members.delete(operation.node);
    if (type === 'add-member') {
      this.members.add(operation.node);
      this.log.push(`as ${operation.as}`);
    }
    if (type === 'promote-by-force') {
      this.members.clear();
      for (const node of operation.members) this.members.add(node);
    }
    return { [`${type} done`]: 1 };
  }

  async #disaster(name: string): Promise<Injection> {
    this.log.push(name);
    const heal = async (): Promise<void> => void this.log.push('back');
    return { heal, effect: () => ({ struck: 1 }) };
  }
}

const refusal = { 'refused: CHANGE_IN_PROGRESS': 1 };
const doubt = { 'unknown: TIMEOUT': 1 };

describe('switchover', () => {
  it('goes to a voter, or to whom the system likes, and is asked for until it is done', async () => {
    const to = new Set<string>();
    for (let seed = 1; seed <= 30; seed++) {
      const toy = new Toy();
      toy.answers = [refusal, refusal];
      const injected = await toy.inject(switchover, seed);
      await injected.heal();
      expect(toy.log).toHaveLength(1);
      expect(injected.effect()).toEqual({ 'refused: CHANGE_IN_PROGRESS': 2, 'switchover done': 1 });
      expect(toy.waited).toBeGreaterThan(0);
      to.add(toy.log[0]);
    }
    expect([...to].sort()).toEqual(['switchover ', 'switchover n2', 'switchover n3', 'switchover n4']);
  });

  it('is given up when it is healed before it was done, and then had no effect', async () => {
    const toy = new Toy();
    toy.answers = Array.from({ length: 30 }, () => refusal);
    const asking = switchover.inject(toy, new Random(1), toy.wait);
    const injected = await asking;
    await injected?.heal();
    expect(toy.log).toEqual([]);
    expect(hadEffect(injected?.effect() ?? {})).toBe(false);
  });
});

describe('change-members', () => {
  it('takes a node out and puts it back as what it was', async () => {
    const ways = new Set<string>();
    for (let seed = 1; seed <= 30; seed++) {
      const toy = new Toy();
      const injected = await toy.inject(changeMembers, seed);
      expect(toy.members.size).toBe(4);
      expect(toy.members.has('n1')).toBe(true);
      expect(toy.members.has(injected.targets[0])).toBe(false);
      toy.answers = [refusal, doubt];
      await injected.heal();
      await injected.heal();
      expect(toy.members.size).toBe(5);
      ways.add(`${injected.targets[0]} ${toy.log.at(-1)}`);
    }
    expect([...ways].sort()).toEqual(['n2 as voter', 'n3 as voter', 'n4 as voter', 'n5 as learner']);
  });

  it('puts back a node of which nobody knows whether it went, and leaves alone one that did not', async () => {
    const doubtful = new Toy();
    doubtful.answers = [doubt, ...Array.from({ length: 100 }, () => refusal)];
    const injected = await changeMembers.inject(doubtful, new Random(1), doubtful.wait);
    doubtful.answers = [doubt];
    await injected?.heal();
    expect(doubtful.log.at(-2)).toMatch(/^add-member/);
    const refused = new Toy();
    refused.answers = Array.from({ length: 100 }, () => refusal);
    const idle = await changeMembers.inject(refused, new Random(1), refused.wait);
    await idle?.heal();
    expect(refused.log).toEqual([]);
    expect(hadEffect(idle?.effect() ?? {})).toBe(false);
  });

  it('says so when it cannot put a node back', async () => {
    const toy = new Toy();
    const injected = await toy.inject(changeMembers, 1);
    toy.answers = Array.from({ length: 100 }, () => refusal);
    await expect(injected.heal()).rejects.toThrow('add-member was not done: refused: CHANGE_IN_PROGRESS');
  });
});

describe('promote-by-force', () => {
  it('rewrites the membership to survivors of a disaster, and has all members back in the end', async () => {
    const disasters = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const toy = new Toy();
      const injected = await toy.inject(promoteByForce, seed);
      expect(toy.members.size).toBe(2);
      expect(toy.members.has('n1')).toBe(false);
      expect(toy.members.has(injected.targets[0])).toBe(true);
      toy.answers = [refusal];
      await injected.heal();
      expect(toy.members.size).toBe(5);
      expect(injected.effect()).toMatchObject({ struck: 1, 'promote-by-force done': 1, 'add-member done': 3 });
      expect(toy.log.filter((deed) => deed === 'back')).toHaveLength(1);
      disasters.add(toy.log[0].slice(0, 4));
    }
    expect([...disasters].sort()).toEqual(['cut ', 'kill']);
  });

  it('undoes the disaster and no more where nobody was promoted', async () => {
    const toy = new Toy();
    toy.answers = Array.from({ length: 100 }, () => refusal);
    const injected = await promoteByForce.inject(toy, new Random(1), toy.wait);
    await injected?.heal();
    expect(toy.log).toHaveLength(2);
    expect(toy.log[1]).toBe('back');
  });
});

it('operations find nobody to ask without the lever', async () => {
  for (const fault of [switchover, changeMembers, promoteByForce]) {
    const toy = new Toy();
    const none: Target = Object.assign(Object.create(toy), { levers: {}, nodes: toy.nodes });
    expect(await fault.inject(none, new Random(1), toy.wait)).toBeUndefined();
  }
});
