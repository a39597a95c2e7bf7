import { afterEach, expect, test, vi } from 'vitest';
import { SECOND } from '../../history/clock.ts';
import { commandOf } from './command.ts';
import type { BenchPlan } from './plan.ts';

const plan: BenchPlan = {
  system: 'reference',
  environment: 'processes',
  seed: 1,
  nodes: 3,
  mix: 'b',
  distribution: 'zipfian',
  records: 1_000,
  valueBytes: 100,
  readPaths: [],
  writePath: undefined,
  rates: [500],
  ladder: undefined,
  warmUpNs: 2 * SECOND,
  durationNs: 10 * SECOND,
  repeats: 1,
  sessions: 128,
  checkedKeys: 32,
  settings: {},
};

afterEach(() => vi.unstubAllEnvs());

test('the command that benches again says what differs from the defaults', () => {
  expect(commandOf(plan)).toBe('npx tidemark bench --mix b --seed 1');
  expect(commandOf({ ...plan, readPaths: ['leader', 'follower@nearest'], nodes: 5, settings: { cpu: '2' } })).toBe(
    'npx tidemark bench --mix b --seed 1 --nodes 5 --read-path leader,follower@nearest --set cpu=2',
  );
});

test('and is quoted for a shell where that is needed', () => {
  vi.stubEnv('TIDEMARK_PLUGINS', '/my files/one.mjs:/two.mjs');
  expect(commandOf({ ...plan, system: 'my store', settings: { driver: "node it's.mjs $HOME" } })).toBe(
    "npx tidemark bench --mix b --seed 1 --system 'my store' --set 'driver=node it'\\''s.mjs $HOME' --plugin '/my files/one.mjs' --plugin /two.mjs",
  );
});
