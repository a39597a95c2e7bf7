/** Causal memory, session by session. */
import { NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import { type Case, exactPast, type Wrong } from './judge.ts';
import { explainNoOrder, sayReads } from '../sequential/explain.ts';
import { OneOrder, UNJUDGED } from '../sequential/search.ts';
import { explainView, type Tries } from './explain-view.ts';
import { type Lines, linesByThread } from './lines.ts';
import { endOf } from './units.ts';
import { Learning } from './learning.ts';
import { Sweep } from './sweep.ts';
import { Views } from './views.ts';

const EXPLAINED = 2;

/** How many units may be looked at to find a short explanation: about a second. */
const UNITS_LOOKED_AT = 12_000_000;
const TRIES_LEAST = 16;

export interface Memory extends Wrong {
  /** Why a session could not be judged; undefined where all were. */
  readonly doubt: string | undefined;
}

/** @param sweeps whether sessions may be found to stand by sweep.ts; views.ts alone decides as well, and slower */
export function judgeMemory(at: Case, sweeps = true): Memory {
  return new MemoryJudge(at, sweeps).judge();
}

class MemoryJudge {
  readonly #at: Case;
  readonly #views: Views;
  readonly #sweep: Sweep | undefined;
  readonly #tries: Tries;
  readonly #anomalies: Anomaly[] = [];
  #count = 0;
  #doubt: string | undefined;
  #alone: Wrong | undefined;

  constructor(at: Case, sweeps: boolean) {
    this.#at = at;
    if (sweeps) this.#sweep = new Sweep(at.units, at.sessions, new Learning(at.units, at.sessions, at.budget));
    this.#views = new Views(at.units, at.sessions, at.past);
    this.#tries = { left: Math.max(TRIES_LEAST, Math.floor(UNITS_LOOKED_AT / (at.past.length + 1))) };
  }

  judge(): Memory {
    for (const { all, parts } of linesByThread(this.#at)) {
      this.#doubt ??= this.#at.budget.spent();
      if (this.#doubt !== undefined) break;
      if (all.length === 1 && this.#sweepStands(all[0])) continue;
      if (this.#views.stands(merged(all, this.#at.past.place), this.#at.budget) === true) continue;
      for (const part of parts()) if (this.#doubt === undefined) this.#judgePart(part);
      if (this.#alone !== undefined) return { ...this.#alone, doubt: undefined };
    }
    return { anomalies: this.#anomalies, count: this.#count, doubt: this.#doubt };
  }

  #sweepStands(line: Int32Array, units = line.length): boolean {
    const lane = this.#at.sessions.lane[line[0]];
    return lane !== NONE && this.#sweep?.stands(lane, units) === true;
  }

  /** The shortest beginning of a line that does not stand, if that is wrong for certain. */
  #untilWrong(line: Int32Array): Int32Array {
    if (this.#sweep === undefined || this.#at.sessions.lane[line[0]] === NONE) return line;
    let [low, high] = [1, line.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sweepStands(line, middle)) low = middle + 1;
      else high = middle;
    }
    const part = line.subarray(0, high);
    return this.#views.stands(part, this.#at.budget) === false ? part : line;
  }

  #judgePart(lines: Lines): void {
    const at = this.#at;
    const whole = merged(lines, at.past.place);
    const stands = this.#views.stands(whole, at.budget);
    if (stands === undefined) this.#doubt ??= at.budget.spent();
    if (stands !== false) return;
    // The order in which overlapping operations of a session were seen is open: only what one lane alone forces is certain.
    const wrong = lines.length === 1 ? whole : lines.find((line) => this.#views.stands(line, at.budget) === false);
    if (wrong === undefined) {
      this.#search(lines);
      return;
    }
    if (this.#count++ === 0) {
      // What is wrong with one operation alone says more than what a session cannot have seen.
      const { wrong: alone } = exactPast(at);
      if (alone.count > 0) this.#alone = alone;
    }
    if (this.#anomalies.length === 0 || (this.#anomalies.length < EXPLAINED && this.#tries.left > 0)) {
      this.#anomalies.push(explainView(at, this.#views, this.#untilWrong(wrong), this.#tries));
    }
  }

  #search(lines: Lines): void {
    const { budget, threads } = this.#at;
    const hidden = showOnly(this.#at, lines);
    const found = new OneOrder(this.#at, hidden).search(budget);
    if (found === 'an order') return;
    const name = threads.name(lines[0][0]);
    if (found === 'none') {
      this.#count++;
      const ofWhat = `all writes and the operations of ${name}`;
      this.#anomalies.push(explainNoOrder(this.#at, hidden, (reads) => sayReads(this.#at, reads, ofWhat)));
    } else {
      this.#doubt ??= `${name} has operations that overlap, and no order of them was found that explains its reads: ${found.undecided}`;
    }
  }
}

/** UNJUDGED for each row that says what others found, and for what does not say it. */
function showOnly({ units }: Case, lines: Lines): Uint8Array {
  const { history, source } = units;
  const hidden = new Uint8Array(history.length).fill(UNJUDGED);
  for (const line of lines) {
    for (const unit of line) {
      for (let row = unit, end = endOf(history, unit); row < end; row++) if (source[row] !== NONE) hidden[row] = 0;
    }
  }
  return hidden;
}

/** In causal order. */
function merged(lanes: Lines, place: Int32Array): Int32Array {
  if (lanes.length === 1) return lanes[0];
  return Int32Array.from(lanes.flatMap((lane) => [...lane]).sort((a, b) => place[a] - place[b]));
}
