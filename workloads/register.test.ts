import { expect, test } from 'vitest';
import { Random } from '../history/random.ts';
import register from './kinds/register.ts';
import type { Call, SessionContext } from './workload.ts';

function asked(methods: readonly Call['f'][] | undefined): Set<string> {
  let next = 0;
  const session: SessionContext = {
    id: 's0',
    index: 0,
    lane: 0,
    devices: ['a'],
    unique: () => ++next,
    options: { keys: 2, distribution: 'uniform', ...(methods !== undefined && { methods }) },
  };
  const script = register.script(session, new Random('register'));
  const found = new Set<string>();
  let step = script.next();
  for (let i = 0; i < 200 && step.done !== true; i++) {
    found.add(step.value.f);
    step = script.next({ outcome: 'ok', value: 1 });
  }
  return found;
}

test('a store without cas is asked what it has', () => {
  expect(asked(['read', 'write'])).toEqual(new Set(['read', 'write']));
  expect(asked(['read', 'write', 'cas'])).toEqual(new Set(['read', 'write', 'cas']));
  expect(asked(undefined)).toContain('cas');
});
