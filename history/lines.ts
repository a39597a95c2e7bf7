/**
 * From which line of its file each event of a history was read: for those who explain, and send people to the place.
 *
 * Lines are not kept one by one. Most files have an event a line, so that position and line grow together for long: such
 * runs are kept. A header, blank lines, notes and what else takes a line and no event position begin a new run, and cost
 * twelve bytes each; so does a batch, whose rows share a line.
 */

/** Numbers of a run: its first position, the line of that, and by how many lines each further position goes on. */
const RUN = 3;
/** Numbers of an end that has no position: its line, and the position of its operation's call. */
const END = 2;

/** As `postMessage` takes it. */
export interface SharedLines {
  readonly runs: Int32Array;
  readonly ends: Int32Array;
}

export class Lines {
  readonly #runs: Int32Array;
  readonly #ends: Int32Array;
  /** Where the history's positions are not those that were read: the position read for each. */
  readonly #readAt: ((position: number) => number) | undefined;
  /** The ends in the order of the calls, once asked for. */
  #byCall: Int32Array | undefined;

  constructor({ runs, ends }: SharedLines, readAt?: (position: number) => number) {
    this.#runs = runs;
    this.#ends = ends;
    this.#readAt = readAt;
  }

  /** 1-based line of the event at that position. */
  at(position: number): number {
    const runs = this.#runs;
    const read = this.#readAt?.(position) ?? position;
    let [low, high] = [0, runs.length / RUN];
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (runs[middle * RUN] <= read) low = middle;
      else high = middle;
    }
    return runs[low * RUN + 1] + (read - runs[low * RUN]) * runs[low * RUN + 2];
  }

  /** Line of the `info` that ended the operation that was called there; undefined where nothing did. */
  ofEnd(call: number): number | undefined {
    const ends = (this.#byCall ??= byCall(this.#ends));
    const read = this.#readAt?.(call) ?? call;
    let [low, high] = [0, ends.length / END];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle * END + 1] < read) low = middle + 1;
      else high = middle;
    }
    return ends[low * END + 1] === read ? ends[low * END] : undefined;
  }

  /** The same for a history with other positions: `readAt` tells which of ours each of them is. */
  moved(readAt: (position: number) => number): Lines {
    const before = this.#readAt;
    const shared = { runs: this.#runs, ends: this.#ends };
    return new Lines(shared, before === undefined ? readAt : (position) => before(readAt(position)));
  }

  get bytes(): number {
    return this.#runs.byteLength + this.#ends.byteLength;
  }

  /** Undefined where positions were moved: what others are to go on with is what was read. */
  toShared(): SharedLines | undefined {
    return this.#readAt === undefined ? { runs: this.#runs, ends: this.#ends } : undefined;
  }
}

function byCall(ends: Int32Array): Int32Array {
  const sorted = new Int32Array(ends);
  // Two numbers as one, the later of which counts more, as processors of our day have them.
  new BigUint64Array(sorted.buffer).sort();
  return sorted;
}

/** Takes the lines while a history is read. */
export class LineRuns {
  /** Line of the event at hand; 0: it comes from no file. */
  line = 0;
  readonly #runs = new Integers();
  readonly #ends = new Integers();
  /** What the line of the next position is, if the run goes on; of a run of one position nobody knows. */
  #expected = -1;
  #step = 0;
  /** The first position of the run. */
  #first = 0;

  /** The event at hand has this position, the next one. */
  place(position: number): void {
    if (this.line === this.#expected) this.#expected += this.#step;
    else this.#turn(position);
  }

  /** The event at hand ends an operation, and has no position. */
  end(call: number): void {
    if (this.line === 0) return;
    this.#ends.push(this.line);
    this.#ends.push(call);
  }

  /** Undefined where there are no lines. A copy: nothing is added to it later. */
  lines(): Lines | undefined {
    const runs = this.#runs.copy();
    const isOfFile = runs.length > RUN || (runs.length === RUN && runs[1] > 0);
    return isOfFile ? new Lines({ runs, ends: this.#ends.copy() }) : undefined;
  }

  #turn(position: number): void {
    const { line } = this;
    const runs = this.#runs;
    if (runs.length > 0 && position === this.#first + 1) {
      // The second of a run says how it goes on.
      this.#step = line - runs.at(runs.length - 2);
      runs.set(runs.length - 1, this.#step);
      this.#expected = line + this.#step;
      return;
    }
    this.#first = position;
    this.#expected = -1;
    for (const number of [position, line, 0]) runs.push(number);
  }
}

/** A growing array. */
class Integers {
  length = 0;
  #numbers = new Int32Array(48);

  at(i: number): number {
    return this.#numbers[i];
  }

  set(i: number, number: number): void {
    this.#numbers[i] = number;
  }

  push(number: number): void {
    if (this.length === this.#numbers.length) {
      const wider = new Int32Array(this.length * 2);
      wider.set(this.#numbers);
      this.#numbers = wider;
    }
    this.#numbers[this.length++] = number;
  }

  copy(): Int32Array {
    const copy = new Int32Array(new SharedArrayBuffer(this.length * 4));
    copy.set(this.#numbers.subarray(0, this.length));
    return copy;
  }
}
