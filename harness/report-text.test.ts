import { expect, test } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
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
