/**
 * Which operation a completion belongs to, where a process may have several open at once.
 *
 * Histories that were put together or changed by programs, and clients that share one number, hold such processes. A
 * completion belongs to the oldest open operation of its process that it can belong to: of the same method, on the same
 * key, and having written the same value or swapped the same pair (a `readMany`: asked for as many keys; a `txn`: with the
 * same parts). Of operations that are alike in all this and in how they end, oldest first is the reading that allows
 * most: whatever order explains another reading explains this one. Reads are alike only if their answers are; which of them got which answer
 * is a {@link Choice}, and oldest first no more than a guess.
 */
import { ANSWERED, BEGUN, type Choice, type Dealing, DealingLog, GIVEN_UP } from './dealing.ts';
import { answersAtEnd, type EventFields, READ_MANY, TXN } from './event-fields.ts';
import { CAS, NONE, OK, READ } from './history.ts';
import type { Rows } from './rows.ts';
import { NULL_REF } from './values.ts';

/** In place of a row: an operation of no rows at all, a `readMany` of no keys. */
export const EMPTY_BATCH = -2;

/** One operation of those that a `readMany` or `txn` lists, by codes and references. */
export interface Part {
  readonly f: number;
  readonly key: number;
  readonly value: number;
  readonly flags: number;
}

export class Overlapping {
  readonly #rows: Rows;
  readonly #partsOf: (fields: EventFields) => readonly Part[];
  /**
   * First rows of what a process has open, oldest first: of those that had two operations open, until all of them have
   * ended. One that is left alone is still held against its completion, which may be another's.
   */
  readonly #open = new Map<number, number[]>();

  /** In the order of the answers. */
  readonly choices: Choice[] = [];
  readonly #chosen: readonly number[];
  readonly #log = new DealingLog();

  /** @param chosen for each choice which of its rows is answered; 0, the oldest, for those it does not reach */
  constructor(rows: Rows, partsOf: (fields: EventFields) => readonly Part[], chosen: readonly number[]) {
    this.#rows = rows;
    this.#partsOf = partsOf;
    this.#chosen = chosen;
  }

  has(process: number): boolean {
    return this.#open.has(process);
  }

  /** Notes an operation begun while another, `first`, was open. */
  begin(process: number, first: number, row: number): void {
    const open = this.#open.get(process);
    if (open === undefined) {
      this.#open.set(process, [first, row]);
      this.#noteRead(process, first);
    } else {
      open.push(row);
    }
    this.#noteRead(process, row);
  }

  /** How the answers were dealt, and what may be dealt otherwise. */
  get dealing(): Dealing {
    return this.#log.dealing(this.choices);
  }

  #noteRead(process: number, row: number): void {
    if (this.#isRead(row)) this.#log.note(BEGUN, process, row, NONE);
  }

  /** Whether it is a read by itself, and none of a batch. */
  #isRead(row: number): boolean {
    return row >= 0 && this.#rows.batch(row) === NONE && this.#rows.f(row) === READ;
  }

  /** Ends the operation that the completion belongs to and returns its first row; undefined: there is none. */
  end(fields: EventFields): number | undefined {
    const open = this.#open.get(fields.process) ?? [];
    const said = fields.f === TXN && Array.isArray(fields.list) ? this.#partsOf(fields) : undefined;
    let at = open.findIndex((row) => this.#fits(row, fields, said));
    const named = at < 0 ? NONE : fields.key;
    if (at < 0) at = open.findIndex((row) => this.#mayFit(row, fields));
    if (at < 0) return undefined;
    if (fields.f === READ && fields.type === OK) at = this.#choose(open, at);
    const [row] = open.splice(at, 1);
    if (fields.f === READ) this.#log.note(fields.type === OK ? ANSWERED : GIVEN_UP, fields.process, row, named);
    if (open.length === 0) this.#open.delete(fields.process);
    return row;
  }

  /** Which of the open operations an answer goes to, if the oldest read it could go to is `open[oldest]`. */
  #choose(open: readonly number[], oldest: number): number {
    const rows = this.#rows;
    const key = rows.key(open[oldest]);
    const alike = open.filter((row) => this.#isRead(row) && rows.key(row) === key);
    if (alike.length < 2) return oldest;
    this.choices.push({ rows: alike, key });
    const chosen = this.#chosen[this.choices.length - 1] ?? 0;
    return open.indexOf(alike[Math.min(chosen, alike.length - 1)]);
  }

  /** Whether the completion says of itself that it is this operation's. */
  #fits(row: number, fields: EventFields, said: readonly Part[] | undefined): boolean {
    if (!this.#isOfMethod(row, fields)) return false;
    const rows = this.#rows;
    if (fields.f === TXN) return said !== undefined && this.#hasParts(row, said);
    if (fields.f === READ_MANY) return Array.isArray(fields.list) && fields.list.length === this.#sizeOf(row);
    if (rows.key(row) !== fields.key) return false;
    if (answersAtEnd(fields.f)) return true;
    return rows.value(row) === fields.value && (fields.f !== CAS || rows.expected(row) === fields.expected);
  }

  /** Whether nothing it says speaks against it: a completion need not name its key, nor repeat the value. */
  #mayFit(row: number, fields: EventFields): boolean {
    if (!this.#isOfMethod(row, fields)) return false;
    if (fields.f >= READ_MANY) return !Array.isArray(fields.list);
    const rows = this.#rows;
    if (fields.key !== NONE && rows.key(row) !== fields.key) return false;
    if (answersAtEnd(fields.f)) return true;
    if (fields.f === CAS && fields.expected !== NONE) {
      return rows.expected(row) === fields.expected && rows.value(row) === fields.value;
    }
    return fields.value === NULL_REF || rows.value(row) === fields.value;
  }

  #isOfMethod(row: number, { f }: EventFields): boolean {
    if (row === EMPTY_BATCH) return f >= READ_MANY;
    const rows = this.#rows;
    if (rows.batch(row) === NONE) return rows.f(row) === f;
    return f === (rows.isTransaction(row) ? TXN : READ_MANY);
  }

  #sizeOf(first: number): number {
    return first === EMPTY_BATCH ? 0 : this.#rows.batchEnd(first) - first;
  }

  #hasParts(first: number, parts: readonly Part[]): boolean {
    const rows = this.#rows;
    if (parts.length !== this.#sizeOf(first)) return false;
    return parts.every(({ f, key, value }, at) => {
      const row = first + at;
      return rows.f(row) === f && rows.key(row) === key && (f === READ || rows.value(row) === value);
    });
  }
}
