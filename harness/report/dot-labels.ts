/** Where the names of dots go: beside them, upon no other dot and no other name, nor where a line would run through them. */
import { widthOf } from '../../checkers/explain/labels.ts';
import type { Point } from './chart.ts';

export interface Dot {
  readonly name: string;
  readonly at: Point;
}

/** Pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface DotLabel extends Dot {
  readonly box: Box;
  /** It stands to the right of its dot; else it ends to the left of it. */
  readonly isRight: boolean;
  /** From the dot to its name, where that is too far away to be seen to belong to it. */
  readonly tie?: readonly [Point, Point];
}

/** Pixels: of a character, at the most; of a dot, with some room; from a dot to its name; from one place that is tried to the next. */
const CHARACTER = 7.3;
const DOT = 6;
const ASIDE = 9;
const STEP = 3;
/** Of a name: what stands above and below the middle of its line. */
const HALF = 6;
/** Further up or down than this, a name needs a tie. */
const TIED_FROM = 7;

interface Within extends Box {
  /** Points of a line that runs through the picture. */
  readonly line?: readonly Point[];
}

/**
 * The names of those in `named`, each as near to its dot as there is room; those that find none are left out. `all` are the dots
 * that are drawn.
 */
export function labelsOf(named: readonly Dot[], all: readonly Dot[], within: Within): readonly DotLabel[] {
  const { line = [] } = within;
  const dots = all.map(({ at: [x, y] }) => ({ left: x - DOT, right: x + DOT, top: y - DOT, bottom: y + DOT }));
  const segments = line.slice(1).map((to, i): readonly [Point, Point] => [line[i], to]);
  const placed: DotLabel[] = [];
  for (const dot of [...named].sort((a, b) => a.at[1] - b.at[1])) {
    const places = placesOf(dot, within).filter(
      ({ box, tie }) =>
        !dots.some((other) => overlap(box, other)) &&
        !placed.some(
          (other) =>
            overlap(box, other.box) ||
            (other.tie !== undefined && crosses(other.tie, box)) ||
            (tie !== undefined && crosses(tie, other.box)),
        ),
    );
    const clear = places.find(({ box }) => !segments.some((segment) => crosses(segment, box))) ?? places[0];
    if (clear !== undefined) placed.push(clear);
  }
  return placed;
}

/** The nearest first; the right side before the left, down before up. */
function placesOf(dot: Dot, within: Box): readonly DotLabel[] {
  const [x, y] = dot.at;
  const width = widthOf(dot.name) * CHARACTER;
  const places: DotLabel[] = [];
  for (let by = 0; by <= within.bottom - within.top; by += STEP)
    for (const middle of by === 0 ? [y] : [y + by, y - by])
      for (const isRight of [true, false]) {
        const left = isRight ? x + ASIDE : x - ASIDE - width;
        const box = { left, right: left + width, top: middle - HALF, bottom: middle + HALF };
        if (box.left < within.left || box.right > within.right) continue;
        if (box.top < within.top || box.bottom > within.bottom) continue;
        const end: Point = [isRight ? box.left - 2 : box.right + 2, middle];
        places.push({ ...dot, box, isRight, ...(by > TIED_FROM && { tie: [dot.at, end] as const }) });
      }
  return places;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}

/** Whether any part of the way from one point to the other lies in the box. */
function crosses([[x, y], [toX, toY]]: readonly [Point, Point], box: Box): boolean {
  let [from, to] = [0, 1];
  for (const [start, by, low, high] of [
    [x, toX - x, box.left, box.right],
    [y, toY - y, box.top, box.bottom],
  ]) {
    if (by === 0) {
      if (start <= low || start >= high) return false;
      continue;
    }
    const ends = [(low - start) / by, (high - start) / by];
    from = Math.max(from, Math.min(...ends));
    to = Math.min(to, Math.max(...ends));
  }
  return from < to;
}
