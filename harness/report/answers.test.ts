import { expect, test } from 'vitest';
import type { RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { rendered } from './formats.ts';

test.each(['html', 'markdown'] as const)('%s says that the next leader wrote nothing as its table does', (format) => {
  const [known] = sampleRecord().failovers;
  const { firstWriteNs: _, ...silent } = { ...known, toTerm: 2 };
  const next = { ...known, fromTerm: 2, toTerm: 3, start: known.start + 4e9 };
  const said = 'until a write was answered again';
  const of = (failovers: RunRecord['failovers']): string => rendered(sampleRecord({ failovers }), format);
  expect(of([known, next])).toContain(`: 650 ms ${said}.`);
  expect(of([silent, next])).toContain(`: 4.65 s ${said}; the leader that came next answered none.`);
});
