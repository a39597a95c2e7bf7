/** What a replay says of the run that it repeats. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Struck } from '../nemesis/nemesis.ts';
import { defaultPlan } from './plan.ts';
import { commandElsewhere, compared, replayCommand, type Replays } from './replay.ts';

const struck = (nth: number, targets: string[], leader: string): Struck => ({
  nth,
  fault: 'kill',
  at: 1e9 * nth,
  durationNs: 1e9,
  targets,
  leader,
});

function replayed(then: readonly Struck[], now: readonly Struck[]) {
  const replays: Replays = { run: 'r', exact: false, strikes: then, journalSha256: 'a' };
  const { strikes, alike, elsewhere, differences } = compared(replays, now, 'b');
  return { strikes, alike, elsewhere, differences };
}

describe('a strike came again', () => {
  test('where it struck the leader then and now, whoever led', () => {
    const then = [struck(1, ['n1'], 'n1'), struck(2, ['n2'], 'n1')];
    expect(replayed(then, [struck(1, ['n3'], 'n3'), struck(2, ['n2'], 'n3')])).toMatchObject({
      strikes: 2,
      alike: 1,
      elsewhere: 1,
      differences: [],
    });
  });

  test('and not where it struck a leader then and a follower now, or at another time', () => {
    const other = replayed([struck(1, ['n1'], 'n1')], [struck(1, ['n2'], 'n1')]);
    expect([other.alike, other.elsewhere, other.differences.length]).toEqual([0, undefined, 1]);
    const late = replayed([struck(1, ['n1'], 'n1')], [{ ...struck(1, ['n2'], 'n2'), at: 9e9 }]);
    expect([late.alike, late.elsewhere]).toEqual([0, undefined]);
  });
});

describe('what runs a run again', () => {
  afterEach(() => vi.unstubAllEnvs());
  const real = { ...defaultPlan, seed: 7, environment: 'docker' };
  const replays: Replays = { run: 'old', exact: false, strikes: [], journalSha256: 'a' };
  const schedule = { phases: [] };

  test('is its seed in a simulation, which says all', () => {
    expect(replayCommand({ ...defaultPlan, seed: 7 }, 'id')).toBe('npx tidemark run --seed 7');
  });

  test('is the stored run elsewhere, where a seed does not say whom the faults strike, and with a schedule', () => {
    expect(replayCommand(real, 'id')).toBe('npx tidemark run --replay id');
    expect(replayCommand({ ...defaultPlan, seed: 7, schedule }, 'id')).toBe('npx tidemark run --replay id');
  });

  test('that was a replay is itself, wherever: the first of them may have been elsewhere, or set otherwise', () => {
    expect(replayCommand({ ...defaultPlan, replays }, 'id')).toBe('npx tidemark run --replay id');
    expect(replayCommand({ ...real, replays }, 'id')).toBe('npx tidemark run --replay id');
  });

  test('that was not stored is its seed', () => {
    expect(replayCommand(real)).toBe('npx tidemark run --seed 7 --env docker');
  });

  test('is quoted for a shell where that is needed', () => {
    vi.stubEnv('TIDEMARK_PLUGINS', '/my files/one.mjs:/two.mjs');
    const plan = { ...defaultPlan, seed: 7, file: 'my plan.yaml', settings: { driver: "it's $HOME", keys: '8' } };
    const said = "--seed 7 --set 'driver=it'\\''s $HOME' --set keys=8 --plugin '/my files/one.mjs' --plugin /two.mjs";
    expect(replayCommand(plan)).toBe(`npx tidemark run --plan 'my plan.yaml' ${said}`);
    expect(replayCommand(real, 'id')).toBe(
      "npx tidemark run --replay id --plugin '/my files/one.mjs' --plugin /two.mjs",
    );
  });

  test('elsewhere has the plug-ins that the run had, each once', () => {
    const command = "npx tidemark run --replay id --plugin '/my files/one.mjs' --plugin /two.mjs";
    const record = { command, plan: { asked: real } };
    const plugins = "--plugin '/my files/one.mjs' --plugin /two.mjs";
    expect(commandElsewhere(record)).toBe(`npx tidemark run --seed 7 --env docker ${plugins}`);
    vi.stubEnv('TIDEMARK_PLUGINS', '/my files/one.mjs');
    expect(commandElsewhere(record)).toBe(`npx tidemark run --seed 7 --env docker ${plugins}`);
    const quoted = "npx tidemark run --seed 7 --set 'driver=x --replay y'";
    expect(commandElsewhere({ ...record, command: quoted })).toBeUndefined();
  });
});
