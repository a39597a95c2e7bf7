import { INFO, METHODS, NULL_REF, OK, READ } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { decideSet } from '../linearizable/sets.ts';
import type { Machine, Model, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { Numbering } from '../search/numbering.ts';
import { Versions } from '../search/versions.ts';
import { elementsOf } from '../linearizable/sets.ts';

const ADD = METHODS.indexOf('add');

export default {
  name: 'set',
  about: 'A set with add (of one element) and read (of all elements, a list in any order); empty at first.',
  methods: ['read', 'add'],
  machine(history, semantics): Machine {
    const { f, outcome, value, values } = history;
    const nilMatchesAny = semantics.nilRead === 'any';
    const initial = Array.isArray(semantics.initial) ? (semantics.initial as readonly Value[]) : [];
    const numbering = elements(history, initial);
    // Cell 0 is how many there are; the others say which.
    const states = new Versions(numbering.count + 1);
    const add = (state: State, element: number): State => {
      if (states.get(state, element + 1) === 1) return state;
      return states.set(states.set(state, element + 1, 1), 0, states.get(state, 0) + 1);
    };
    return {
      initial: initial.reduce<State>((state, element) => add(state, numbering.of(values.intern(element))), 0),
      relevant: (row) =>
        f[row] === READ
          ? outcome[row] === OK && !(nilMatchesAny && value[row] === NULL_REF)
          : outcome[row] === OK || outcome[row] === INFO,
      pure: (row) => f[row] === READ,
      show(state) {
        const held: Value[] = [];
        for (let element = 0; element < numbering.count; element++) {
          if (states.get(state, element + 1) === 1) held.push(values.get(numbering.reference(element)));
        }
        return held;
      },
      meaningless(row) {
        if (semantics.initial !== null && !Array.isArray(semantics.initial)) return 'begins with what is no list';
        if (f[row] === ADD || elementsOf(history, row) !== undefined) return undefined;
        return `answered ${JSON.stringify(values.get(value[row]))}, which is no list of elements`;
      },
      step(state, row) {
        if (f[row] === ADD) return add(state, numbering.of(value[row]));
        const wanted = elementsOf(history, row);
        if (wanted === undefined || wanted.length !== states.get(state, 0)) return ILLEGAL;
        for (const reference of wanted) {
          const element = numbering.of(reference);
          if (element === -1 || states.get(state, element + 1) !== 1) return ILLEGAL;
        }
        return state;
      },
      bytes: () => states.bytes,
    };
  },
  decide: decideSet,
} satisfies Model;

/** Numbers for all elements that there may be. */
function elements({ f, length, value, values }: History, initial: readonly Value[]): Numbering {
  const added: number[] = initial.map((element) => values.intern(element));
  for (let row = 0; row < length; row++) if (f[row] === ADD) added.push(value[row]);
  return new Numbering(added);
}
