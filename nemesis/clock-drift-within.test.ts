import { expect, it } from 'vitest';
import type { Target } from './fault.ts';
import fault from './faults/clock-drift-within.ts';

/** Nodes whose clocks run at the rate that was asked for. */
function toy(clockDriftPpmMax: number | undefined): { readonly target: Target; readonly ppm: Record<string, number> } {
  const ppm: Record<string, number> = { n1: 0, n2: 0, n3: 0 };
  const target: Target = {
    nodes: ['n1', 'n2', 'n3'],
    clockDriftPpmMax,
    levers: {
      clock: async (node, { driftPpm }) => {
        ppm[node] += driftPpm;
        return { heal: async () => void (ppm[node] -= driftPpm), effect: () => ({ 'timers late': 1 }) };
      },
    },
    leader: () => 'n2',
    followers: () => ['n1', 'n3'],
    learners: () => [],
    mostLagging: () => 'n1',
  };
  return { target, ppm };
}

it('goes to the bound that the system states, with room for other drift, and never twice at a time', async () => {
  const { target, ppm } = toy(50_000);
  const drift = await fault.inject(target);
  expect(ppm).toEqual({ n1: 49_400, n2: -49_400, n3: 49_400 });
  expect(await fault.inject(target)).toBeUndefined();
  await drift?.heal();
  expect(ppm).toEqual({ n1: 0, n2: 0, n3: 0 });
  expect(await fault.inject(target)).toBeDefined();
});

it('leaves alone a system that states no bound, or one without room', async () => {
  for (const bound of [undefined, 0, 600]) expect(await fault.inject(toy(bound).target)).toBeUndefined();
});
