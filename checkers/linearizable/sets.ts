/**
 * Sets that only grow, exactly and without a search.
 *
 * Elements never leave, so the answers must lie inside one another, and their order is that of their sizes: first the
 * elements of the smallest answer, then the reads that gave it, then what the next one has more, and so on; last, what no
 * read has seen. An element comes to be at some moment between the first call of an add of it and the first return of one.
 * The order of these blocks is all there is to choose, so it is enough that nothing was over before something of an earlier
 * block was asked for.
 */
import type { Anomaly, Semantics } from '../checker.ts';
import type { Decision } from '../model.ts';
import { FAIL, METHODS, NEVER, NONE, NULL_REF, READ } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { itemsOf } from '../collections/elements.ts';
import type { Value } from '../../history/operation.ts';
import { Numbering } from '../search/numbering.ts';
import { anomaly } from './evidence.ts';
import { aside, call, deedOf, ret, show, showOf } from './words.ts';

const ADD = METHODS.indexOf('add');

/** Lists are long, and looked at more than once. */
const known = new WeakMap<History, Map<number, Int32Array | undefined>>();

/** References of the elements that a read answered, each once; null is an empty list. Undefined where it is no list. */
export function elementsOf(history: History, row: number): Int32Array | undefined {
  const reference = history.value[row];
  const lists = known.get(history) ?? new Map<number, Int32Array | undefined>();
  if (lists.size === 0) known.set(history, lists);
  if (lists.has(reference)) return lists.get(reference);
  const list = itemsOf(history.values.get(reference));
  const elements = list === undefined ? undefined : eachOnce(history, list);
  lists.set(reference, elements);
  return elements;
}

function eachOnce({ values }: History, list: readonly Value[]): Int32Array {
  const references = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) references[i] = values.intern(list[i]);
  references.sort();
  let count = 0;
  for (let i = 0; i < references.length; i++) {
    if (i === 0 || references[i] !== references[i - 1]) references[count++] = references[i];
  }
  return references.subarray(0, count);
}

export function decideSet(history: History, rows: Int32Array, semantics: Semantics): Decision {
  return new SetJudge(history, rows, semantics).run();
}

class SetJudge {
  readonly #history: History;
  readonly #reads: number[] = [];
  readonly #numbering: Numbering;
  readonly #references: Int32Array;
  /** Per element: first call and first return of its adds, and whose they are; NEVER, NONE: there is none. */
  readonly #low: Int32Array;
  readonly #lowRow: Int32Array;
  readonly #high: Int32Array;
  readonly #highRow: Int32Array;
  /** Per element: the group of reads that saw it first; `#groups.length`: none did. */
  readonly #since: Int32Array;
  /** Reads of equal answers, by size. */
  readonly #groups: number[][] = [];

