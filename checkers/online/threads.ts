/**
 * Read-your-writes and monotonic-reads while the history is made: each session owes its own acknowledged writes, or what it has read,
 * to whatever it reads later of that key.
 *
 * Found at once: a read that shows what is older by versions, in real time, or the initial value; and versions that contradict one
 * another. Left to the end: values that nobody wrote yet, values that several writes wrote, orders that only a circle of
 * answers rules out, versions told later than the answers that they put out of order. What leans on a write that may still be refused
 * waits until that has ended.
 */
import type { Growing } from '../../history/growing.ts';
import { NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Budget, Checker, Follower, Semantics } from '../checker.ts';
import { widened } from './widened.ts';
import { UNSURE, WriteBook, Writes } from './write-book.ts';

/** What binds a session: the writes it made, or those it has read. */
type Binding = 'own writes' | 'what was read';

/** Lists of demands that are never changed, so that a read keeps the one that there was when it was invoked. */
class DemandLists {
  #count = 0;
  #write = new Int32Array(64);
  #rest = new Int32Array(64);

  writeOf(list: number): number {
    return this.#write[list];
  }

  rest(list: number): number {
    return this.#rest[list];
  }

  /** The list with one demand more, less those that it implies. */
  with(book: Pick<Writes, 'implied'>, list: number, write: number): number {
    for (let at = list; at !== NONE; at = this.#rest[at]) {
      if (this.#write[at] === write || book.implied(write, this.#write[at])) return list;
    }
    let kept: number = NONE;
    for (let at = list; at !== NONE; at = this.#rest[at]) {
      if (!book.implied(this.#write[at], write)) kept = this.#add(this.#write[at], kept);
    }
    return this.#add(write, kept);
  }

  #add(write: number, rest: number): number {
    const list = this.#count++;
    if (list === this.#write.length) {
      this.#write = widened(this.#write, list);
      this.#rest = widened(this.#rest, list);
    }
    this.#write[list] = write;
    this.#rest[list] = rest;
    return list;
  }
}

/** More keys than this there cannot be: numbers of threads and keys go together into one that a double holds. */
const KEYS_MAX = 2 ** 31;

/** Numbers the pairs of thread (as in sessions/threads.ts) and key. */
class Slots {
  readonly #growing: Growing;
  readonly #byDevice: boolean;
  readonly #threads = new Map<number, number>();
  #row: number = NONE;
  #slot = 0;

  constructor(growing: Growing, byDevice: boolean) {
    this.#growing = growing;
    this.#byDevice = byDevice;
  }

  of(row: number): number {
    if (row === this.#row) return this.#slot;
    const { session, device, process, key } = this.#growing.columns;
    const one = session.length === 0 ? NONE : session[row];
    const on = device.length === 0 || !this.#byDevice ? NONE : device[row];
    const name = one === NONE ? -1 - process[row] : one * KEYS_MAX + on + 1;
    let thread = this.#threads.get(name);
    if (thread === undefined) {
      thread = this.#threads.size;
      this.#threads.set(name, thread);
    }
    this.#row = row;
    this.#slot = thread * KEYS_MAX + key[row];
    return this.#slot;
  }
}

/** What threads owe to their reads, by thread and key. */
class Owed {
  readonly lists = new DemandLists();
  readonly #slots: Slots;
  readonly #book: Pick<Writes, 'implied'>;
  readonly #owed = new Map<number, number>();
  #row: number = NONE;

  constructor(slots: Slots, book: Pick<Writes, 'implied'>) {
    this.#slots = slots;
    this.#book = book;
  }

  at(row: number): number {
    return this.#owed.get(this.#slots.of(row)) ?? NONE;
  }

  /** The operation of a row binds its thread to a write. May be told again. */
  owe(row: number, write: number): void {
    if (row === this.#row) return;
    this.#row = row;
    const slot = this.#slots.of(row);
    this.#owed.set(slot, this.lists.with(this.#book, this.#owed.get(slot) ?? NONE, write));
  }
}

/** What the followers of one lane have in common: those who hear of the same writes. */
interface Lane {
  readonly semantics: Semantics;
  readonly writes: Writes;
  readonly slots: Slots;
  readonly own: Owed;
}

const lanes = new WeakMap<object, Lane[]>();

function laneOf(growing: Growing, semantics: Semantics): Lane {
  const known = lanes.get(growing.writes) ?? [];
  lanes.set(growing.writes, known);
  const { thread, initial, model, nilRead } = semantics;
  const like = known.filter((one) => {
    const { semantics: its } = one;
    return its.initial === initial && its.model === model && its.nilRead === nilRead;
  });
  const same = like.find((one) => one.semantics.thread === thread);
  if (same !== undefined) return same;
  const writes = like[0]?.writes ?? new Writes(growing, semantics);
  const slots = new Slots(growing, thread === 'device');
  const lane = { semantics, writes, slots, own: new Owed(slots, writes) };
  known.push(lane);
  return lane;
}

class ThreadStream {
  /** Keys in which something is wrong; each is told once at least. */
  readonly suspects: number[] = [];
  readonly #growing: Growing;
  readonly #binding: Binding;
  readonly #writes: Writes;
  readonly #book: WriteBook;
  readonly #owed: Owed;
  /** By row, for open reads: what was owed when they were invoked. */
  readonly #openReads = new Map<number, number>();
  /** Breaches that lean on open writes. */
  #waiting: { readonly key: number; readonly writes: readonly number[] }[] = [];

  constructor(growing: Growing, semantics: Semantics, binding: Binding) {
    const lane = laneOf(growing, semantics);
    this.#growing = growing;
    this.#binding = binding;
    this.#writes = lane.writes;
    this.#book = new WriteBook(growing, semantics, lane.writes);
    this.#owed = binding === 'own writes' ? lane.own : new Owed(lane.slots, this.#book);
  }

  invoked(row: number): void {
    this.#writes.invoked(row);
    if (this.#growing.columns.f[row] !== READ) return;
    const owed = this.#owed.at(row);
    if (owed !== NONE) this.#openReads.set(row, owed);
  }

  completed(row: number): void {
    const { f, outcome, key } = this.#growing.columns;
    if (f[row] === READ) this.#readEnded(row);
    else if (this.#writes.isWrite(row)) {
      const write = this.#book.ended(row);
      if (this.#binding === 'own writes' && outcome[row] === OK) this.#owed.owe(row, write);
      if (this.#waiting.length > 0) this.#settle();
    }
    if (this.#book.contradicted === NONE) return;
    this.#book.contradicted = NONE;
    this.suspects.push(key[row]);
  }

  #readEnded(row: number): void {
    const owed = this.#openReads.get(row) ?? NONE;
    this.#openReads.delete(row);
    if (this.#growing.columns.outcome[row] !== OK) return;
    const book = this.#book;
    const shown = book.sourceOf(row);
    if (shown === UNSURE) return;
    for (let list = owed; list !== NONE; list = this.#owed.lists.rest(list)) {
      const write = this.#owed.lists.writeOf(list);
      if (!book.older(shown, write)) continue;
      const writes = [write, ...(shown >= 0 ? [shown] : [])];
      const key = this.#growing.columns.key[row];
      // That a session's own write is missing stays true even if what it read instead turns out never to have been written.
      if (this.#binding === 'own writes' || !writes.some((one) => this.#writes.isOpen(one))) this.suspects.push(key);
      else this.#waiting.push({ key, writes });
      break;
    }
    if (this.#binding === 'what was read' && shown >= 0) this.#owed.owe(row, shown);
  }

  #settle(): void {
    const book = this.#writes;
    this.#waiting = this.#waiting.filter(({ key, writes }) => {
      if (writes.some((write) => book.wasRefused(write))) return false;
      if (writes.some((write) => book.isOpen(write))) return true;
      this.suspects.push(key);
      return false;
    });
  }
}

export function followThreads(
  checker: Pick<Checker, 'check'>,
  growing: Growing,
  budget: Budget,
  semantics: Semantics,
  binding: Binding,
): Follower {
  const stream = new ThreadStream(growing, semantics, binding);
  const looked = new Set<number>();
  let broken: Anomaly | undefined;
  return {
    invoked: (row) => stream.invoked(row),
    completed: (row) => stream.completed(row),
    noted: () => undefined,
    broken() {
      while (broken === undefined && stream.suspects.length > 0) {
        const key = stream.suspects.shift() ?? NONE;
        // What check does not confirm it may find at the end; it is not asked about the same key again and again.
        if (looked.has(key)) continue;
        looked.add(key);
        const verdict = checker.check(growing.snapshot(), budget, semantics);
        if (verdict.type === 'invalid') broken = verdict.anomalies[0];
      }
      return broken;
    },
    end: () => checker.check(growing.snapshot(), budget, semantics),
  };
}
