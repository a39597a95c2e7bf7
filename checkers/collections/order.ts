/** What was put in before something else and taken out after it. */
import { type History, NEVER, NONE } from '../../history/history.ts';

/** Rows by element, of puts that may have happened and of takes. */
export class Passages {
  /** The put that was invoked first, and the one that returned last. */
  readonly firstPut: Int32Array;
  readonly lastPut: Int32Array;
  /** The take that returned first, and the one that was invoked last. */
  readonly firstTake: Int32Array;
  readonly lastTake: Int32Array;

  constructor(elements: number) {
    const none = (): Int32Array => new Int32Array(elements).fill(NONE);
    [this.firstPut, this.lastPut, this.firstTake, this.lastTake] = [none(), none(), none(), none()];
  }

  /** Rows must come in their order, which is that of invocation. */
  put({ ret }: History, element: number, row: number): void {
    if (this.firstPut[element] === NONE) this.firstPut[element] = row;
    const last = this.lastPut[element];
    if (last === NONE || ret[row] > ret[last]) this.lastPut[element] = row;
  }

  take({ ret }: History, element: number, row: number): void {
    this.lastTake[element] = row;
    const first = this.firstTake[element];
    if (first === NONE || ret[row] < ret[first]) this.firstTake[element] = row;
  }
}

/** Elements with the key of each, and those to leave aside; by key, from which position on something unknown may have been taken. */
export interface Judged {
  readonly count: number;
  readonly key: (element: number) => number;
  readonly isSound: (element: number) => boolean;
  readonly openFrom: Int32Array;
}

/**
 * Elements `a`, each with some `b` that was put after it for certain, and taken before it for certain, or while nobody ever took `a`.
 * Of an element put several times it is not known which put a take belongs to: all of them must fit.
 *
 * One sweep over the events from last to first: behind it lies what was put in later, of which the one taken first counts.
 */
export function eachOvertaken(
  { call, ret, positions, keys }: History,
  { firstPut, lastPut, firstTake, lastTake }: Passages,
  { count, key, isSound, openFrom }: Judged,
  tell: (a: number, b: number) => void,
): void {
  const at = new Int32Array(positions); // element + 1: its first put is invoked; negative: its last put returns
  for (let element = 0; element < count; element++) {
    if (firstPut[element] === NONE || !isSound(element)) continue;
    at[call[firstPut[element]]] = element + 1;
    if (ret[lastPut[element]] !== NEVER) at[ret[lastPut[element]]] = -1 - element;
  }
  const soonest = new Int32Array(keys.length).fill(NONE);
  for (let position = positions - 1; position >= 0; position--) {
    const code = at[position];
    if (code === 0) continue;
    const element = code > 0 ? code - 1 : -1 - code;
    const b = soonest[key(element)];
    if (code > 0) {
      const take = firstTake[element];
      if (take !== NONE && (b === NONE || ret[take] < ret[firstTake[b]])) soonest[key(element)] = element;
    } else if (b !== NONE) {
      const take = lastTake[element];
      const until = take === NONE ? openFrom[key(element)] : call[take];
      if (ret[firstTake[b]] < until) tell(element, b);
    }
  }
}
