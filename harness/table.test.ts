import { describe, expect, it } from 'vitest';
import { count, duration, percent, table } from './table.ts';

describe('figures for the terminal', () => {
  it('gives three figures and the unit that fits', () => {
    const shown = [0, 999, 1000, 12_345, 999_499, 999_500, 99_950_000, 999_499_999, 999_500_000, 61e9].map(duration);
    expect(shown).toEqual([
      '0 ns',
      '999 ns',
      '1.00 µs',
      '12.3 µs',
      '999 µs',
      '1.00 ms',
      '100 ms',
      '999 ms',
      '1.00 s',
      '61.0 s',
    ]);
  });

  it('groups thousands', () => {
    expect([0, 999, 1000, 1234567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
  });

  it('never rounds a few down to none', () => {
    expect([percent(0, 10), percent(1, 10_000), percent(1, 3), percent(0, 0)]).toEqual([
      '0.0 %',
      '<0.1 %',
      '33.3 %',
      '–',
    ]);
  });

  it('aligns columns by what can be seen, not by colour codes', () => {
    const rows = [
      ['a', '\u001b[31mlong\u001b[39m', 'x'],
      ['bb', 'c', 'yy'],
    ];
    expect(table(rows, ['left', 'left', 'right'])).toEqual(['a   \u001b[31mlong\u001b[39m   x', 'bb  c     yy']);
  });
});
