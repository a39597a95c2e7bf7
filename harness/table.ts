/** Plain text tables and figures for the terminal. */

export type Align = 'left' | 'right';

/** Columns as wide as their widest cell, two spaces between them; no trailing blanks. */
export function table(rows: readonly (readonly string[])[], align: readonly Align[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, text] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, visibleLength(text));
  return rows.map((row) =>
    row
      .map((text, i) => {
        const fill = ' '.repeat(widths[i] - visibleLength(text));
        return align[i] === 'right' ? fill + text : text + fill;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Length without colour codes. */
function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}

/** `850 µs`, `12.4 ms`, `1.20 s`: three figures, the unit that fits. */
export function duration(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  if (ns < 999_500) return `${figures(ns / 1000)} µs`;
  if (ns < 999_500_000) return `${figures(ns / 1_000_000)} ms`;
  return `${figures(ns / 1_000_000_000)} s`;
}

function figures(x: number): string {
  return x >= 99.95 ? x.toFixed(0) : x >= 9.995 ? x.toFixed(1) : x.toFixed(2);
}

/** 1204 as `1,204`. */
export function count(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 node`, `3 nodes`. */
export function many(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const share = (100 * part) / whole;
  return share > 0 && share < 0.1 ? '<0.1 %' : `${share.toFixed(1)} %`;
}
