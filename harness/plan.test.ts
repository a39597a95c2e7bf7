import { describe, expect, test } from 'vitest';
import type { Lever } from '../nemesis/fault.ts';
import { defaultPlan, type Plan, resolvePlan, withoutLevers } from './plan.ts';

async function rowsOf(asked: Partial<Plan>): Promise<string[]> {
  const plan = await resolvePlan({ ...defaultPlan, ...asked });
  return plan.use.rows.map(({ writePath, readPath }) => `${writePath} ${readPath}`);
}

describe('the rows of a run', () => {
  test('are all pairs of paths, but for those that are tried with few write paths by default', async () => {
    const rows = await rowsOf({});
    for (const write of ['leader-ack', 'quorum-ack', 'all-ack', 'all-applied']) {
      for (const read of ['leader', 'leader-lease', 'follower', 'local', 'bounded-500ms']) {
        expect(rows).toContain(`${write} ${read}`);
      }
    }
    expect(rows.filter((row) => row.endsWith(' shared-token'))).toEqual(['quorum-ack shared-token']);
    expect(new Set(rows).size).toBe(rows.length);
  });

  test('are all pairs of what is named', async () => {
    expect(await rowsOf({ readPaths: ['region', 'leader'], writePaths: ['all-ack', 'leader-ack'] })).toEqual([
      'leader-ack leader',
      'leader-ack region',
      'all-ack leader',
      'all-ack region',
    ]);
    const { readPaths, writePaths, use } = await resolvePlan({ ...defaultPlan, readPaths: ['all'] });
    expect(use.rows.length).toBe(readPaths.length * writePaths.length);
    expect(readPaths).toContain('shared-token');
  });

  test('are never none: a path that goes by default with a write path that was not asked for is tried all the same', async () => {
    const plan = await resolvePlan({ ...defaultPlan, writePaths: ['leader-ack'] });
    expect(plan.use.rows.length).toBeGreaterThan(0);
    expect(plan.use.rows.every(({ writePath }) => writePath === 'leader-ack')).toBe(true);
  });

  test('have a session for each workload at least', async () => {
    const sessions = async (asked: Partial<Plan>): Promise<number> =>
      (await resolvePlan({ ...defaultPlan, ...asked })).use.setting('sessions');
    expect(await sessions({})).toBe(120);
    expect(await sessions({ readPaths: ['all'] })).toBe(3 * 4 * 14);
    expect(await sessions({ readPaths: ['all'], settings: { sessions: '60' } })).toBe(60);
    await expect(resolvePlan({ ...defaultPlan, settings: { sessions: '3' } })).rejects.toThrow('pairs of paths');
  });
});

describe('a fault', () => {
  test('that cannot be done with the settings is refused where it is named, and no part of the mix', async () => {
    const settings = { election: 'external' };
    await expect(resolvePlan({ ...defaultPlan, faults: ['kill-leader', 'switchover'], settings })).rejects.toThrow(
      "The fault 'switchover' cannot be done: with election=external it is the external core that decides who leads.",
    );
    const { faults } = await resolvePlan({ ...defaultPlan, settings });
    expect(faults).toContain('kill-leader');
    expect(faults).not.toContain('switchover');
    expect((await resolvePlan(defaultPlan)).faults).toContain('switchover');
  });

  test('that needs what the environment does not offer, likewise', async () => {
    const processes = { ...defaultPlan, environment: 'processes' };
    await expect(resolvePlan({ ...processes, faults: ['isolate-leader'] })).rejects.toThrow(
      "The fault 'isolate-leader' cannot be done: it needs cut, which the environment 'processes' does not offer.",
    );
    const { faults } = await resolvePlan(processes);
    expect(faults).toEqual([
      'change-members',
      'kill-leader',
      'kill-random',
      'pause-leader',
      'restart-all',
      'switchover',
    ]);
  });
});

describe('a read path', () => {
  test('may be named by a pattern, and then states its bound', async () => {
    const { readPaths, use } = await resolvePlan({ ...defaultPlan, readPaths: ['bounded-250ms', 'leader'] });
    expect(readPaths).toEqual(['leader', 'bounded-250ms']);
    expect(use.system.readPaths.find(({ name }) => name === 'bounded-250ms')).toMatchObject({ boundMs: 250 });
    expect(use.system.promises('quorum-ack', 'bounded-250ms')).toContain('bounded-staleness');
  });

  test.each([
    [['bounded-0ms'], "no read path 'bounded-0ms'"],
    [['bounded-1s'], "no read path 'bounded-1s'"],
    [['all', 'leader'], "'all' stands alone"],
  ])('is not %s', async (readPaths, sentence) => {
    await expect(resolvePlan({ ...defaultPlan, readPaths })).rejects.toThrow(sentence);
  });
});

describe('a lever that this machine cannot pull', () => {
  const lacking = new Map<Lever, string>([['shape', 'NFQUEUE: Invalid argument']]);
  const left = async (
    asked: Partial<Plan>,
  ): Promise<{ readonly faults: readonly string[]; readonly said: string[] }> => {
    const said: string[] = [];
    const plan = await resolvePlan({ ...defaultPlan, environment: 'docker', ...asked });
    return { faults: (await withoutLevers(plan, lacking, (line) => said.push(line))).faults, said };
  };

  test('leaves faults that need it out of a mix, and says which', async () => {
    const { faults, said } = await left({});
    expect(said).toEqual([
      'left out of the mix: lossy-link, slow-link: it needs shape, which this machine does not offer (NFQUEUE: Invalid argument)',
    ]);
    expect(faults).toContain('isolate-leader');
    expect(faults).not.toContain('slow-link');
    expect((await resolvePlan({ ...defaultPlan, environment: 'docker' })).faults).toEqual(
      [...faults, 'lossy-link', 'slow-link'].sort(),
    );
  });

  test('says in one line what is wanting for one reason', async () => {
    const said: string[] = [];
    const plan = await resolvePlan({ ...defaultPlan, environment: 'docker' });
    const none = new Map<Lever, string>([
      ['shape', 'none at all'],
      ['throttle', 'none at all'],
    ]);
    await withoutLevers(plan, none, (line) => said.push(line));
    expect(said).toEqual([
      'left out of the mix: lossy-link, narrow-link, slow-link: they need shape, throttle, which this machine does not offer (none at all)',
    ]);
  });

  test('refuses a fault that was named, and is nothing to one that does without', async () => {
    await expect(left({ faults: ['isolate-leader', 'failing-link'] })).rejects.toThrow(
      "The fault 'failing-link' cannot be done: it needs shape, which this machine does not offer (NFQUEUE: Invalid argument).",
    );
    expect(await left({ faults: ['isolate-leader'] })).toEqual({ faults: ['isolate-leader'], said: [] });
  });
});
