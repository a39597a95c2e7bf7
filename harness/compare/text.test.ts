import { expect, test } from 'vitest';
import { compare } from '../../results/compare.ts';
import { Latencies } from '../../results/histograms.ts';
import type { RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { comparedMarkdown, comparedText } from './text.ts';

test('the Markdown of a comparison has each list and table apart, and no markup of names', () => {
  const hostile = '<b>@everyone</b> &amp; #1 `x` **bold** | ##[add-mask]x \u001b[31m\u202e';
  const record = sampleRecord();
  const [one] = record.staleness;
  const other = sampleRecord({
    id: 'other',
    system: hostile,
    staleness: [one, { ...one, readPath: hostile }],
    cells: record.cells.map((cell) => ({ ...cell, readPath: hostile, state: 'broken' as const })),
    latencies: record.latencies.map((of) => ({ ...of, path: hostile })),
  });
  const markdown = comparedMarkdown(compare([record], [other]), true);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them is in it
  expect(markdown).not.toMatch(/<b>|@|&amp;|\*\*bold|##\[|[\u0000-\u0009\u000b-\u001f\u202e]/);
  const blocks = markdown.trimEnd().split('\n\n');
  expect(blocks.map((block) => block.split('\n', 1)[0])).toContain('| write path | read path | A | B |');
  expect(blocks).toContain('Stale reads:');
  expect(blocks.at(-1)).toMatch(/^Failovers \(medians\): A 2, /);
  expect(markdown).toMatch(/\n\n- Only in B: [^\n]*\n\n/);
  // A block is a paragraph of one line, a list or a table, never a mixture.
  const typeOf = (line: string): string => /^(?:- |\| )?/.exec(line)?.[0] ?? '';
  for (const block of blocks) {
    const lines = block.split('\n');
    expect(new Set(lines.map(typeOf)).size).toBe(1);
    if (typeOf(block) === '') expect(lines).toHaveLength(1);
  }
});

test('a comparison says how many of its rows would differ by chance, where there are many', () => {
  const notes = (methods: number, runs: number): readonly string[] => {
    const side = (name: string): RunRecord[] =>
      Array.from({ length: runs }, (_, i) => {
        const latencies = new Latencies();
        // Of a single run a percentile is known only with operations beyond it.
        for (let k = 0; k < methods * (runs < 4 ? 400 : 1); k++)
          latencies.record('read', `p${k % methods}`, 'leader', 'calm', 1e6);
        const { series: __, ...record } = sampleRecord({ id: `${name}${i}`, plan: {}, latencies: latencies.records() });
        return record;
      });
    const compared = compare(side('a'), side('b'));
    const of = (text: string) => text.split('\n').filter((line) => line.includes('by chance'));
    const [[inText], [inMarkdown]] = [of(comparedText(compared).join('\n')), of(comparedMarkdown(compared))];
    expect(inText?.trim()).toBe(inMarkdown?.replace(/^- /, ''));
    return inText === undefined ? [] : [inText.trim()];
  };
  // p50 and p99 of each.
  expect(notes(4, 4)).toEqual([]);
  expect(notes(5, 4)).toEqual([
    'Each row is judged by itself, at 95 %: of these 10, about 1 would differ by chance if A and B were alike.',
  ]);
  expect(notes(20, 4)[0]).toContain('of these 40, about 2 would');
  expect(notes(20, 1)[0]).toContain('of these 40, 2 or more would');
});
