/**
 * The outlook of a text that is put, appended to and read whole: a state matters as far as it begins what somebody who is left
 * will read.
 *
 * States are the nodes of the tree of all texts that were read (a node: the texts, in order, that begin alike, and how far), and one
 * for all texts that nobody will read any more. Where a read can neither come of what is there, nor of a put that is left, the
 * order leads nowhere.
 */
import { NONE } from '../../history/history.ts';
import type { State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { Lists } from './lists.ts';
import type { Left, Outlook } from './outlook.ts';
import type { Places, Problem } from './problem.ts';

export interface TextDeed {
  readonly does: 'get' | 'put' | 'append';
  readonly text: string;
}

/** Readers looked at, those that end first first. */
const AHEAD = 8;
/** Texts of a node that are looked at; of more, one is taken to be read. */
const TEXTS_LOOKED_AT = 64;
const LOST: State = 0;

export class PrefixOutlook implements Outlook {
  readonly initial: State;
  readonly lost = LOST;
  readonly resets: Uint8Array;
  readonly absorbed: Uint8Array;
  readonly #deeds: readonly TextDeed[];
  readonly #must: (op: number) => boolean;
  /** All texts that are read, in order, each once; and of each read which. */
  readonly #texts: readonly string[];
  readonly #textOf: Int32Array;
  // Nodes: first text, the one after the last, how much of them.
  readonly #low: number[] = [0];
  readonly #high: number[] = [0];
  readonly #length: number[] = [0];
  readonly #nodes = new Map<number, State>();
  readonly #root: State;
  /** By text: its reads, and the one called last of those that must be placed. */
  readonly #readers: Lists;
  readonly #lastCalled: Int32Array;
  /** Reads that must be placed, in the order of their ends. */
  readonly #byEnd: Int32Array;
  readonly #endsAt: Int32Array;
  /** Puts by what they put; of each text read, which of these it begins with. */
  readonly #puts: Lists;
  readonly #putsOf: readonly number[][];
  /** What must be placed and changes the text. */
  readonly #changes: Lists;

  constructor(problem: Problem, { call, end }: Places, initial: string, deedOf: (row: number) => TextDeed) {
    const deeds = Array.from(problem.row, deedOf);
    this.#deeds = deeds;
    this.#must = (op) => problem.optional[op] === 0;
    const ops = deeds.map((_, op) => op);
    const doing = (does: TextDeed['does']): number[] => ops.filter((op) => deeds[op].does === does);
    const gets = doing('get');
    const puts = doing('put');
    this.#texts = [...new Set(gets.map((op) => deeds[op].text))].sort((a, b) => (a < b ? -1 : 1));
    const numbers = new Map(this.#texts.map((text, i) => [text, i]));
    this.#textOf = new Int32Array(problem.count).fill(NONE);
    for (const op of gets) this.#textOf[op] = numbers.get(deeds[op].text) ?? NONE;
    this.#root = this.#node(0, this.#texts.length, 0);
    this.initial = this.#child(this.#root, initial);
    this.resets = Uint8Array.from(deeds, ({ does }) => (does === 'put' ? 1 : 0));
    this.absorbed = Uint8Array.from(deeds, ({ does }) => (does === 'get' ? 0 : 1));
    this.#readers = new Lists(
      this.#texts.length,
      gets.map((op) => this.#textOf[op]),
      gets,
      end,
    );
    this.#lastCalled = new Int32Array(this.#texts.length).fill(NONE);
    for (const op of gets) {
      const known = this.#lastCalled[this.#textOf[op]];
      if (this.#must(op) && (known === NONE || call[known] < call[op])) this.#lastCalled[this.#textOf[op]] = op;
    }
    this.#byEnd = Int32Array.from(gets.filter(this.#must)).sort((a, b) => end[a] - end[b]);
    this.#endsAt = this.#byEnd.map((op) => end[op]);
    const put = [...new Set(puts.map((op) => deeds[op].text))];
    const putNumbers = new Map(put.map((text, i) => [text, i]));
    this.#puts = new Lists(
      put.length,
      puts.map((op) => putNumbers.get(deeds[op].text) ?? 0),
      puts,
      end,
    );
    this.#putsOf = this.#texts.map(() => []);
    put.forEach((text, i) => {
      const node = this.#child(this.#root, text);
      for (let t = this.#low[node]; t < this.#high[node]; t++) this.#putsOf[t].push(i);
    });
    const changing = ops.filter((op) => this.#must(op) && deeds[op].does !== 'get' && deeds[op].text !== '');
    this.#changes = new Lists(1, new Array<number>(changing.length).fill(0), changing, end);
  }

  step(state: State, op: number): State {
    const { does, text } = this.#deeds[op];
    if (does === 'put') return this.#child(this.#root, text);
    if (does === 'append') return this.#child(state, text);
    return this.#shows(state) === this.#textOf[op] && state !== LOST ? state : ILLEGAL;
  }

  settle(before: State, after: State, op: number, left: Left): State {
    const state = this.#isRead(after, left) ? after : LOST;
    if (this.#deeds[op].does === 'get') return state;
    const missed = this.#shows(before);
    if (missed !== NONE && !this.#leadsTo(state, missed) && this.#isMissed(missed, left)) return ILLEGAL;
    return this.#leadsOn(state, left) && !this.#comesTooSoon(state, left) ? state : ILLEGAL;
  }

  /** The text that is read off the node itself; NONE. */
  #shows(node: State): number {
    const low = this.#low[node];
    return node !== LOST && low < this.#high[node] && this.#texts[low].length === this.#length[node] ? low : NONE;
  }

  #isRead(node: State, left: Left): boolean {
    const [low, high] = [this.#low[node], this.#high[node]];
    if (high - low > TEXTS_LOOKED_AT) return true;
    for (let t = low; t < high; t++) if (this.#readers.mayHave(t, left)) return true;
    return false;
  }

  #leadsTo(node: State, text: number): boolean {
    return text >= this.#low[node] && text < this.#high[node];
  }

  /** Whether somebody must still read the text that is changed, and no put that is left begins it anew in time. */
  #isMissed(text: number, left: Left): boolean {
    const reader = this.#readers.first(text, left, this.#must);
    return reader !== NONE && !this.#isPutAgain(text, reader, left);
  }

  /** Whether the reads that end next can come of the state, or of a put that is left. */
  #leadsOn(state: State, left: Left): boolean {
    let low = 0;
    let high = this.#endsAt.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#endsAt[middle] < left.event) low = middle + 1;
      else high = middle;
    }
    for (let i = low, seen = 0; i < this.#byEnd.length && seen < AHEAD; i++) {
      const reader = this.#byEnd[i];
      if (!left.has(reader)) continue;
      seen++;
      const text = this.#textOf[reader];
      if (!this.#leadsTo(state, text) && !this.#isPutAgain(text, reader, left)) return false;
    }
    return true;
  }

  /** Whether something that must come before a read is called changes what it reads, for good. */
  #comesTooSoon(state: State, left: Left): boolean {
    const text = this.#shows(state);
    const reader = text === NONE ? NONE : this.#lastCalled[text];
    if (reader === NONE || !left.has(reader) || this.#isPutAgain(text, reader, left)) return false;
    const change = this.#changes.first(0, left, (op) => !left.isSpare(op));
    return change !== NONE && left.end[change] < left.call[reader];
  }

  #isPutAgain(text: number, reader: number, left: Left): boolean {
    return this.#putsOf[text].some((put) => this.#puts.mayHave(put, left, (op) => left.call[op] < left.end[reader]));
  }

  #node(low: number, high: number, length: number): State {
    if (low === high) return LOST;
    const name = length * this.#texts.length + low;
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    this.#low.push(low);
    this.#high.push(high);
    this.#length.push(length);
    this.#nodes.set(name, this.#low.length - 1);
    return this.#low.length - 1;
  }

  /** The node of the texts that go on with `text`. */
  #child(node: State, text: string): State {
    if (node === LOST) return LOST;
    const from = this.#length[node];
    const until = from + text.length;
    const first = (fits: (part: string) => boolean): number => {
      let [low, high] = [this.#low[node], this.#high[node]];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (fits(this.#texts[middle].slice(from, until))) high = middle;
        else low = middle + 1;
      }
      return low;
    };
    return this.#node(
      first((part) => part >= text),
      first((part) => part > text && !part.startsWith(text)),
      until,
    );
  }
}
