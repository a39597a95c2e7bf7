/** The sentence for what the search could not order. */
import type { Anomaly, LastState } from '../checker.ts';
import type { Closer, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import type { History } from '../../history/history.ts';
import { explore } from '../explain/frontier.ts';
import { describe } from '../explain/last-state.ts';
import { originOf } from '../explain/origin.ts';
import type { Origin } from '../explain/origin.ts';
import type { Core } from '../search/shrink.ts';
import type { SearchContext } from './objects.ts';
import { anomaly } from './evidence.ts';
import { call, deedOf, legible, ret, show, showOf } from './words.ts';

const NAMED = 3;
/** Orders tried of a few operations by themselves. */
const STEPS_OF_FEW = 2000;
/** More that only wrote what others found are not shown. */
const WRITERS_MAX = 16;

/** `rows` are all relevant rows of the object. `tellsOrigin`: whether what would have led to the answer is shown as well. */
export function explainCore(context: SearchContext, rows: Int32Array, core: Core, tellsOrigin = true): Anomaly {
  const { history, machine } = context;
  const { stuck } = core;
  const x = show(history.keys[history.key[stuck]]);
  const needs = machine.register?.needs(stuck) ?? ILLEGAL;
  if (core.blamesAny === true) return together(context, core);
  if (needs !== ILLEGAL && needs !== machine.initial && !rows.some((row) => machine.register?.leaves(row) === needs)) {
    const value = showOf(history.values, needs);
    const sentence = `${deedOf(history, stuck)} found ${value}, which nothing ever wrote to ${x}.`;
    return anomaly(history, 'read of a value never written', sentence, [stuck]);
  }
  return noPlace(context, core, tellsOrigin ? originOf(context, rows, core) : undefined, rows);
}

/** Of what a model found out about its own object. */
export function explainCloser(context: SearchContext, { core, note, told }: Closer): Anomaly {
  const { kind, sentence, operations } = noPlace(context, core);
  const lastState = lastStateAmong(context, core);
  return {
    ...(told === undefined
      ? { kind, sentence: legible(`${sentence}${note}`) }
      : { kind: told.kind, sentence: legible(`${told.sentence}${note}`) }),
    operations,
    ...(lastState !== undefined && { lastState }),
  };
}

/** With these alone, where the one that is blamed fits nowhere in that as well: what others did is not in it. */
function lastStateAmong(context: SearchContext, { rows, stuck }: Core): LastState | undefined {
  const { history, machine, budget, whole } = context;
  const window = { rows, mayBeMissing: new Set<number>(), states: [machine.initial] };
  const frontier = explore(history, machine, window, budget, STEPS_OF_FEW);
  if (frontier.type !== 'stuck' || frontier.row !== stuck) return undefined;
  return describe(history, machine, window, frontier, new Set(rows), whole);
}

/** What can be said of any core, whatever it consists of. `all`: what counts of the object, ascending; where others are not told of, the core. */
export function noPlace(
  context: SearchContext,
  core: Core,
  origin?: Origin,
  all: ArrayLike<number> = core.rows,
): Anomaly {
  const { history, machine } = context;
  const { rows, minimal, states, stuck } = origin?.type === 'story' ? origin : core;
  const x = show(history.keys[history.key[stuck]]);
  const needs = machine.register?.needs(stuck) ?? ILLEGAL;
  const isWhole = context.whole !== undefined;
  const others = rows.filter((row) => row !== stuck);
  const last = origin?.type === 'story' ? origin.last : [];
  // Of many, those are named that stand in the way; those that lead to it are said after that.
  const inTheWay = others.length <= NAMED ? others : others.filter((row) => !last.includes(row));
  const beside =
    inTheWay.length === 0
      ? ''
      : ` beside ${inTheWay.length <= NAMED ? listed(history, inTheWay, isWhole) : `the ${others.length} others shown`}`;
  const [from, until] = [call(history, stuck, 'between '), ret(history, stuck, 'and ')];
  const when = from === '' || until === '' ? 'between its call and its answer' : `${from} ${until}`;
  const held =
    origin?.type === 'impossible'
      ? 'nothing asked for by then leads to it, in whatever order'
      : machine.register === undefined
        ? 'no order of what was asked for by then leads to it'
        : `whatever else was pending happened or not, ${x} ${heldBy(history, states, needs)} by then`;
  const fewer = minimal ? '' : ' It was not found out whether fewer of them show it.';
  const kind = origin?.type === 'impossible' ? 'impossible answer' : 'no possible order';
  const writers = origin?.type === undefined || origin.type === 'unknown' ? writersFor(context, rows, all) : [];
  const way = `${wayText(context, last, others)}${writersText(history, writers, isWhole)}`;
  const own = mayBeOthers(context, [...rows, stuck, ...writers], all, history.ret[stuck]) ? IN_THEIR_TIME : '';
  const sentence = `${deedOf(history, stuck, isWhole)} has no place ${when}${beside}: ${held}.${way}${own}${fewer}`;
  return anomaly(history, kind, sentence, [...others, stuck, ...writers], context.whole);
}

const IN_THEIR_TIME =
  ' Other writes of what was found do not help: each happened between its own call and its answer, or not at all.';

/** Of what cannot stand together, without a word about which one is to blame. */
function together({ history, whole }: SearchContext, { rows, stuck }: Core): Anomaly {
  const which =
    rows.length <= NAMED ? listed(history, rows, whole !== undefined) : `the ${rows.length} operations shown`;
  const sentence =
    `${which} cannot all have been answered as they were, in whatever order, whatever else that was asked for by ` +
    `the last answer happened. It was not found out whether fewer of them show it, nor which one is to blame.`;
  return anomaly(history, 'no possible order', sentence, [...rows, stuck], whole);
}

/** Of cells: who left what these found, where it is not among them; of several, the one asked for last. */
function writersFor({ history, machine }: SearchContext, rows: readonly number[], all: ArrayLike<number>): number[] {
  const { deeds } = machine;
  if (deeds === undefined) return [];
  const found = new Map<string, number>();
  for (const row of rows)
    for (const pair of pairs(deeds(row).finds)) found.set(pair, Math.max(found.get(pair) ?? -1, history.ret[row]));
  for (const row of rows) for (const pair of pairs(deeds(row).leaves)) found.delete(pair);
  const writers = new Set<number>();
  for (let i = all.length - 1; i >= 0 && found.size > 0; i--) {
    for (const pair of pairs(deeds(all[i]).leaves)) {
      if ((found.get(pair) ?? -1) < history.call[all[i]]) continue;
      found.delete(pair);
      writers.add(all[i]);
    }
  }
  return writers.size > WRITERS_MAX ? [] : [...writers].sort((a, b) => a - b);
}

function writersText(history: History, writers: readonly number[], isWhole: boolean): string {
  if (writers.length === 0) return '';
  const who = writers.length <= NAMED ? listed(history, writers, isWhole) : `the other ${writers.length} shown`;
  return ` What was found there was left by ${who}.`;
}

/** Whether something that is not shown, asked for by then, left what one of those shown found. */
function mayBeOthers(
  { history, machine }: SearchContext,
  shown: readonly number[],
  all: ArrayLike<number>,
  until: number,
): boolean {
  const { deeds, register } = machine;
  if (deeds === undefined && register === undefined) return false;
  const isShown = new Set(shown);
  const left = (row: number): readonly (string | State)[] =>
    deeds === undefined ? [register?.leaves(row) ?? ILLEGAL] : pairs(deeds(row).leaves);
  const needed = new Set(
    shown.flatMap((row): readonly (string | State)[] =>
      deeds === undefined ? [register?.needs(row) ?? ILLEGAL] : pairs(deeds(row).finds),
    ),
  );
  needed.delete(ILLEGAL);
  for (let i = 0; i < all.length && history.call[all[i]] < until; i++) {
    if (!isShown.has(all[i]) && left(all[i]).some((one) => needed.has(one))) return true;
  }
  return false;
}

/** A cell and a value each. */
function pairs(list: readonly number[]): string[] {
  const all: string[] = [];
  for (let i = 0; i < list.length; i += 2) all.push(`${list[i]} ${list[i + 1]}`);
  return all;
}

/**
 * ` It would have one right after process 0's write of 3 to x.`, where that is not said already. What a write leaves is the whole
 * state of a register; of other objects it takes that nothing else came before, and to be told what is shown for that alone.
 */
function wayText(
  { history, machine, whole, after }: SearchContext,
  last: readonly number[],
  others: readonly number[],
): string {
  if (last.length === 0 || (last.length === others.length && last.length <= NAMED)) return '';
  const who = last.length <= NAMED ? listed(history, last, whole !== undefined) : `${last.length} of those shown`;
  if (machine.register !== undefined) return ` It would have one right after ${who}.`;
  const when = after === undefined ? 'before' : `since the end of ${deedOf(history, after, whole !== undefined)}`;
  return ` It would have one if only ${who} had come ${when}.`;
}

function listed(history: History, rows: readonly number[], isWhole: boolean): string {
  return rows.map((row) => deedOf(history, row, isWhole)).join(', ');
}

/**
 * States of a register are references to its values. Those of the core are what its few operations allow; others may allow more, but
 * never what is needed. What needs no one value is a failed cas: it has no place only where all states are the value that it denies.
 */
function heldBy(history: History, states: readonly State[], needs: State): string {
  if (needs !== ILLEGAL) return `cannot hold ${showOf(history.values, needs)}`;
  return states.length === 1 ? `can only hold ${showOf(history.values, states[0])}` : 'is not what it must be';
}
