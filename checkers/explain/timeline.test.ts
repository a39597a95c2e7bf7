import { describe, expect, test } from 'vitest';
import { h } from '../../history/testing.ts';
import type { Anomaly } from '../checker.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import monotonicReads from '../guarantees/monotonic-reads.ts';
import { widthOf } from './labels.ts';
import { timelineSvg } from './svg.ts';
import { lastStateText, timelineLines } from './text.ts';

function anomalyOf(...lines: readonly string[]): Anomaly {
  const verdict = linearizable.check(h(...lines), unlimited, defaultSemantics);
  if (verdict.type !== 'invalid') throw new Error(verdict.type);
  return verdict.anomalies[0];
}

const stale = anomalyOf('p0: w x 1', 'p3 w x 3', 'p0: w x 2', 'p1: r x 2', 'p1: r x 1');

/** So many operations one after the other, of two processes. */
function long(count: number): Anomaly {
  const operations = Array.from({ length: count }, (_, i) => ({
    index: 10 * i,
    completionIndex: 10 * i + 5,
    process: i % 2,
    f: 'write' as const,
    outcome: 'ok' as const,
    key: 'x',
    value: `a value of some length, number ${i}`,
    callTime: i * 1000,
    retTime: i * 1000 + 500,
  }));
  return { kind: 'long', sentence: 'Many.', operations };
}

describe('text', () => {
  test('a lane for each process, an order that worked, what fits nowhere, what was pending', () => {
    expect(timelineLines(stale, 100)).toEqual([
      'p0 ├ 1 w 1 ┤ ├ 2 w 2 ┤',
      'p3          ├ (w 3 ?) ─────────────…',
      'p1                      ├ ✗ r 1 ┤',
      '   0 ns    1 ms      4 ms       8 ms',
    ]);
    expect(lastStateText(stale)).toBe(
      "last state that worked: x held 2 (after p1's r 2 [5..6]); ✗ p1's r 1 [7..8] fits nowhere after it; pending: p3's w 3 ? [2..]",
    );
  });

  test.each([2, 3, 7, 30, 45])(
    '%i operations: never wider than asked for; what does not fit goes on below',
    (count) => {
      for (const width of [40, 60, 100, 200]) {
        const lines = timelineLines(long(count), width);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        const bars = lines.join('\n').match(/├/g)?.length ?? 0;
        expect(bars).toBe(Math.min(30, count));
        expect(lines[0].startsWith('(15 earlier')).toBe(count === 45);
      }
    },
  );

  test('anomalies of sessions, without a last state', () => {
    const history = h('p0: w x 1', 'p0: w x 2', 'p1: r x 2 session=b', 'p1: r x 1 session=b');
    const verdict = monotonicReads.check(history, unlimited, defaultSemantics);
    expect(verdict.type === 'invalid' && timelineLines(verdict.anomalies[0], 100)).toEqual([
      'p0 ├ w 1 ┤├ w 2 ┤',
      'p1               ├ r 2 ┤├ r 1 ┤',
      '   0 ns  1 ms   3 ms   5 ms   7 ms',
    ]);
  });

  test('characters that would move the cursor or turn the text around are shown by their numbers', () => {
    const nasty = anomalyOf('p0: w x 1', 'p0: w x "\\u001b[2J\\u202e\\u009b1m日"', 'p1: r x 1');
    const lines = [...timelineLines(nasty, 100), lastStateText(nasty)].join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    expect(lines).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(lines).toContain('\\u001b[2J\\u{202e}');
  });

  test('one operation needs no drawing', () => {
    expect(timelineLines(anomalyOf('p1: r x 7'), 100)).toEqual([]);
  });
});

describe('SVG', () => {
  test('values are text, whatever they look like', () => {
    const svg = timelineSvg(
      anomalyOf('p0: w x "<script>alert(1)</script>&"', 'p0: w x 2', 'p1: r x "<script>alert(1)</script>&"'),
    );
    expect(svg).not.toContain('<script');
    expect(svg).toContain('&lt;script&gt;');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).not.toMatch(/(href|src|url\(|@import)/);
  });

  test.each([2, 3, 7, 30])('%i operations: bars of a lane do not overlap, and nothing leaves the picture', (count) => {
    const svg = timelineSvg(long(count));
    const [, width = 0, height = 0] = (/width="(\d+)" height="(\d+)"/.exec(svg) ?? []).map(Number);
    expect(width).toBeLessThan(1200);
    const bars = [...svg.matchAll(/<rect class="bar[^"]*" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)].map((found) =>
      found.slice(1).map(Number),
    );
    expect(bars).toHaveLength(count);
    for (const [x, y, length] of bars) {
      expect(x + length).toBeLessThanOrEqual(width);
      expect(y).toBeLessThan(height);
      const beside = bars.filter(([other, lane]) => lane === y && other > x);
      for (const [other] of beside) expect(other).toBeGreaterThanOrEqual(x + length);
    }
    const texts = [...svg.matchAll(/<text x="([\d.]+)" y="[\d.]+"[^>]*textLength="([\d.]+)"/g)];
    for (const [, x, length] of texts) expect(Number(x) + Number(length)).toBeLessThanOrEqual(width);
  });
});
