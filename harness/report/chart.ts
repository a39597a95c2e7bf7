/** What charts are made of: scales with their ticks, axes, lines. Hand-made SVG, in two widths: for a screen or a page, and for a phone. */
import { SECOND } from '../../history/clock.ts';
import { duration } from '../table.ts';
import { html, type Markup, pathData, type Piece } from './markup.ts';

/** The two widths in which each chart is drawn; the page shows the one that fits. */
export type Size = 'wide' | 'narrow';

export const WIDTH: Readonly<Record<Size, number>> = { wide: 920, narrow: 350 };

/** Pixels; the plot is what the margins leave. */
export interface Frame {
  readonly size: Size;
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: readonly Tick[];
}

export const round = (x: number): number => Math.round(x * 10) / 10;

/** A chart in both widths. */
export function drawn(
  label: string,
  draw: (size: Size) => { readonly height: number; readonly parts: Piece; readonly width?: number },
): Markup {
  const sizes = (['wide', 'narrow'] as const).map((size) => {
    const { height, parts, width = WIDTH[size] } = draw(size);
    return html`<svg class="${size}" viewBox="0 0 ${width} ${round(height)}" width="${width}" height="${round(height)}" role="img" aria-label="${label}">${parts}</svg>`;
  });
  return html`${sizes}`;
}

/** 1, 2 or 5 times a power of ten, so that at most `most` steps make up the span. */
function niceStep(span: number, most: number): number {
  const least = span / most;
  const decade = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((n) => n * decade >= least) ?? 10) * decade;
}

/** From 0 to a round number above the greatest value. */
export function linear(most: number, from: number, to: number, label: (value: number) => string, steps = 4): Scale {
  const step = niceStep(most > 0 ? most : 1, steps);
  const top = Math.max(step, Math.ceil((most * 0.999) / step) * step);
  const place = (value: number): number => from + (value / top) * (to - from);
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  return { place, ticks: ticks.map((at) => ({ at, label: label(at) })) };
}

/** Whole decades, or 1-2-5 of them where there are few; what lies below is drawn at the lower end. */
export function logarithmic(
  least: number,
  most: number,
  from: number,
  to: number,
  label: (value: number) => string,
): Scale {
  const low = Math.floor(Math.log10(Math.max(least, 1e-9)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(most, 1e-9)) - 1e-9));
  const place = (value: number): number => {
    const decades = Math.log10(Math.max(value, 10 ** low)) - low;
    return from + (Math.min(decades, high - low) / (high - low)) * (to - from);
  };
  const steps = high - low <= 2 ? [1, 2, 5] : [1];
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => steps.map((n) => n * 10 ** (low + i))).flat();
  return { place, ticks: ticks.filter((at) => at <= 10 ** high).map((at) => ({ at, label: label(at) })) };
}

/** Time from 0 to the end of the run; at most so many ticks. */
export function timeScale(endNs: number, from: number, to: number, most: number): Scale {
  const seconds = endNs / SECOND;
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
  const step = steps.find((one) => seconds / one <= most) ?? 86400;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => i * step);
  return {
    place: (ns) => from + (endNs === 0 ? 0 : ns / endNs) * (to - from),
    ticks: ticks.map((at) => ({ at: at * SECOND, label: momentLabel(at, step) })),
  };
}

function momentLabel(seconds: number, step: number): string {
  if (step < 60) return step < 1 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
  return step < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

export const momentText = (ns: number): string => `${(ns / SECOND).toFixed(2)} s`;

/** `1 ms`, not `1.00 ms`: ticks are round numbers. */
export const durationTick = (ns: number): string =>
  duration(ns)
    .replace(/\.0+ /, ' ')
    .replace(/(\.\d*[1-9])0+ /, '$1 ');

/** Lines across the plot with their labels at the left; the lowest is the axis. */
export function rows(frame: Frame, { place, ticks }: Scale): Markup {
  const lines = ticks.map(({ at, label }) => {
    const y = round(place(at));
    return html`<path class="grid" d="M${frame.left} ${y}H${frame.width - frame.right}"/><text class="tick end" x="${frame.left - 6}" y="${y + 4}">${label}</text>`;
  });
  return html`${lines}`;
}

/** Ticks and labels below the plot. */
export function columns(frame: Frame, { place, ticks }: Scale, title?: string): Markup {
  const base = frame.height - frame.bottom;
  const last = frame.width - frame.right;
  const marks = ticks.map(({ at, label }) => {
    const x = round(place(at));
    const anchor = x > last - 16 ? 'end' : x < frame.left + 8 ? 'start' : 'middle';
    return html`<path class="axis" d="M${x} ${base}v4"/><text class="tick ${anchor}" x="${x}" y="${base + 16}">${label}</text>`;
  });
  const name =
    title === undefined
      ? undefined
      : html`<text class="tick middle" x="${round((frame.left + last) / 2)}" y="${base + 31}">${title}</text>`;
  return html`<path class="axis" d="M${frame.left} ${base}H${last}"/>${marks}${name}`;
}

export type Point = readonly [x: number, y: number];

/** Lines through points; where one is missing the line is interrupted, and one that stands alone is a dot. */
export function line(points: readonly (Point | undefined)[], type: string): Markup {
  let d = '';
  let isOpen = false;
  for (const [i, point] of points.entries()) {
    if (point === undefined) {
      isOpen = false;
      continue;
    }
    const [x, y] = [round(point[0]), round(point[1])];
    d += `${isOpen ? 'L' : 'M'}${x} ${y}`;
    if (!isOpen && points[i + 1] === undefined) d += 'h2';
    isOpen = true;
  }
  return d === '' ? html`` : html`<path class="line ${type}" d="${pathData(d)}"/>`;
}

export interface LegendEntry {
  readonly label: Piece;
  /** Class of the line, or of the swatch. */
  readonly type: string;
  readonly mark?: 'line' | 'box';
}

export function legend(entries: readonly LegendEntry[]): Markup {
  const items = entries.map(({ label, type, mark = 'line' }) => {
    const swatch =
      mark === 'line'
        ? html`<path class="line ${type}" d="M0 6H26"/>`
        : html`<rect class="${type}" width="26" height="12"/>`;
    return html`<li><svg width="26" height="12" viewBox="0 0 26 12" aria-hidden="true">${swatch}</svg>${label}</li>`;
  });
  return html`<ul class="legend">${items}</ul>`;
}
