/**
 * How the answers of overlapping reads were dealt, and any other way to deal them.
 *
 * While events are read, an answer goes to the oldest read it can belong to (overlapping.ts). What is noted here of that is
 * enough to deal again without the events: reads differ in nothing but when they were called, so another dealing is the
 * same history with the ends of some reads exchanged.
 */
import { NONE, type Columns, type History } from './history.ts';
import { historyOf } from './table.ts';

/** An answer that may belong to any of several open reads of its process. */
export interface Choice {
  /** The reads of one key that were open, oldest first. */
  readonly rows: readonly number[];
  readonly key: number;
}

/** As `postMessage` takes it. */
export interface Dealing {
  /** In the order of the answers. */
  readonly choices: readonly Choice[];
  /** Beginnings and ends of reads that overlap another operation of their process, `FIELDS` numbers each. */
  readonly log: Int32Array;
}

const FIELDS = 4;
export const BEGUN = 0;
export const ANSWERED = 1;
/** Failed, or of unknown outcome: goes to the oldest, whatever the dealing. */
export const GIVEN_UP = 2;

/** Notes what happens to reads, in order. */
export class DealingLog {
  readonly #entries: number[] = [];

  /**
   * @param row the read that began, or that the completion went to
   * @param key of the completion, or NONE where it names none
   */
  note(what: number, process: number, row: number, key: number): void {
    this.#entries.push(what, process, row, key);
  }

  /** `choices` is a copy: nothing is added to it later. */
  dealing(choices: readonly Choice[]): Dealing {
    return { choices: [...choices], log: Int32Array.from(choices.length === 0 ? [] : this.#entries) };
  }
}

/**
 * For each read that ends otherwise than noted: the read whose end it has now, as the history stands. Undefined where an end
 * that names no key finds no read to belong to: there is no such dealing.
 */
function exchanged({ key }: History, { log }: Dealing, chosen: readonly number[]): Map<number, number> | undefined {
  const open = new Map<number, number[]>();
  const ends = new Map<number, number>();
  const ended = new Set<number>();
  const exchanges = new Map<number, number>();
  let choice = 0;
  for (let at = 0; at < log.length; at += FIELDS) {
    const [what, process, row, named] = log.subarray(at, at + FIELDS);
    let reads = open.get(process);
    if (reads === undefined) open.set(process, (reads = []));
    if (what === BEGUN) {
      reads.push(row);
      continue;
    }
    const oldest = reads.find((read) => named === NONE || key[read] === named);
    if (oldest === undefined) return undefined;
    let read = oldest;
    if (what === ANSWERED) {
      const alike = reads.filter((other) => key[other] === key[oldest]);
      if (alike.length > 1) read = alike[Math.min(chosen[choice++] ?? 0, alike.length - 1)];
    }
    reads.splice(reads.indexOf(read), 1);
    ends.set(read, row);
    ended.add(row);
  }
  // Reads that never ended take the place of those that did so only in the other dealing.
  const endless: number[] = [];
  for (const read of ends.keys()) if (!ended.has(read)) endless.push(read);
  for (const row of ended) if (!ends.has(row)) ends.set(row, endless.pop() ?? row);
  for (const [read, row] of ends) if (read !== row) exchanges.set(read, row);
  return exchanges;
}

/** What the end of a read decides. A read has neither `expected` nor `actual`, and no flags that its end sets. */
const END_BYTES = ['outcome', 'role'] as const;
const END_INTEGERS = [
  'value',
  'ret',
  'node',
  'versionGroup',
  'versionHistory',
  'positionGroup',
  'positionHistory',
] as const; // prettier-ignore
const END_FLOATS = ['retTime', 'versionAt', 'positionAt'] as const;

/** Deals the answers of a part of a history again, as often as one likes. */
export class Dealer {
  readonly #whole: History;
  readonly #dealing: Dealing;
  readonly #part: History;
  /** For each row of the whole its row in the part, or NONE. */
  readonly #rowIn: Int32Array;

  constructor(whole: History, dealing: Dealing, keep: (row: number) => boolean = () => true) {
    this.#whole = whole;
    this.#dealing = dealing;
    this.#part = whole.filter(keep);
    this.#rowIn = new Int32Array(whole.length).fill(NONE);
    let kept = 0;
    for (let row = 0; row < whole.length; row++) if (keep(row)) this.#rowIn[row] = kept++;
  }

  /**
   * @param chosen for each choice which of its rows is answered; 0, the oldest, for those it does not reach
   * @returns undefined: the answers cannot be dealt like that
   */
  deal(chosen: readonly number[]): History | undefined {
    const whole = this.#whole;
    const part = this.#part;
    const exchanges = exchanged(whole, this.#dealing, chosen);
    if (exchanges === undefined) return undefined;
    const moves: (readonly [to: number, from: number])[] = [];
    for (const [read, from] of exchanges) {
      const to = this.#rowIn[read];
      if (to !== NONE) moves.push([to, from]);
    }
    if (moves.length === 0) return part;
    const columns: { -readonly [Name in keyof Columns]?: Columns[Name] } = {};
    for (const name of END_BYTES) {
      const column = (columns[name] = new Uint8Array(sameSize(part[name])));
      column.set(part[name]);
      for (const [to, from] of moves) column[to] = whole[name][from];
    }
    for (const name of END_INTEGERS) {
      const column = (columns[name] = new Int32Array(sameSize(part[name])));
      column.set(part[name]);
      for (const [to, from] of moves) column[to] = whole[name][from];
    }
    for (const name of END_FLOATS) {
      const column = (columns[name] = new Float64Array(sameSize(part[name])));
      column.set(part[name]);
      for (const [to, from] of moves) column[to] = whole[name][from];
    }
    const { filter: _filter, operation: _operation, length: _length, ...parts } = part;
    return historyOf({ ...parts, ...columns });
  }
}

const sameSize = ({ byteLength }: ArrayBufferView): SharedArrayBuffer => new SharedArrayBuffer(byteLength);
