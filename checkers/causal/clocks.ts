/**
 * Vector clocks as rows of one array: entry c of a row is the index of the last write of chain c that it knows, 0 for none. Rows are
 * handed back when nobody will look at them again, so that those in use stay few.
 */
import { IntList } from './int-list.ts';

/** 1 GB. Beyond, the number of concurrent sessions is not one that clocks are made for. */
const INTS_MAX = 2 ** 28;

export class Clocks {
  /** Entry c of row r is `ints[r * width + c]`. Both change when a chain is added: do not hold on to them. */
  ints: Int32Array;
  width: number;
  /** Set when memory would not hold any more; all that is asked for then is the same useless row. */
  isFull = false;
  #rows = 0;
  readonly #free = new IntList();

  constructor(width: number) {
    this.width = Math.max(4, width);
    this.ints = new Int32Array(this.width * 64);
  }

  /** A row of any content. */
  take(): number {
    if (this.#free.length > 0) return this.#free.items[--this.#free.length];
    if ((this.#rows + 1) * this.width > this.ints.length) this.#resize(this.width, this.ints.length * 2);
    if (this.isFull) return 0;
    return this.#rows++;
  }

  takeZero(): number {
    const row = this.take();
    this.ints.fill(0, row * this.width, (row + 1) * this.width);
    return row;
  }

  takeCopy(of: number): number {
    const row = this.take();
    const { ints, width } = this;
    const from = of * width;
    const to = row * width;
    for (let c = 0; c < width; c++) ints[to + c] = ints[from + c];
    return row;
  }

  release(row: number): void {
    this.#free.push(row);
  }

  /** Makes room for so many chains. */
  widen(chains: number): void {
    if (chains <= this.width) return;
    const width = Math.max(chains, this.width * 2);
    this.#resize(width, Math.max(this.#rows + 1, 64) * width);
  }

  #resize(width: number, length: number): void {
    if (length > INTS_MAX) {
      this.isFull = true;
      return;
    }
    const ints = new Int32Array(length);
    if (width === this.width) ints.set(this.ints);
    else {
      for (let row = 0; row < this.#rows; row++) {
        ints.set(this.ints.subarray(row * this.width, (row + 1) * this.width), row * width);
      }
    }
    this.ints = ints;
    this.width = width;
  }
}
