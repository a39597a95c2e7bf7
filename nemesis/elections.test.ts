import { describe, expect, it } from 'vitest';
import type { NodeId } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import type { Effect, Fault, Injection, Target } from './fault.ts';
import restartCutOffLeader from './faults/restart-cut-off-leader.ts';
import rivalChanges from './faults/rival-changes.ts';
import strikeNewLeader from './faults/strike-new-leader.ts';
import undoChange from './faults/undo-change.ts';

/** A cluster of four that elects another leader some time after the last one was killed or cut off. */
class Toy implements Target {
  readonly nodes = ['n1', 'n2', 'n3', 'n4'];
  readonly up = new Set(this.nodes);
  readonly members = new Set(this.nodes);
  readonly log: string[] = [];
  cuts = 0;
  #leading: NodeId | undefined = 'n1';
  #electAfter = Number.POSITIVE_INFINITY;

  readonly levers: Partial<Target['levers']> = {
    cut: async (links) => {
      this.cuts++;
      const lonely = this.nodes.find((node) => links.filter(({ from }) => from === node).length === 3);
      this.log.push(lonely === undefined ? 'split' : `cut ${lonely}`);
      if (lonely === this.#leading) this.#electAfter = 20;
      return this.#injection(() => this.cuts--, { cut: 1 });
    },
    kill: async (nodes) => {
      const killed = nodes.filter((node) => this.up.delete(node));
      this.log.push(`kill ${killed.join()}`);
      if (this.#leading !== undefined && killed.includes(this.#leading)) {
        this.#leading = undefined;
        this.#electAfter = 20;
      }
      return this.#injection(() => killed.forEach((node) => this.up.add(node)), { killed: killed.length });
    },
    operate: async (operation) => {
      if (operation.type === 'remove-member') {
        this.members.delete(operation.node);
        this.log.push(`remove ${operation.node} at ${operation.at}`);
      } else if (operation.type === 'add-member') this.members.add(operation.node);
      else if (operation.type === 'switchover') this.#leading = operation.to;
      return this.#injection(() => undefined, { [operation.type]: 1 });
    },
  };

  readonly wait = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    if (this.#electAfter-- > 0) return;
    this.#electAfter = Number.POSITIVE_INFINITY;
    this.#leading = this.nodes.find((node) => node !== this.#leading && this.up.has(node));
    this.log.push(`${this.#leading} leads`);
  };

  leader(): NodeId | undefined {
    return this.#leading;
  }

  followers(): readonly NodeId[] {
    return this.nodes.filter((node) => node !== this.#leading && this.up.has(node));
  }

  learners(): readonly NodeId[] {
    return [];
  }

  mostLagging(): NodeId | undefined {
    return this.followers()[0];
  }

  #injection(undo: () => void, effect: Effect): Injection {
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

/** What it did until it was healed after so many turns; everything must be well then. */
async function strike(fault: Fault, seed: number, turns: number): Promise<{ toy: Toy; effect: Effect }> {
  const toy = new Toy();
  const injected = await fault.inject(toy, new Random(seed), toy.wait);
  if (injected === undefined) throw new Error('there are levers and a leader');
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  await injected.heal();
  await injected.heal();
  expect([toy.up.size, toy.cuts, toy.members.size]).toEqual([4, 0, 4]);
  return { toy, effect: injected.effect() };
}

const faults: readonly Fault[] = [restartCutOffLeader, rivalChanges, strikeNewLeader, undoChange];

describe.each(faults)('$name', (fault) => {
  it('leaves nothing behind, whenever it is healed', async () => {
    for (let seed = 1; seed <= 10; seed++) for (const turns of [0, 1, 10, 500, 5_000]) await strike(fault, seed, turns);
  });

  it('finds nobody to strike without its levers or a leader', async () => {
    const toy = new Toy();
    const seen = { nodes: toy.nodes, followers: () => ['n2'], learners: () => [], mostLagging: () => 'n2' };
    const none: Target = { ...seen, levers: {}, leader: () => 'n1' };
    expect(await fault.inject(none, new Random(1), toy.wait)).toBeUndefined();
    const leaderless: Target = { ...seen, levers: toy.levers, leader: () => undefined };
    expect(await fault.inject(leaderless, new Random(1), toy.wait)).toBeUndefined();
    expect(toy.log).toEqual([]);
  });
});

it('strike-new-leader strikes as soon as somebody leads, in each of its ways', async () => {
  const { toy } = await strike(strikeNewLeader, 1, 200_000);
  const ways = new Set<string>();
  for (const [i, deed] of toy.log.entries()) {
    const leads = /^(n\d) leads$/.exec(deed);
    if (leads !== null) ways.add((toy.log[i + 1] ?? '').replace(leads[1], 'it'));
  }
  expect(ways).toContain('kill it');
  expect(ways).toContain('cut it');
  expect([...ways].some((way) => /^kill .*,.*,.*,/.test(way))).toBe(true);
});

it('undo-change has the same leader remove one after another, cut off each time', async () => {
  const { toy } = await strike(undoChange, 1, 20_000);
  const cut = toy.log.filter((deed) => deed.startsWith('cut'));
  expect(new Set(cut)).toEqual(new Set(['cut n1']));
  const removed = toy.log.filter((deed) => deed.startsWith('remove')).map((deed) => deed.split(' ')[1]);
  expect(new Set(removed)).toEqual(new Set(['n2', 'n3', 'n4']));
});

it('rival-changes has two leaders remove two nodes, each in the half of the other', async () => {
  const { toy } = await strike(rivalChanges, 1, 5_000);
  expect(toy.log.filter((deed) => /cut|split/.test(deed))).toEqual(['cut n1', 'split']);
  const removals = toy.log.filter((deed) => deed.startsWith('remove')).map((deed) => deed.split(' '));
  expect(removals.map(([, , , at]) => at)).toEqual(['n1', 'n2']);
  expect(removals[0][1]).not.toBe(removals[1][1]);
});
