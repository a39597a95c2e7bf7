import { INFO, METHODS, NULL_REF, OK, READ, WRITE } from '../../history/history.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';

const APPEND = METHODS.indexOf('append');

/** Null, the initial value by default, is the empty string. */
function text(value: unknown): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export default {
  name: 'string',
  about: 'A string with get, put and append; empty before the first put.',
  methods: ['read', 'write', 'get', 'put', 'append'],
  machine(history, semantics): Machine {
    const { f, outcome, value, values } = history;
    const states: string[] = [];
    const ids = new Map<string, State>();
    const intern = (state: string): State => {
      let id = ids.get(state);
      if (id === undefined) {
        id = states.length;
        ids.set(state, id);
        states.push(state);
      }
      return id;
    };
    const nilMatchesAny = semantics.nilRead === 'any';
    return {
      initial: intern(text(semantics.initial)),
      relevant: (row) =>
        f[row] === READ
          ? outcome[row] === OK && !(nilMatchesAny && value[row] === NULL_REF)
          : outcome[row] === OK || outcome[row] === INFO,
      pure: (row) => f[row] === READ,
      step(state, row) {
        const argument = text(values.get(value[row]));
        if (f[row] === READ) return states[state] === argument ? state : ILLEGAL;
        if (f[row] === WRITE) return intern(argument);
        return f[row] === APPEND ? intern(states[state] + argument) : ILLEGAL;
      },
    };
  },
} satisfies Model;
