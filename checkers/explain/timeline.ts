/**
 * Where an anomaly's operations go on a drawing: a lane for each process, a bar from call to return. Distances are those of
 * time only as far as that fits: what matters is what was over before what was asked for. What does not fit side by side is
 * cut into bands, one below the other. Units are characters; the text and the SVG are drawn from the same layout.
 */
import type { Anomaly, LastState } from '../checker.ts';
import type { Operation } from '../../history/history.ts';
import { apart } from '../linearizable/words.ts';
import { labelOf, nameOfKey, widthOf } from './labels.ts';
import { merged } from './whole.ts';

/** `stuck` fits nowhere; `pending` is none of the anomaly's operations, but was open when it ended. */
export type Part = 'shown' | 'stuck' | 'pending';

export interface Bar {
  /** Characters from the left edge; `to` is past the end. */
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly part: Part;
  readonly operation: Operation;
  /** Whether it began before the band, goes on after it, and whether nobody knows when it ended. */
  readonly begun: boolean;
  readonly goesOn: boolean;
  readonly isOpen: boolean;
}

export interface Lane {
  readonly name: string;
  readonly bars: readonly Bar[];
}

export interface Tick {
  readonly at: number;
  readonly text: string;
}

export interface Band {
  readonly width: number;
  readonly lanes: readonly Lane[];
  readonly ticks: readonly Tick[];
}

export interface Timeline {
  readonly key: string | undefined;
  readonly bands: readonly Band[];
  /** Operations that were too many to draw. */
  readonly hidden: number;
}

const SHOWN_MAX = 30;
const PENDING_MAX = 4;
const LABEL_MAX = 24;
/** Room for the ends of a bar, and a space on both sides of its label. */
const ENDS = 4;
const OPEN_END = 3;

interface Item {
  readonly operation: Operation;
  readonly part: Part;
  readonly label: string;
  readonly call: number;
  /** Undefined: nobody knows. */
  readonly ret: number | undefined;
  lane: number;
}

/** @param width in characters, without the names of the lanes */
export function layOutTimeline(anomaly: Anomaly, width: number): Timeline {
  const { items, hidden } = itemsOf(anomaly, Math.max(6, Math.min(LABEL_MAX, width - ENDS - OPEN_END)));
  const names = assignLanes(items);
  const moments = [...new Set(items.flatMap(({ call, ret }) => (ret === undefined ? [call] : [call, ret])))];
  moments.sort((a, b) => a - b);
  const places = spread(items, moments);
  const bands = cut(moments, places, width).map(([from, to]) => bandOf(items, names, moments, places, from, to));
  const keys = new Set(anomaly.operations.map(({ key }) => JSON.stringify(key)));
  const [first] = anomaly.operations;
  return { key: keys.size === 1 && first !== undefined ? nameOfKey(first.key) : undefined, bands, hidden };
}

function itemsOf({ operations: all, lastState }: Anomaly, longest: number): { items: Item[]; hidden: number } {
  const operations = drawnOf(all, lastState);
  const isSame = (a: Operation, b: Operation): boolean => a.index === b.index && a.key === b.key;
  const stuck = lastState?.stuck;
  const kept = operations.slice(-SHOWN_MAX);
  const pending = (lastState?.configurations[0]?.pending ?? []).filter(
    (one) => !operations.some((other) => isSame(one, other)),
  );
  const oneKey = operations.every(({ key }) => key === operations[0]?.key);
  const place = (one: Operation): number => lastState?.order.indexOf(one.index) ?? -1;
  const item = (operation: Operation, part: Part): Item => {
    const mark = part === 'stuck' ? '✗ ' : place(operation) >= 0 ? `${place(operation) + 1} ` : '';
    const text = labelOf(operation, { key: !oneKey, longest: longest - 2 - mark.length });
    const label = part === 'pending' ? `(${text})` : `${mark}${text}`;
    return { operation, part, label, call: operation.index, ret: operation.completionIndex, lane: 0 };
  };
  const items = [
    ...kept.map((one) => item(one, stuck !== undefined && isSame(one, stuck) ? 'stuck' : 'shown')),
    ...pending.slice(-PENDING_MAX).map((one) => item(one, 'pending')),
  ];
  return { items: items.sort((a, b) => a.call - b.call), hidden: operations.length - kept.length };
}

/** All that is drawn, what was pending as well. */
export function drawn({ operations, lastState }: Anomaly): readonly Operation[] {
  return [...drawnOf(operations, lastState), ...(lastState?.configurations[0]?.pending ?? [])];
}

