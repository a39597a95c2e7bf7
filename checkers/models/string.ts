import { INFO, METHODS, NULL_REF, OK, READ, WRITE } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { divergence } from '../linearizable/bounds.ts';
import type { Decision, Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { PrefixOutlook } from '../search/prefixes.ts';

const APPEND = METHODS.indexOf('append');

/** Null, the initial value by default, is the empty string. */
function text(value: Value): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export default {
  name: 'string',
  about: 'A string with get, put and append; empty before the first put.',
  methods: ['read', 'write', 'get', 'put', 'append'],
  machine(history, semantics): Machine {
    const { f, length, outcome, value, values } = history;
    const states: string[] = [];
    const ids = new Map<string, State>();
    const intern = (state: string): State => {
      const known = ids.get(state);
      if (known !== undefined) return known;
      states.push(state);
      ids.set(state, states.length - 1);
      return states.length - 1;
    };
    /** Per row: the state that its value alone makes; per state and row: the state with the value appended. */
    const alone = new Int32Array(length).fill(ILLEGAL);
    const appended = new Map<number, State>();
    const stateOf = (row: number): State => {
      if (alone[row] === ILLEGAL) alone[row] = intern(text(values.get(value[row])));
      return alone[row];
    };
    const append = (state: State, row: number): State => {
      const at = state * length + row;
      const known = appended.get(at);
      if (known !== undefined) return known;
      const longer = intern(states[state] + states[stateOf(row)]);
      appended.set(at, longer);
      return longer;
    };
    const nilMatchesAny = semantics.nilRead === 'any';
    return {
      initial: intern(text(semantics.initial)),
      relevant: (row) =>
        f[row] === READ
          ? outcome[row] === OK && !(nilMatchesAny && value[row] === NULL_REF)
          : outcome[row] === OK || outcome[row] === INFO,
      pure: (row) => f[row] === READ,
      show: (state) => states[state],
      mayLeadTo: (state, row) => f[row] !== READ || states[stateOf(row)].startsWith(states[state]),
      outlook: (problem, places, first) =>
        new PrefixOutlook(problem, places, states[first], (row) => ({
          does: f[row] === READ ? 'get' : f[row] === WRITE ? 'put' : 'append',
          text: text(values.get(value[row])),
        })),
      step(state, row) {
        if (f[row] === READ) return state === stateOf(row) ? state : ILLEGAL;
        if (f[row] === WRITE) return stateOf(row);
        return f[row] === APPEND ? append(state, row) : ILLEGAL;
      },
    };
  },
  decide(history, rows): Decision | undefined {
    const { f, value, values } = history;
    if (rows.some((row) => f[row] === WRITE)) return undefined;
    const found = divergence(
      history,
      rows.filter((row) => f[row] === READ),
      (row) => text(values.get(value[row])),
    );
    return found;
  },
} satisfies Model;
