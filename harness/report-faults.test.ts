import { expect, test } from 'vitest';
import { UNASKED } from '../nemesis/fault.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { effectText, faultLines, faultRows, scheduleLines, unsupportedLines } from './report-faults.ts';

const strike = { durationNs: 1, at: 1, targets: [], stream: '1.1' };
const why = 'n2: iptables-restore: no chain';

function record(skipped: readonly (string | undefined)[]) {
  const base = sampleRecord({ faults: [], counts: {} });
  const strikes = skipped.map((one, i) => ({ ...strike, nth: i + 1, fault: 'isolate', skipped: one }));
  return { ...base, plan: { ...base.plan, faults: ['isolate'], strikes } };
}

const injury = { id: 1, fault: 'isolate', targets: ['n1'], from: 1, until: 2, effect: { 'packets dropped': 7 } };

test('a fault that could not be injected is told, with why', () => {
  expect(faultRows(record([why]))).toEqual([{ fault: 'isolate', times: 0, effect: '', warnings: [`FAILED: ${why}`] }]);
  expect(faultRows(record([why, why]))[0].warnings).toEqual([`2 of 2 FAILED: ${why}`]);
  expect(faultRows(record([why, 'n3: gone']))[0].warnings).toEqual([
    `1 of 2 FAILED: ${why}`,
    '1 of 2 FAILED: n3: gone',
  ]);
});

test('beside what it did at other times, and what came to nothing', () => {
  const some = { ...record([undefined, 'nobody to strike', why]), faults: [injury], counts: { 'skipped isolate': 1 } };
  expect(faultRows(some)).toEqual([
    {
      fault: 'isolate',
      times: 1,
      effect: '7 packets dropped',
      warnings: ['1 had no effect: nobody to strike', `1 of 3 FAILED: ${why}`],
    },
  ]);
  expect(faultLines(some, (_, text) => text)[1]).toBe(
    `isolate      1  7 packets dropped; 1 had no effect: nobody to strike; 1 of 3 FAILED: ${why}`,
  );
});

test('and so is it of the stream that it was of', () => {
  const some = record([undefined, 'nobody to strike', why, why]);
  const deed = { fault: 'isolate' };
  const stream = { type: 'at', at: [0], durationNs: 1, deed };
  const schedule = { phases: [{ durationNs: 1, streams: [stream] }] };
  const told = scheduleLines({ ...some, plan: { ...some.plan, schedule } }, (_, text) => text);
  expect(told.at(-1)).toMatch(/struck 1 time: ; 1 had no effect: nobody to strike; 2 FAILED$/);
});

test('a fault whose cure failed is told so, with why; others of its kind are not', () => {
  const base = record([undefined, undefined, why]);
  const silent = 'n1 did not resume within 15000 ms';
  const strikes = base.plan.strikes.map((one, i) => (i === 0 ? { ...one, unhealed: silent } : one));
  const some = { ...base, plan: { ...base.plan, strikes }, faults: [injury, { ...injury, id: 2 }] };
  expect(faultRows(some)).toEqual([
    {
      fault: 'isolate',
      times: 2,
      effect: '14 packets dropped',
      warnings: [`1 of 3 FAILED: ${why}`, `1 of 2 NOT HEALED: ${silent}`],
    },
  ]);
  const one = { ...base, plan: { ...base.plan, strikes: strikes.slice(0, 1) }, faults: [injury] };
  expect(faultRows(one)[0].warnings).toEqual([`NOT HEALED: ${silent}`]);
  const schedule = { phases: [{ durationNs: 1, streams: [{ type: 'at', at: [0], durationNs: 1, deed: injury }] }] };
  const told = scheduleLines({ ...some, plan: { ...some.plan, schedule } }, (_, text) => text);
  expect(told.at(-1)).toMatch(/struck 2 times: , ; 1 FAILED; 1 NOT HEALED$/);
});

test('what was counted once is told in the singular', () => {
  expect(effectText('nodes killed', 3_000)).toBe('3,000 nodes killed');
  expect(effectText('nodes killed', 1)).toBe('1 node killed');
  expect(effectText('unsynced writes lost', 1)).toBe('1 unsynced write lost');
  expect(effectText('synced entries made unreadable', 1)).toBe('1 synced entry made unreadable');
  expect(effectText('messages to nodes that were down', 1)).toBe('1 message to nodes that were down');
  expect(effectText('writes and syncs failed', 1)).toBe('1 write or sync failed');
  expect(effectText('switchovers', 1)).toBe('1 switchover');
  expect(effectText('primaries opened again', 1)).toBe('1 primary opened again');
  expect(effectText('undone tokens refused', 1)).toBe('1 undone token refused');
  expect(effectText('changes of members taken up', 1)).toBe('1 change of members taken up');
  expect(effectText('driver lines that are no answer', 1)).toBe('1 driver line that is no answer');
  expect(effectText('members added', 1)).toBe('1 member added');
  expect(effectText('ms stopped', 1)).toBe('1 ms stopped');
  expect(effectText('refused: two nodes are down', 1)).toBe('1 refused: two nodes are down');
  expect(effectText(UNASKED, 1)).toBe('1 unknown: node that could not say what it had suffered');
});

test('where no fault can be done at all, that is one line, and not one for each reason', () => {
  const { plan } = sampleRecord();
  const unsupported = ['a', 'b', 'c', 'd'].map((fault) => ({ fault, why: `${fault} is missing` }));
  const none = sampleRecord({ plan: { ...plan, faults: [], unsupported } });
  expect(unsupportedLines(none)).toEqual(['unsupported, so not tried: all 4 faults of the mix: none can be done here']);
  const some = sampleRecord({ plan: { ...plan, faults: ['isolate'], unsupported } });
  expect(unsupportedLines(some)).toHaveLength(4);
});