  constructor(history: History, rows: Int32Array, semantics: Semantics) {
    this.#history = history;
    const { call, f, ret, value, values } = history;
    const initial = Array.isArray(semantics.initial) ? (semantics.initial as readonly Value[]) : [];
    const references = initial.map((element) => values.intern(element));
    for (const row of rows) if (f[row] === ADD) references.push(value[row]);
    const numbering = new Numbering(references);
    const count = numbering.count;
    this.#numbering = numbering;
    this.#references = new Int32Array(count);
    for (const reference of references) this.#references[numbering.of(reference)] = reference;
    this.#low = new Int32Array(count).fill(NEVER);
    this.#high = new Int32Array(count).fill(NEVER);
    this.#lowRow = new Int32Array(count).fill(NONE);
    this.#highRow = new Int32Array(count).fill(NONE);
    this.#since = new Int32Array(count).fill(-1);
    for (const element of initial) {
      const number = numbering.of(values.intern(element));
      this.#low[number] = this.#high[number] = -1;
    }
    for (const row of rows) {
      if (f[row] === READ) this.#reads.push(row);
      if (f[row] !== ADD) continue;
      const number = numbering.of(value[row]);
      if (call[row] < this.#low[number]) [this.#low[number], this.#lowRow[number]] = [call[row], row];
      if (ret[row] < this.#high[number]) [this.#high[number], this.#highRow[number]] = [ret[row], row];
    }
  }

  run(): Decision {
    const wrong = this.#group();
    if (wrong !== undefined) return wrong;
    for (let e = 0; e < this.#since.length; e++) if (this.#since[e] === -1) this.#since[e] = this.#groups.length;
    return this.#place();
  }

  /** Puts equal answers together, smallest first; each must hold all of the one before. */
  #group(): Anomaly | undefined {
    const { value } = this.#history;
    const lists = new Map<number, Int32Array>();
    for (const row of this.#reads) {
      if (!lists.has(value[row])) lists.set(value[row], elementsOf(this.#history, row) ?? new Int32Array(0));
    }
    const sized = this.#reads.map((row) => ({ row, list: lists.get(value[row]) ?? new Int32Array(0) }));
    sized.sort((a, b) => a.list.length - b.list.length || a.row - b.row);
    let size = -1;
    let list: Int32Array = new Int32Array(0);
    for (const next of sized) {
      // The same answer, word by word, was looked at when it came first.
      if (next.list === list && size >= 0) {
        this.#groups[this.#groups.length - 1].push(next.row);
        continue;
      }
      let known = 0;
      for (const reference of next.list) {
        const number = this.#numbering.of(reference);
        if (number === -1) return this.#neverAdded(next.row, reference);
        if (this.#since[number] !== -1) known++;
      }
      if (known < size) return this.#apart(next.row, list, next.list);
      if (next.list.length > size) {
        this.#groups.push([]);
        for (const reference of next.list) {
          const number = this.#numbering.of(reference);
          if (this.#since[number] === -1) this.#since[number] = this.#groups.length - 1;
        }
      }
      this.#groups[this.#groups.length - 1].push(next.row);
      [size, list] = [next.list.length, next.list];
    }
    return undefined;
  }

  /** Goes through the blocks: 2g are the elements that came with group g, 2g + 1 its reads. */
  #place(): Decision {
    const { call, ret } = this.#history;
    const blocks = 2 * this.#groups.length + 1;
    // The latest call in each block, and whose: a row, or an element below NONE.
    const latest = new Int32Array(blocks).fill(-2);
    const whose = new Int32Array(blocks).fill(NONE);
    const note = (block: number, at: number, who: number): void => {
      if (at > latest[block]) [latest[block], whose[block]] = [at, who];
    };
    this.#since.forEach((group, e) => note(2 * group, this.#low[e], -2 - e));
    this.#groups.forEach((rows, group) => rows.forEach((row) => note(2 * group + 1, call[row], row)));
    for (let block = 1; block < blocks; block++) {
      if (latest[block] > latest[block - 1]) continue;
      [latest[block], whose[block]] = [latest[block - 1], whose[block - 1]];
    }
    for (let g = 0; g < this.#groups.length; g++) {
      for (const row of this.#groups[g]) {
        if (ret[row] < latest[2 * g]) return this.#tooLate(row, whose[2 * g]);
      }
    }
    for (let e = 0; e < this.#since.length; e++) {
      const block = 2 * this.#since[e];
      if (block > 0 && this.#high[e] < latest[block - 1]) return this.#tooLate(-2 - e, whose[block - 1]);
    }
    return 'possible';
  }

  #name(element: number): string {
    return show(this.#history.values.get(this.#references[element]));
  }

  #neverAdded(row: number, reference: number): Anomaly {
    const history = this.#history;
    const what = showOf(history.values, reference);
    const x = show(history.keys[history.key[row]]);
    const refused = history.value.findIndex(
      (value, other) =>
        value === reference &&
        history.f[other] === ADD &&
        history.outcome[other] === FAIL &&
        history.key[other] === history.key[row],
    );
    const sentence =
      refused === -1
        ? `${deedOf(history, row)} holds ${what}, which nothing ever added to ${x}.`
        : `${deedOf(history, row)} holds ${what}, which never came into ${x}: ${deedOf(history, refused)} was refused.`;
    return anomaly(history, 'read of an element never added', sentence, refused === -1 ? [row] : [row, refused]);
  }

  /** Two answers, neither of which holds all of the other. */
  #apart(row: number, smaller: Int32Array, larger: Int32Array): Anomaly {
    const history = this.#history;
    const other = this.#groups[this.#groups.length - 1][0];
    const held = new Set(larger);
    const had = new Set(smaller);
    const lacks = smaller.find((reference) => !held.has(reference)) ?? NULL_REF;
    const more = larger.find((reference) => !had.has(reference)) ?? NULL_REF;
    const [a, b] = [lacks, more].map((reference) => showOf(history.values, reference));
    const sentence = `${deedOf(history, other)} holds ${a} and not ${b}, ${deedOf(history, row)} holds ${b} and not ${a}: neither can be the first.`;
    const adds = [lacks, more].map((reference) => this.#lowRow[this.#numbering.of(reference)]);
    return anomaly(
      history,
      'reads that contradict each other',
      sentence,
      [row, other, ...adds].filter((one) => one !== NONE),
    );
  }

  /** `who` was over before `first`, which must come before it, was asked for. Rows, or elements below NONE. */
  #tooLate(who: number, first: number): Anomaly {
    const history = this.#history;
    const did = (row: number): string => deedOf(history, row);
    const asked = (row: number): string => aside(call(history, row, 'asked for at '));
    if (who >= 0 && first >= 0) {
      const e = this.#elementBetween(first, who);
      // Where it was added for certain, that it was seen as well need not be shown.
      if (this.#high[e] < history.call[first] && this.#highRow[e] !== NONE) return this.#tooLate(-2 - e, first);
      const over = ret(history, who) || ' before it was asked for';
      const sentence = `${did(first)}${asked(first)} lacks ${this.#name(e)}, which ${did(who)}, over${over}, holds.`;
      return anomaly(history, 'stale read', sentence, [first, who, ...this.#adds(e)]);
    }
    if (who >= 0) {
      const e = -2 - first;
      const add = this.#lowRow[e];
      const over = aside(ret(history, who, 'over at '));
      const sentence = `${did(who)}${over} holds ${this.#name(e)}, which was not added before ${call(history, add, '') || 'that was over'}: ${did(add)}.`;
      return anomaly(history, 'read before add', sentence, [who, add]);
    }
    const e = -2 - who;
    const add = this.#highRow[e];
    const was = (before: string): string =>
      add === NONE
        ? 'was there from the beginning'
        : `was added ${ret(history, add, 'by ') || `before ${before} was asked for`}: ${did(add)}`;
    if (first >= 0) {
      const sentence = `${did(first)}${asked(first)} lacks ${this.#name(e)}, which ${was('that')}.`;
      return anomaly(history, 'stale read', sentence, [first, ...(add === NONE ? [] : [add])]);
    }
    const later = -2 - first;
    const read = this.#groups[this.#since[later]][0];
    const sentence = `${did(read)} holds ${this.#name(later)}${asked(this.#lowRow[later])} and lacks ${this.#name(e)}, which ${was(this.#name(later))}.`;
    return anomaly(
      history,
      'missing element',
      sentence,
      [read, add, this.#lowRow[later]].filter((row) => row !== NONE),
    );
  }

  /** One that the answer of `later` holds and that of `earlier` does not; one that was added before it, if there is any. */
  #elementBetween(earlier: number, later: number): number {
    const had = new Set(elementsOf(this.#history, earlier));
    const more = [...(elementsOf(this.#history, later) ?? [])].filter((reference) => !had.has(reference));
    const isOver = (reference: number): boolean =>
      this.#high[this.#numbering.of(reference)] < this.#history.call[earlier];
    return this.#numbering.of(more.find(isOver) ?? more[0] ?? NULL_REF);
  }

  #adds(element: number): number[] {
    return this.#lowRow[element] === NONE ? [] : [this.#lowRow[element]];
  }
}