/** What is drawn: where one operation is shown by itself, what came last before it as well. */
function drawnOf(all: readonly Operation[], lastState: LastState | undefined): readonly Operation[] {
  const last = all.length === 1 ? lastState?.configurations[0]?.last : undefined;
  return merged(last === undefined || last.index === all[0]?.index ? all : [last, ...all]);
}

/** A lane for each process, more where its operations overlap; in the order of their first calls. */
function assignLanes(items: readonly Item[]): string[] {
  const names: string[] = [];
  const free: number[] = [];
  for (const item of items) {
    const name = `p${item.operation.process}`;
    let lane = names.findIndex((other, at) => other === name && free[at] <= item.call);
    if (lane === -1) lane = names.push(name) - 1;
    free[lane] = item.ret ?? Number.POSITIVE_INFINITY;
    item.lane = lane;
  }
  return names;
}

/** Where each moment goes: as near to the one before as labels allow, farther where more lies between. */
function spread(items: readonly Item[], moments: readonly number[]): number[] {
  const at = new Map(moments.map((moment, i) => [moment, i]));
  const places: number[] = [];
  moments.forEach((moment, i) => {
    const between = i === 0 ? 0 : moment - moments[i - 1];
    let place = i === 0 ? 0 : places[i - 1] + 1 + Math.min(6, Math.round(Math.log2(between)));
    for (const { call, ret, label } of items) {
      const start = places[at.get(call) ?? 0];
      if (ret === moment) place = Math.max(place, start + widthOf(label) + ENDS - 1);
    }
    places.push(place);
  });
  return places;
}

/** From which moment to which each band goes; the last moment of one is the first of the next. */
function cut(moments: readonly number[], places: readonly number[], width: number): [number, number][] {
  const bands: [number, number][] = [];
  const room = width - OPEN_END;
  let from = 0;
  while (from < moments.length - 1) {
    let to = from + 1;
    while (to + 1 < moments.length && places[to + 1] - places[from] < room) to++;
    bands.push([from, to]);
    from = to;
  }
  return bands.length === 0 ? [[0, 0]] : bands;
}

function bandOf(
  items: readonly Item[],
  names: readonly string[],
  moments: readonly number[],
  places: readonly number[],
  from: number,
  to: number,
): Band {
  const isLast = to === moments.length - 1;
  const place = (moment: number): number => places[moments.indexOf(moment)] - places[from];
  const openTo = items.filter(({ ret }) => ret === undefined);
  const labels = openTo.map((item) => Math.max(0, place(item.call)) + widthOf(item.label) + ENDS);
  const end = places[to] - places[from] + 1;
  const width = isLast ? Math.max(end + (openTo.length > 0 ? OPEN_END : 0), ...labels) : end;
  const lanes = names.map((name, lane) => ({
    name,
    bars: items
      .filter((item) => item.lane === lane && item.call < moments[to] + (isLast ? 1 : 0))
      .filter(({ ret }) => ret === undefined || ret > moments[from] || from === 0)
      .map((item): Bar => {
        const begun = item.call < moments[from];
        const goesOn = item.ret === undefined ? !isLast : item.ret > moments[to];
        const bar = {
          from: begun ? 0 : place(item.call),
          to: item.ret === undefined || goesOn ? width : place(item.ret) + 1,
        };
        const { operation, part, label } = item;
        return { ...bar, label, part, operation, begun, goesOn, isOpen: item.ret === undefined };
      }),
  }));
  const ticks = ticksOf(items, moments.slice(from, to + 1), place);
  return { width, lanes: lanes.filter(({ bars }) => bars.length > 0), ticks };
}

/** Times where the history has any, otherwise places in the journal; as many as there is room for. */
function ticksOf(items: readonly Item[], moments: readonly number[], place: (moment: number) => number): Tick[] {
  const ticks: Tick[] = [];
  let free = 0;
  const told = moments.flatMap((moment) => {
    const time = timeOf(items, moment);
    return time === undefined ? [] : [{ moment, time }];
  });
  const texts = new Map(apart(told.map(({ time }) => time)).map((text, i): [number, string] => [told[i].moment, text]));
  for (const moment of moments) {
    const at = place(moment);
    if (at < free) continue;
    const text = texts.get(moment) ?? `[${moment}]`;
    ticks.push({ at, text });
    free = at + text.length + 2;
  }
  return ticks;
}

function timeOf(items: readonly Item[], moment: number): number | undefined {
  for (const { operation, call, ret } of items) {
    if (call === moment && Number.isFinite(operation.callTime)) return operation.callTime;
    if (ret === moment && operation.retTime !== undefined && Number.isFinite(operation.retTime))
      return operation.retTime;
  }
  return undefined;
}
