/** Operations asked of the store as an operator would, in the simulated world. */
import { describe, expect, test } from 'vitest';
import { SECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import type { Effect, Operation } from '../../nemesis/fault.ts';
import simulation from '../environments/simulation/index.ts';
import type { Deployment } from '../environments/environment.ts';
import { loadSystems } from '../plugins.ts';
import { operate, statusesOf } from './operate.ts';
import { nodeSpec } from './settings.ts';

const nodes = ['n1', 'n2', 'n3'];

async function on(
  given: Readonly<Record<string, string>>,
  main: (cluster: Deployment) => Promise<void>,
): Promise<void> {
  const settings = new Map(Object.entries(given));
  const specs = new Map(nodes.map((node) => [node, nodeSpec(nodes, settings)]));
  const cluster = await simulation.deploy(specs, { seed: 1, settings, observe: () => undefined });
  await cluster.run(async () => {
    await pass(cluster, 3);
    await main(cluster);
  });
  expect(cluster.crashes()).toEqual([]);
}

async function pass(cluster: Deployment, seconds: number): Promise<void> {
  await cluster.clock.sleepUntil(cluster.clock.now() + seconds * SECOND);
}

async function leaders(cluster: Deployment): Promise<ReadonlyMap<string, NodeId>> {
  const found = new Map<string, NodeId>();
  for (const node of cluster.nodes) {
    for (const { group, role } of await statusesOf(cluster, node)) if (role === 'leader') found.set(group, node);
  }
  return found;
}

async function membersOf(cluster: Deployment): Promise<string[]> {
  const leading = (await leaders(cluster)).get('g0') ?? 'n1';
  return (await statusesOf(cluster, leading)).map(
    ({ members }) => `${[...members.voters].sort().join()} | ${members.learners.join()}`,
  );
}

/** Again while it is refused for the time being, as faults do. */
async function insist(cluster: Deployment, operation: Operation): Promise<Effect> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operate(cluster, operation);
    } catch (error) {
      if (attempt === 10) throw error;
      await pass(cluster, 0.5);
    }
  }
}

describe('an operator', () => {
  test('has the leader hand over to whom it likes; what is so already is done', async () => {
    await on({}, async (cluster) => {
      const before = (await leaders(cluster)).get('g0');
      const to = nodes.find((node) => node !== before) ?? '';
      for (let i = 0; i < 2; i++) {
        expect(await insist(cluster, { type: 'switchover', to })).toEqual({ switchovers: 1 });
        expect((await leaders(cluster)).get('g0')).toBe(to);
      }
    });
  });

  test('removes a node from every group, and adds it back', async () => {
    await on({ groups: '3' }, async (cluster) => {
      const follower = nodes.find((node) => node !== 'n1') ?? '';
      for (let i = 0; i < 2; i++) await insist(cluster, { type: 'remove-member', node: follower });
      await pass(cluster, 1);
      const others = nodes.filter((node) => node !== follower).join();
      expect(await membersOf(cluster)).toEqual([`${others} | `, `${others} | `, `${others} | `]);
      await insist(cluster, { type: 'add-member', node: follower, as: 'voter' });
      await pass(cluster, 1);
      expect(new Set(await membersOf(cluster))).toEqual(new Set(['n1,n2,n3 | ']));
    });
  });

  test('adds as a learner, and finds that it votes by now', async () => {
    await on({}, async (cluster) => {
      await pass(cluster, 1);
      expect(await insist(cluster, { type: 'add-member', node: 'n3', as: 'learner' })).toEqual({ 'members added': 1 });
      expect(await membersOf(cluster)).toEqual(['n1,n2,n3 | ']);
    });
  });

  test('is refused, and has changed no group, while no node answers', async () => {
    await on({ groups: '3' }, async (cluster) => {
      const killed = await cluster.levers.kill?.(nodes);
      const removal = { type: 'remove-member', node: 'n3' } as const;
      await expect(operate(cluster, removal)).rejects.toMatchObject({ code: 'NOBODY_ANSWERED' });
      await killed?.heal();
      await insist(cluster, removal);
      await pass(cluster, 1);
      expect(await membersOf(cluster)).toEqual(['n1,n2 | ', 'n1,n2 | ', 'n1,n2 | ']);
    });
  });

  test('promotes by force when most are gone, once, and says what is lost', async () => {
    await on({}, async (cluster) => {
      const leading = (await leaders(cluster)).get('g0') ?? '';
      const survivor = nodes.find((node) => node !== leading) ?? '';
      await cluster.levers.kill?.(nodes.filter((node) => node !== survivor));
      const operation = { type: 'promote-by-force', node: survivor, members: [survivor] } as const;
      expect(await insist(cluster, operation)).toEqual({
        'nodes promoted by force': 1,
        'committed entries known to be lost': 0,
      });
      const term = (await statusesOf(cluster, survivor))[0].term;
      await insist(cluster, operation);
      expect((await statusesOf(cluster, survivor))[0]).toMatchObject({
        role: 'leader',
        term,
        members: { voters: [survivor] },
      });
    });
  });

  test('is refused with the code', async () => {
    await on({}, async (cluster) => {
      await expect(operate(cluster, { type: 'switchover', to: 'n9' })).rejects.toMatchObject({ code: 'NOT_A_MEMBER' });
    });
  });

  test('gives up in time when nobody can do it', async () => {
    await on({}, async (cluster) => {
      await cluster.levers.kill?.(nodes.slice(1));
      await pass(cluster, 3); // the leader has stepped down
      const before = cluster.clock.now();
      await expect(operate(cluster, { type: 'switchover' })).rejects.toThrow();
      expect(cluster.clock.now() - before).toBeGreaterThan(4 * SECOND);
      expect(cluster.clock.now() - before).toBeLessThan(6 * SECOND);
    });
  });
});

test('every setting of the reference store is checked, and says its default', async () => {
  const reference = (await loadSystems()).get('reference');
  for (const { name, about, check } of reference?.settings ?? []) {
    if (name === 'defect') continue;
    expect(about).toContain('(default ');
    for (const value of ['', '-1', 'x', '99999999999', '1e3']) expect(() => check(value), `${name}=${value}`).toThrow();
    const initial = /\(default (.*)\)$/.exec(about)?.[1] ?? '';
    expect(() => check(initial), `${name}=${initial}`).not.toThrow();
  }
  for (const name of ['serve-silent-ms', 'serve-lag', 'serve-disk-ms']) {
    expect(() => reference?.settings.find((setting) => setting.name === name)?.check('never')).not.toThrow();
  }
});
