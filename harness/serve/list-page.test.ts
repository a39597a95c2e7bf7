import { expect, test } from 'vitest';
import { summaryOf } from '../../results/summary.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { askedFor, filterOf, listPage } from './list-page.ts';
import { trendsPage } from './trends.ts';

const page = (query: string): string => {
  const asked = new URLSearchParams(query);
  const wanted = askedFor((name) => asked.get(name) ?? undefined);
  const { skip: _, limit: __, ...filter } = filterOf(wanted);
  return `${JSON.stringify(filter)}\n${listPage(wanted, [], [], { systems: ['a'], environments: [], branches: [] })}`;
};

test('a verdict that no run has is not asked for, and not shown as chosen', () => {
  expect(page('verdict=broken')).toContain('{"verdict":"broken"}');
  expect(page('verdict=broken')).toContain('<option value="broken" selected>');
  expect(page('verdict=nonsense')).toBe(page(''));
  expect(page('')).not.toContain('selected');
});

test('a run that failed in the harness has not the mark of one that kept its promises', () => {
  const kept = summaryOf(sampleRecord({ verdict: 'kept', exitCode: 0 }));
  const failed = { ...kept, exitCode: 255 } as const;
  const list = listPage(
    askedFor(() => undefined),
    [kept, failed],
    [],
    { systems: [], environments: [], branches: [] },
  );
  expect(list.match(/<span class="mark [^/]*/g)).toEqual([
    '<span class="mark kept">✓ kept<',
    '<span class="mark failed">! failed (kept)<',
  ]);
  const runs = [kept, failed].map((one) => ({ ...one, leaderNs: null, followerNs: null }));
  const trend = trendsPage([{ branch: 'b', system: 's', environment: 'e', total: 2, runs }], '', '');
  expect(trend).toMatch(/<a class="kept" [^>]*: kept">✓<\/a><a class="failed" [^>]*: failed \(kept\)">!<\/a>/);
});
