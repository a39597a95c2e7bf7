/** The sentence for what the search could not order. */
import type { Anomaly } from '../checker.ts';
import type { State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import type { History } from '../../history/history.ts';
import { originOf } from '../explain/origin.ts';
import type { Origin } from '../explain/origin.ts';
import type { Core } from '../search/shrink.ts';
import type { SearchContext } from './objects.ts';
import { anomaly } from './evidence.ts';
import { call, deedOf, ret, show, showOf } from './words.ts';

const NAMED = 3;

/** `rows` are all relevant rows of the object. `tellsOrigin`: whether what would have led to the answer is shown as well. */
export function explainCore(context: SearchContext, rows: Int32Array, core: Core, tellsOrigin = true): Anomaly {
  const { history, machine } = context;
  const { stuck } = core;
  const x = show(history.keys[history.key[stuck]]);
  const needs = machine.register?.needs(stuck) ?? ILLEGAL;
  if (needs !== ILLEGAL && needs !== machine.initial && !rows.some((row) => machine.register?.leaves(row) === needs)) {
    const value = showOf(history.values, needs);
    const sentence = `${deedOf(history, stuck)} found ${value}, which nothing ever wrote to ${x}.`;
    return anomaly(history, 'read of a value never written', sentence, [stuck]);
  }
  return noPlace(context, core, tellsOrigin ? originOf(context, rows, core) : undefined);
}

/** What can be said of any core, whatever it consists of. */
export function noPlace(context: SearchContext, core: Core, origin?: Origin): Anomaly {
  const { history, machine } = context;
  const { rows, minimal, states, stuck } = origin?.type === 'story' ? origin : core;
  const x = show(history.keys[history.key[stuck]]);
  const needs = machine.register?.needs(stuck) ?? ILLEGAL;
  const isWhole = context.whole !== undefined;
  const others = rows.filter((row) => row !== stuck);
  const beside =
    others.length === 0
      ? ''
      : ` beside ${others.length <= NAMED ? listed(history, others, isWhole) : `the ${others.length} others shown`}`;
  const [from, until] = [call(history, stuck, 'between '), ret(history, stuck, 'and ')];
  const when = from === '' || until === '' ? 'between its call and its answer' : `${from} ${until}`;
  const held =
    origin?.type === 'impossible'
      ? 'nothing asked for by then leads to it, in whatever order'
      : machine.register === undefined
        ? 'no order of what was asked for by then leads to it'
        : `whatever else was pending happened or not, ${x} ${heldBy(history, states, needs)} by then`;
  const fewer = minimal ? '' : ' The budget did not allow to find the fewest that show it.';
  const sentence = `${deedOf(history, stuck, isWhole)} has no place ${when}${beside}: ${held}.${wayText(history, origin, others, isWhole)}${fewer}`;
  const kind = origin?.type === 'impossible' ? 'impossible answer' : 'no possible order';
  return anomaly(history, kind, sentence, [...others, stuck], context.whole);
}

/** ` It would have one right after process 0's write of 3 to x.`, where that is not said already. */
function wayText(history: History, origin: Origin | undefined, others: readonly number[], isWhole: boolean): string {
  if (origin?.type !== 'story' || origin.last.length === 0 || origin.last.length === others.length) return '';
  const after =
    origin.last.length <= NAMED ? listed(history, origin.last, isWhole) : `${origin.last.length} of those shown`;
  return ` It would have one right after ${after}.`;
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
