/** The columns of a history while they grow. A column comes into being with the first row that has something for it. */
import type { EventFields } from './event-fields.ts';
import { FAIL, INFO, NEVER, NONE, TRANSACTION } from './history.ts';
import type { Columns } from './history.ts';
import { LineRuns } from './lines.ts';
import { mapColumns } from './table.ts';

const integers = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));
const floats = (length: number): Float64Array => new Float64Array(new SharedArrayBuffer(length * 8));
const bytes = (length: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(length));

/** Unused columns are empty while building; fresh pages cost nothing until they are written. */
interface Growing {
  f: Uint8Array;
  outcome: Uint8Array;
  flags: Uint8Array;
  role: Uint8Array;
  key: Int32Array;
  value: Int32Array;
  expected: Int32Array;
  actual: Int32Array;
  call: Int32Array;
  ret: Int32Array;
  process: Int32Array;
  session: Int32Array;
  device: Int32Array;
  path: Int32Array;
  node: Int32Array;
  batch: Int32Array;
  versionGroup: Int32Array;
  versionHistory: Int32Array;
  positionGroup: Int32Array;
  positionHistory: Int32Array;
  callTime: Float64Array;
  retTime: Float64Array;
  intended: Float64Array;
  versionAt: Float64Array;
  positionAt: Float64Array;
}

