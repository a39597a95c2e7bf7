import { expect, test } from 'vitest';
import type { Timer } from '../core/types.ts';
import { Alarms } from './alarms.ts';
import { monotonicMs, sleep } from './clock.ts';

test('timers fire once, in the order in which they are due, none before its time', async () => {
  const fired: [Timer, number][] = [];
  const begun = monotonicMs();
  const alarms = new Alarms((timer) => fired.push([timer, monotonicMs() - begun]));
  alarms.arm('election', 80, 80);
  alarms.arm('heartbeat', 30, 30);
  alarms.arm('probe', 50, 55);
  await sleep(200);
  expect(fired.map(([timer]) => timer)).toEqual(['heartbeat', 'probe', 'election']);
  for (const [i, leastMs] of [30, 50, 80].entries()) expect(fired[i][1]).toBeGreaterThanOrEqual(leastMs);
  alarms.close();
});

test('a timer that is set again or disarmed does not fire at its first time', async () => {
  const fired: Timer[] = [];
  const alarms: Alarms = new Alarms((timer) => {
    fired.push(timer);
    // One that fires may take away another that is due in the same moment.
    if (timer === 'heartbeat') alarms.disarm('probe');
  });
  alarms.arm('election', 20, 20);
  alarms.arm('election', 100, 100);
  alarms.arm('requests', 20, 20);
  alarms.disarm('requests');
  alarms.arm('heartbeat', 30, 30);
  alarms.arm('probe', 30.5, 30.5);
  const begun = monotonicMs();
  // Both are due when the machine's timer fires.
  while (monotonicMs() - begun < 40);
  await sleep(20);
  expect(fired).toEqual(['heartbeat']);
  await sleep(120);
  expect(fired).toEqual(['heartbeat', 'election']);
  alarms.close();
});

test('nothing fires after the end', async () => {
  const fired: Timer[] = [];
  const alarms = new Alarms((timer) => fired.push(timer));
  alarms.arm('election', 10, 10);
  alarms.close();
  await sleep(40);
  expect(fired).toEqual([]);
});
