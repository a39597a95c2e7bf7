import { expect, test } from 'vitest';
import { resolvePlan } from '../harness/plan.ts';
import reference from '../harness/systems/reference.ts';
import { defects } from '../reference-impl/core/defects.ts';
import { choicesOf, drawPlan, withDefect } from './soak-plan.ts';

const choices = await choicesOf(reference);
const plans = Array.from({ length: 400 }, (_, i) => drawPlan(i + 1, choices));

test('a seed names a run', () => {
  expect(plans[6]).toEqual(drawPlan(7, choices));
  expect(new Set(plans.map((plan) => JSON.stringify({ ...plan, seed: 0 }))).size).toBeGreaterThan(390);
});

test('whatever is drawn can be run, defective or not', async () => {
  for (const plan of plans.slice(0, 40)) expect((await resolvePlan(plan)).use.rows.length).toBeLessThanOrEqual(4);
  const elections = [plans[0], plans.find(({ settings }) => settings.election === 'external') ?? plans[0]];
  for (const [plan, defect] of elections.flatMap((plan) => defects.map((defect) => [plan, defect] as const))) {
    const needed = await resolvePlan(withDefect(plan, defect));
    expect(needed.faults).toEqual(expect.arrayContaining([...defect.faults]));
    expect(needed.settings).toMatchObject({ ...defect.settings, defect: defect.name });
  }
});

test('everything is drawn: paths, faults, settings', () => {
  const drawn = (of: (plan: (typeof plans)[number]) => readonly string[]): string[] =>
    [...new Set(plans.flatMap(of))].sort();
  expect(drawn(({ writePaths }) => writePaths)).toEqual([...choices.writePaths].sort());
  expect(drawn(({ readPaths }) => readPaths)).toEqual(
    [...choices.readPaths, 'bounded-100ms', 'bounded-1500ms', 'bounded-400ms'].sort(),
  );
  expect(drawn(({ faults }) => faults)).toEqual(
    [...choices.faults, 'corrupt-disk', 'clock-drift', 'promote-by-force'].sort(),
  );
  expect(drawn(({ settings }) => [settings.groups])).toEqual(['1', '2', '3', '4']);
  expect(drawn(({ settings }) => Object.keys(settings))).toEqual([
    'distribution',
    'election',
    'groups',
    'keys',
    'learners',
    'origins-kept',
    'preferred-leaders',
    'repeats',
    'routing',
    'serve-disk-ms',
    'serve-lag',
    'serve-silent-ms',
    'sessions',
    'snapshot-entries',
  ]);
  expect(drawn(({ nodes }) => [String(nodes)])).toEqual(['3', '4', '5', '6', '7']);
  for (const { faults } of plans)
    expect(faults.some((name) => name === 'isolate-leader' || name === 'kill-leader')).toBe(true);
});
