import { expect, test } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
import { rendered } from './report/formats.ts';
import { closingLines, renderReport } from './report-text.ts';

test('suspended promises are named with their fault, and are no failure', () => {
  const sample = sampleRecord();
  const operations = sample.cells[0].anomalies[0].operations.slice(0, 1);
  const cells = sample.cells.map((cell) => {
    return cell.suspendedBy === undefined
      ? cell
      : { ...cell, anomalies: cell.anomalies.map((anomaly) => ({ ...anomaly, operations })) };
  });
  const record = { ...sample, cells };
  const text = renderReport(record, { color: false });
  expect(text).toContain(
    [
      'Suspended promises (so no failure)',
      '  linearizable (writes quorum-ack, reads leader-lease), suspended by clock-drift: violated: 2 anomalies in 900 reads',
      '    e.g. A lease was believed too long.',
      '      [12..15] p3 write x = {"deep":[1,null,"ü",{"y":false}]} at 48.211 ms, took 889 µs',
    ].join('\n'),
  );
  expect(text).toMatch(/quorum-ack {2}leader-lease {2}violated 2x\*/);
  expect(text).toContain('* Promised, but suspended: a fault of this plan goes beyond what the system assumes.');
  const findings = text.slice(text.indexOf('Findings'), text.indexOf('Latency'));
  expect(findings).not.toContain('leader-lease');
  const others = record.cells.filter(({ suspendedBy }) => suspendedBy === undefined);
  expect(closingLines(record, 'x')[0]).toBe('verdict  BROKEN: 1 of 2 promises broken');
  const kept = { ...record, verdict: 'kept' as const, cells: record.cells.slice(1) };
  expect(closingLines(kept, 'x')[0]).toBe(
    'verdict  KEPT: all 1 promise kept, 1 suspended (1 violated, as was to be expected); 1 finding',
  );
  const without = renderReport({ ...record, cells: others }, { color: false });
  expect(without).not.toContain('uspended');
  expect(without).not.toContain('*');
});

test('what an operator did is counted, and one of anything is told in the singular', () => {
  const sample = sampleRecord();
  const counts = {
    ...sample.counts,
    'leader changes': 1,
    promotions: 1,
    'replicas made anew': 2,
    'deeds that failed': 1,
  };
  const [example] = sample.cells.filter(({ state }) => state === 'violated');
  const record = {
    ...sample,
    counts,
    plan: { ...sample.plan, nodes: 1 },
    cells: [example, { ...example, readPath: 'other' }],
  };
  const text = renderReport(record, { color: false });
  expect(text).toMatch(/\nCounted\n.*\b1 leader change, 1 promotion, 2 replicas made anew, 1 deed that failed\n/);
  expect(text).toContain(', 1 node; workloads');
  expect(text).toContain('and in 1 more cell of the matrix');
  const page = rendered(record, 'html');
  expect(page).toContain(', 1 node, seed');
  expect(page).toContain('1 more cell of the matrix');
  expect(renderReport({ ...record, plan: { ...sample.plan, nodes: 3 } }, { color: false })).toContain(
    ', 3 nodes; workloads',
  );
});

test('a fault under which no leader answered keeps its name beside what followers answered', () => {
  const sample = sampleRecord();
  const [latency] = sample.latencies;
  const of = (phase: string, role: string) =>
    (['intended', 'sent'] as const).map((since) => ({ ...latency, method: 'read', path: '*', phase, role, since }));
  const latencies = [...of('calm', 'leader'), ...of('calm', 'follower'), ...of('bridge', 'follower')];
  const [fault] = sample.faults;
  const text = renderReport({ ...sample, latencies, faults: [{ ...fault, fault: 'bridge' }] }, { color: false });
  const rows = text.slice(text.indexOf('Reads from the leader and from followers')).split('\n').slice(2, 5);
  expect(
    rows.map((row) =>
      row
        .slice(2)
        .split(/ {2,}|(?<=leader|follower) /)
        .slice(0, 2),
    ),
  ).toEqual([
    ['calm', 'leader'],
    ['', 'follower'],
    ['bridge', 'follower'],
  ]);
});

test('an ASCII name that a CI would take for an order is shown by its number, too', () => {
  const [cell, ...cells] = sampleRecord().cells;
  const text = renderReport(sampleRecord({ cells: [{ ...cell, note: '##[add-mask]1' }, ...cells] }), { color: false });
  expect(text).toContain('##\\u{5b}add-mask]1');
  expect(text).not.toContain('##[');
});
