/** The sentence for what the search could not order. */
import type { Anomaly } from '../checker.ts';
import type { State } from '../model.ts';
import type { History } from '../../history/history.ts';
import type { Core } from '../search/shrink.ts';
import type { SearchContext } from './objects.ts';
import { anomaly } from './explain.ts';
import { deedOf, instant, show } from './words.ts';

export function explainCore({ history, machine }: SearchContext, core: Core): Anomaly {
  const x = show(history.keys[history.key[core.stuck]]);
  const rows = [...new Set([...core.rows, core.stuck])];
  const others = rows.length - 1;
  const states =
    machine.register === undefined ? '' : `, and ${x} can only hold ${heldBy(history, core.states)} by then`;
  const when = `between ${instant(history.callTime[core.stuck])} and ${instant(history.retTime[core.stuck])}`;
  const beside = others === 0 ? '' : ` beside the ${others === 1 ? 'other' : `${others} others`} shown`;
  const sentence = `${deedOf(history, core.stuck)} has no place ${when}${beside}, whatever order they take${states}.`;
  return anomaly(history, 'no possible order', sentence, rows);
}

/** States of a register are references to its values. */
function heldBy(history: History, states: readonly State[]): string {
  const texts = states.map((state) => show(history.values.get(state)));
  if (texts.length <= 1) return texts.join('');
  return `${texts.slice(0, -1).join(', ')} or ${texts[texts.length - 1]}`;
}
