/** An anomaly's timeline as text, for the terminal. */
import type { Anomaly, Configuration, LastState } from '../checker.ts';
import type { Operation } from '../../history/history.ts';
import { cutTo, labelOf, nameOfKey, textOf, widthOf } from './labels.ts';
import { drawn, layOutTimeline } from './timeline.ts';
import type { Band, Bar, Lane, Part } from './timeline.ts';

export type PaintPart = (part: Part | 'axis', text: string) => string;

const plain: PaintPart = (_part, text) => text;

/**
 * The lines of the drawing, each at most `width` columns wide; none where there is nothing to compare.
 *
 * @param paint colours a piece of a line; it must not change how wide it is
 */
export function timelineLines(anomaly: Anomaly, width: number, paint: PaintPart = plain): string[] {
  const all = drawn(anomaly);
  if (all.length < 2) return [];
  const names = Math.max(...all.map(({ process }) => `p${process}`.length));
  const { bands, hidden } = layOutTimeline(anomaly, width - names - 1);
  const lines = bands.flatMap((band, i) => [...(i > 0 ? [''] : []), ...bandLines(band, names, width, paint)]);
  return hidden === 0 ? lines : [`(${hidden} earlier operations are left out)`, ...lines];
}

function bandLines(band: Band, names: number, width: number, paint: PaintPart): string[] {
  const lanes = band.lanes.map((lane) => `${lane.name.padEnd(names)} ${laneText(lane, paint)}`.trimEnd());
  let axis = '';
  for (const { at, text } of band.ticks) {
    const place = Math.min(at, width - names - 1 - text.length);
    if (place > axis.length || place === 0) axis = `${axis.padEnd(place)}${text}`;
  }
  return [...lanes, `${' '.repeat(names + 1)}${paint('axis', axis)}`];
}

function laneText({ bars }: Lane, paint: PaintPart): string {
  let line = '';
  let column = 0;
  for (const bar of bars) {
    line += ' '.repeat(Math.max(0, bar.from - column)) + paint(bar.part, barText(bar));
    column = bar.to;
  }
  return line;
}

function barText(bar: Bar): string {
  const room = bar.to - bar.from - 2;
  const left = bar.begun ? '─' : '├';
  const right = bar.isOpen && !bar.goesOn ? '…' : bar.goesOn ? '─' : '┤';
  if (room < 4) return `${left}${'─'.repeat(Math.max(0, room))}${right}`;
  const label = ` ${cutTo(bar.label, room - 2)} `;
  return `${left}${label}${'─'.repeat(room - widthOf(label))}${right}`;
}

/** `last state that worked: x held 2 (after p1's r 2 [5..6]); ✗ p2's r 1 [7..8] fits nowhere after it; pending: p3's w 3 ?`; or nothing. */
export function lastStateText({ lastState }: Anomaly): string {
  if (lastState === undefined || lastState.configurations.length === 0) return '';
  const { f, key } = lastState.stuck;
  const verb = f === 'acquire' || f === 'release' ? 'was' : 'held';
  const held = f === 'txn' || f === 'readMany' ? '' : `${nameOfKey(key)} ${verb} `;
  const ways = lastState.configurations.map((way) => wayText(way));
  const pending = commonPending(lastState);
  const open = pending.length === 0 ? '' : `; pending: ${listed(pending)}`;
  return `last state that worked: ${held}${ways.join(', or ')}; ✗ ${nameOf(lastState.stuck)} fits nowhere after it${open}`;
}

const LISTED_MAX = 4;

function wayText({ held, last }: Configuration): string {
  return `${cutTo(textOf(held), 40)}${last === undefined ? ' (as in the beginning)' : ` (after ${nameOf(last)})`}`;
}

/** What no configuration had placed. */
function commonPending({ configurations }: LastState): readonly Operation[] {
  const [first, ...others] = configurations;
  return (first?.pending ?? []).filter((one) =>
    others.every(({ pending }) => pending.some((other) => other.index === one.index)),
  );
}

function listed(operations: readonly Operation[]): string {
  const names = operations.slice(0, LISTED_MAX).map(nameOf);
  return operations.length <= LISTED_MAX
    ? names.join(', ')
    : `${names.join(', ')} and ${operations.length - LISTED_MAX} more`;
}

function nameOf(operation: Operation): string {
  const { index, completionIndex, process } = operation;
  return `p${process}'s ${labelOf(operation, { key: false, longest: 24 })} [${index}..${completionIndex ?? ''}]`;
}
