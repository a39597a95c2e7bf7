/**
 * Queues and sets while the history is made. Found at once: an element that nobody has put in by then, or only with a request that is
 * refused; an element taken from a queue more often than it was put there, or twice in one answer of a set. What is lost shows in
 * the end.
 */
import type { Growing } from '../../history/growing.ts';
import { FAIL, NONE, NULL_REF, OK } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { Elements, itemsOf, methodCode } from '../collections/elements.ts';
import type { Suspecting } from './confirming.ts';

export interface Methods {
  readonly puts: number;
  /** Answers one element, or null. */
  readonly takes: number;
  /** Answers a list of elements. */
  readonly lists: number;
  /** Whether what was taken is gone. */
  readonly consumes: boolean;
}

export const queueMethods: Methods = {
  puts: methodCode('enqueue'),
  takes: methodCode('dequeue'),
  lists: methodCode('drain'),
  consumes: true,
};
export const setMethods: Methods = {
  puts: methodCode('add'),
  takes: NONE,
  lists: methodCode('read'),
  consumes: false,
};

/** In place of a row. */
const TAKEN = -1;

export class ElementStream implements Suspecting {
  suspects = false;
  readonly #growing: Growing;
  readonly #methods: Methods;
  readonly #initial: ReadonlySet<number>;
  readonly #elements = new Elements();
  /** Per element: how often it was put in and not refused, how often it was found, and the row that put it in first. */
  readonly #attempts: number[] = [];
  readonly #found: number[] = [];
  readonly #first: number[] = [];
  /** Of elements that were put in several times: the rows that did, and in between TAKEN for each time that it was found. */
  readonly #courses = new Map<number, number[]>();
  /** Per key: true once something else was asked of it: it is none of these. */
  readonly #isOther: boolean[] = [];
  /** The list that was looked through last, and its key: a set is read again and again. */
  #last: readonly number[] = [];
  #lastRef: number = NONE;
  #lastKey: number = NONE;

  /** @param initial what each collection holds before anything is put in */
  constructor(growing: Growing, methods: Methods, initial: Value) {
    this.#growing = growing;
    this.#methods = methods;
    this.#initial = new Set((itemsOf(initial) ?? []).map((item) => growing.values.intern(item)));
  }

  invoked(row: number): void {
    const { f, key, value } = this.#growing.columns;
    const { puts, takes, lists } = this.#methods;
    if (f[row] !== puts && f[row] !== takes && f[row] !== lists) this.#isOther[key[row]] = true;
    if (f[row] !== puts) return;
    const element = this.#elements.add(key[row], value[row]);
    this.#attempts[element] = (this.#attempts[element] ?? 0) + 1;
    this.#found[element] ??= 0;
    this.#first[element] ??= row;
    if (this.#first[element] === row) return;
    const course = this.#courses.get(element);
    if (course !== undefined) course.push(row);
    else {
      const takes = Array.from({ length: this.#found[element] }, () => TAKEN);
      this.#courses.set(element, [this.#first[element], ...(this.#methods.consumes ? takes : takes.slice(0, 1)), row]);
    }
  }

  completed(row: number): void {
    const { f, key, value, outcome } = this.#growing.columns;
    const { puts, takes, lists } = this.#methods;
    if (f[row] === puts) {
      if (outcome[row] === FAIL) this.#refused(row);
      return;
    }
    if (outcome[row] !== OK) return;
    if (f[row] === takes && value[row] !== NULL_REF) this.#look(key[row], value[row]);
    else if (f[row] === lists) this.#lookThrough(key[row], value[row]);
  }

  #refused(row: number): void {
    const { key, value } = this.#growing.columns;
    const element = this.#elements.find(key[row], value[row]);
    const left = --this.#attempts[element];
    if (this.#found[element] === 0) return;
    if (left === 0) this.suspects = true;
    const course = this.#courses.get(element);
    if (course === undefined) return;
    course.splice(course.indexOf(row), 1);
    // What was put in too late for who found it does not count.
    let puts = 0;
    let takes = 0;
    for (const step of course) {
      if (step !== TAKEN) puts++;
      else if (puts < (this.#methods.consumes ? ++takes : 1)) this.suspects = true;
    }
  }

  #lookThrough(key: number, ref: number): void {
    const { values } = this.#growing;
    if (ref !== this.#lastRef) {
      this.#lastRef = ref;
      this.#lastKey = NONE;
      this.#last = (itemsOf(values.get(ref)) ?? []).map((item) => values.intern(item));
      if (!this.#methods.consumes && new Set(this.#last).size < this.#last.length) this.suspects = true;
    } else if (key === this.#lastKey && !this.#methods.consumes) return;
    this.#lastKey = key;
    for (const item of this.#last) this.#look(key, item);
  }

  #look(key: number, ref: number): void {
    if (this.#initial.has(ref)) return;
    if (!this.#methods.consumes && this.#isOther[key]) return;
    const element = this.#elements.find(key, ref);
    if (element === NONE || this.#attempts[element] === 0) this.suspects = true;
    else if (this.#take(element) > this.#attempts[element] && this.#methods.consumes) this.suspects = true;
  }

  /** How often it has been found now. */
  #take(element: number): number {
    const course = this.#courses.get(element);
    // That something is there again and again says no more than that it is there.
    if (course !== undefined && (this.#methods.consumes || course[course.length - 1] !== TAKEN)) course.push(TAKEN);
    return ++this.#found[element];
  }
}
