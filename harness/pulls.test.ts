import { expect, test } from 'vitest';
import type { Clock } from '../history/clock.ts';
import type { Injection, Levers } from '../nemesis/fault.ts';
import { Pulls, recorded } from './pulls.ts';

test('each pull is written down with whom it met, until it was let go; what failed came to nothing', async () => {
  let now = 0;
  const clock: Clock = { now: () => now, sleepUntil: () => Promise.resolve(), timer: () => () => undefined };
  const injection = (): Injection => ({ heal: () => Promise.resolve(), effect: () => ({ cut: 2 }) });
  const levers: Partial<Levers> = {
    cut: () => Promise.resolve(injection()),
    kill: () => Promise.reject(new Error('no such node')),
    pause: () => Promise.resolve(injection()),
  };
  const pulls = new Pulls();
  const watched = recorded(levers, clock, pulls);
  expect(Object.keys(watched)).toEqual(['cut', 'kill', 'pause']);
  now = 5;
  const cut = await watched.cut?.([{ from: 'n1', to: 'n2' }]);
  await watched.pause?.(['n3']);
  await expect(watched.kill?.(['n1'])).rejects.toThrow('no such node');
  expect(cut?.effect()).toEqual({ cut: 2 });
  now = 9;
  await cut?.heal();
  now = 11;
  await cut?.heal();
  expect(pulls.records(20)).toEqual([
    { lever: 'cut', nodes: [], links: [['n1', 'n2']], from: 5, until: 9 },
    { lever: 'pause', nodes: ['n3'], links: [], from: 5, until: 20 },
  ]);
});