export class Rows {
  length = 0;
  /** Event positions handed out. */
  positions = 0;
  readonly lines = new LineRuns();
  #capacity = 0;
  readonly #columns: Growing = {
    ...mapColumns(
      () => bytes(0),
      () => integers(0),
      () => floats(0),
    ),
  };
  #index = integers(0);

  constructor() {
    this.reserve(64);
  }

  reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    const columns = this.#columns;
    const always = new Set<string>(['f', 'outcome', 'flags', 'key', 'value', 'call', 'ret', 'process']);
    const grow = <T extends { readonly length: number; set(from: T): void }>(
      name: string,
      old: T,
      make: (n: number) => T,
    ): T => {
      if (old.length === 0 && !always.has(name)) return old;
      const next = make(capacity);
      next.set(old);
      return next;
    };
    Object.assign(
      columns,
      mapColumns(
        (name) => grow(name, columns[name], bytes),
        (name) => grow(name, columns[name], integers),
        (name) => grow(name, columns[name], floats),
      ),
    );
    if (this.#index.length > 0) this.#index = grow('index', this.#index, (n) => integers(n * 2));
  }

  /** As they are now: arrays are replaced when they grow, and a column that no row has needed is empty. */
  get growing(): Columns {
    return this.#columns;
  }

  f(row: number): number {
    return this.#columns.f[row];
  }

  key(row: number): number {
    return this.#columns.key[row];
  }

  value(row: number): number {
    return this.#columns.value[row];
  }

  expected(row: number): number {
    return this.#columns.expected.length === 0 ? NONE : this.#columns.expected[row];
  }

  isTransaction(row: number): boolean {
    return (this.#columns.flags[row] & TRANSACTION) !== 0;
  }

  batch(row: number): number {
    return this.#columns.batch.length === 0 ? NONE : this.#columns.batch[row];
  }

  /** The row after the last of the batch. */
  batchEnd(first: number): number {
    let end = first;
    while (end < this.length && this.batch(end) === first) end++;
    return end;
  }

  /** Adds a row and returns its number. */
  invoke(event: EventFields, index: number, flags: number, batch: number): number {
    const row = this.length;
    if (row === this.#capacity) this.reserve(row * 2);
    this.length = row + 1;
    const c = this.#columns;
    c.f[row] = event.f;
    c.outcome[row] = INFO;
    c.flags[row] = flags;
    c.key[row] = event.key;
    c.value[row] = event.value;
    c.call[row] = this.#place(index);
    c.ret[row] = NEVER;
    c.process[row] = event.process;
    c.expected = this.#put(c.expected, row, event.expected);
    c.session = this.#put(c.session, row, event.session);
    c.device = this.#put(c.device, row, event.device);
    c.path = this.#put(c.path, row, event.path);
    c.batch = this.#put(c.batch, row, batch);
    c.callTime = this.#putFloat(c.callTime, row, event.time);
    c.intended = this.#putFloat(c.intended, row, event.intended);
    this.#clearCompletion(row);
    return row;
  }

  /** `answer`: reference to what was read, or NONE to leave the value as it was invoked. */
  complete(row: number, event: EventFields, index: number, flags: number, answer: number): void {
    const c = this.#columns;
    c.outcome[row] = event.type;
    c.flags[row] |= flags;
    if (answer !== NONE) c.value[row] = answer;
    if (event.type <= FAIL) c.ret[row] = this.#place(index);
    else this.lines.end(c.call[row]);
    c.retTime = this.#putFloat(c.retTime, row, event.time);
    if ((flags & ~TRANSACTION) !== 0) c.actual = this.#put(c.actual, row, event.actual);
    c.node = this.#put(c.node, row, event.node);
    if (event.role !== 255 || c.role.length !== 0) {
      if (c.role.length === 0) c.role = bytes(this.#capacity).fill(255, 0, this.length);
      c.role[row] = event.role;
    }
    if (event.versionGroup !== NONE) {
      c.versionGroup = this.#put(c.versionGroup, row, event.versionGroup);
      c.versionHistory = this.#put(c.versionHistory, row, event.versionHistory);
      c.versionAt = this.#putFloat(c.versionAt, row, event.versionAt);
    }
    if (event.positionGroup !== NONE) {
      c.positionGroup = this.#put(c.positionGroup, row, event.positionGroup);
      c.positionHistory = this.#put(c.positionHistory, row, event.positionHistory);
      c.positionAt = this.#putFloat(c.positionAt, row, event.positionAt);
    }
  }

  columns(): Columns {
    const { length } = this;
    const c = this.#columns;
    const none = integers(length).fill(NONE);
    const nan = floats(length).fill(Number.NaN);
    const noRole = bytes(length).fill(255);
    return mapColumns(
      (name) => (c[name].length === 0 ? noRole : c[name].subarray(0, length)),
      (name) => (c[name].length === 0 ? none : c[name].subarray(0, length)),
      (name) => (c[name].length === 0 ? nan : c[name].subarray(0, length)),
    );
  }

  /** Undefined where each position is its own index. */
  eventIndex(): Int32Array | undefined {
    return this.#index.length === 0 ? undefined : this.#index.subarray(0, this.positions);
  }

  /** Hands out the next event position to the event of that journal index. */
  #place(index: number): number {
    const position = this.positions++;
    this.lines.place(position);
    if (this.#index.length === 0) {
      if (index === position) return position;
      this.#index = integers(this.#capacity * 2);
      for (let earlier = 0; earlier < position; earlier++) this.#index[earlier] = earlier;
    }
    this.#index[position] = index;
    return position;
  }

  #clearCompletion(row: number): void {
    const c = this.#columns;
    if (c.retTime.length !== 0) c.retTime[row] = Number.NaN;
    if (c.actual.length !== 0) c.actual[row] = NONE;
    if (c.node.length !== 0) c.node[row] = NONE;
    if (c.role.length !== 0) c.role[row] = 255;
    if (c.versionGroup.length !== 0) {
      c.versionGroup[row] = c.versionHistory[row] = NONE;
      c.versionAt[row] = Number.NaN;
    }
    if (c.positionGroup.length !== 0) {
      c.positionGroup[row] = c.positionHistory[row] = NONE;
      c.positionAt[row] = Number.NaN;
    }
  }

  #put(column: Int32Array, row: number, value: number): Int32Array {
    if (column.length === 0) {
      if (value === NONE) return column;
      column = integers(this.#capacity).fill(NONE, 0, this.length);
    }
    column[row] = value;
    return column;
  }

  #putFloat(column: Float64Array, row: number, value: number): Float64Array {
    if (column.length === 0) {
      if (value !== value) return column;
      column = floats(this.#capacity).fill(Number.NaN, 0, this.length);
    }
    column[row] = value;
    return column;
  }
}
