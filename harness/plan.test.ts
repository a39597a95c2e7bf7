import { expect, it } from 'vitest';
import { defaultPlan, resolvePlan } from './plan.ts';

it('the mix leaves out faults that no sound system is promised to stand; by name they are to be had', async () => {
  const { faults } = await resolvePlan(defaultPlan);
  expect(faults).toContain('switchover');
  expect(faults).toContain('change-members');
  for (const name of ['clock-drift', 'promote-by-force', 'corrupt-disk']) {
    expect(faults).not.toContain(name);
    expect((await resolvePlan({ ...defaultPlan, faults: [name] })).faults).toEqual([name]);
  }
});
