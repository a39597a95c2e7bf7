import { describe, expect, it } from 'vitest';
import { Refused } from '../history/store.ts';
import { hadEffect, type Operation } from '../nemesis/fault.ts';
import type { Deployment } from './environments/environment.ts';
import { operating } from './operate.ts';
import type { System } from './system.ts';
import reference from './systems/reference.ts';

const cluster = {} as Deployment; // nobody looks at it here
const operation: Operation = { type: 'switchover' };

function system(operate: System['operate']): System {
  return { ...reference, ...(operate !== undefined && { operate }) };
}

describe('the lever of operations', () => {
  it('tells what was done, what was refused and why, and what nobody knows', async () => {
    const lever = async (operate: System['operate']): Promise<unknown> => {
      const injection = await operating(system(operate), cluster)?.(operation);
      const effect = injection?.effect() ?? {};
      return [effect, hadEffect(effect)];
    };
    expect(await lever(() => Promise.resolve({ switchovers: 1 }))).toEqual([{ switchovers: 1 }, true]);
    expect(await lever(() => Promise.reject(new Refused('NOT_CAUGHT_UP')))).toEqual([
      { 'refused: NOT_CAUGHT_UP': 1 },
      false,
    ]);
    expect(await lever(() => Promise.reject(new Error('TIMEOUT')))).toEqual([{ 'unknown: TIMEOUT': 1 }, true]);
  });

  it('is not there for a system that has none', () => {
    const { operate: _, ...without } = system(() => Promise.resolve({}));
    expect(operating(without, cluster)).toBeUndefined();
  });
});
