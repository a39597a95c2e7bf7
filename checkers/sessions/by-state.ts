/**
 * Monotonic-writes and writes-follow-reads: a state that shows a write shows what its session had done before making it.
 *
 * Dependencies are direct: those of the session that made the write. A state is compared with itself and with later states of the
 * same log (states.ts), never with what some other node showed: a reader that roams from a fresh follower to a stale one breaks
 * monotonic reads, and neither of these.
 */
import { NONE } from '../../history/history.ts';
import type { Anomaly, Budget, Verdict } from '../checker.ts';
import { reportContradictions } from './contradictions.ts';
import { type Demand, Demands } from './demands.ts';
import { Findings, onceOf } from './findings.ts';
import { Past, type PastByKey } from './past.ts';
import { AMBIGUOUS, INITIAL } from './registers.ts';
import { type Binding, movedDoubt, NO_STATES, type Prepared, reportCommon, verdictOf } from './rule.ts';
import { type Lists, statesOf } from './states.ts';
import { type Wanted, WantedOrder } from './wanted-order.ts';

export interface StateRule {
  readonly binding: Binding;
  explain(demand: Demand, read: number): Anomaly;
  clause(wanted: Wanted): { readonly text: string; readonly rows: readonly number[] };
  readonly nothing: string;
}

const ASK_EVERY = 8192;

export function judgeStates(prepared: Prepared, budget: Budget, rule: StateRule): Verdict {
  return new StateJudge(prepared, budget, rule).verdict();
}

class StateJudge {
  readonly #prepared: Prepared;
  readonly #budget: Budget;
  readonly #rule: StateRule;
  readonly #past: Past;
  /** What the state at hand owes, by key. */
  readonly #due: Demands;
  /** Keys of which it owes something, in part more than once. */
  #owed: number[] = [];
  readonly #order: WantedOrder;
  readonly #findings = new Findings();
  readonly #counts = { reads: 0, writes: 0, states: 0, pairs: 0, ambiguous: 0 };
  #asked = 0;
  #rows = 0;

  constructor(prepared: Prepared, budget: Budget, rule: StateRule) {
    this.#prepared = prepared;
    this.#budget = budget;
    this.#rule = rule;
    this.#past = new Past(prepared, rule.binding);
    this.#due = new Demands(prepared.registers, prepared.history.keys.length);
    this.#order = new WantedOrder(prepared.registers, this.#due);
  }

  verdict(): Verdict {
    const { history, registers } = this.#prepared;
    const counts = this.#counts;
    counts.writes = this.#past.acknowledged;
    const { logs, batches, moved } = statesOf(history, registers.doubtful);
    const stopped =
      registers.settled && !hasSeveral(batches) && this.#countSettled(logs, batches)
        ? this.#common()
        : (this.#judgeLogs(logs) ?? this.#judgeBatches(batches) ?? this.#common());
    const examined = { operations: history.operations, ...counts };
    if (stopped !== undefined) return this.#findings.verdict(examined, stopped);
    const none = counts.pairs === 0 && logs.count === 0 && !hasSeveral(batches);
    return verdictOf(
      this.#prepared,
      this.#findings,
      examined,
      none ? NO_STATES : this.#rule.nothing,
      movedDoubt(history, moved),
    );
  }

  #common(): string | undefined {
    reportContradictions(this.#prepared, this.#findings);
    return reportCommon(this.#prepared, this.#order, this.#findings, this.#budget, (wanted) =>
      this.#rule.clause(wanted),
    );
  }

  /** The reason to stop, asked for now and then. */
  #stopped(): string | undefined {
    const steps = this.#rows + this.#due.steps;
    if (steps < this.#asked) return undefined;
    this.#asked = steps + ASK_EVERY;
    return this.#budget.spent();
  }

  /**
   * Counts what a log bears out that nobody ever changed (claims.ts): what a session had done before making a write lies below the
   * write, and so do all states that show the write lie above. Returns false, with nothing counted, where no read is bound by what another
   * one showed: then the usual way decides whether there is anything to examine.
   */
  #countSettled({ rows, start, count }: Lists, batches: Lists): boolean {
    const { history } = this.#prepared;
    const counts = this.#counts;
    let bound = 0;
    let states = batches.count;
    for (let log = 0; log < count; log++) {
      const reads = rows.subarray(start[log], start[log + 1]);
      bound += this.#boundReads(reads);
      states += placesOf(history.positionAt, reads);
    }
    if (bound === 0) return false;
    counts.states = states;
    counts.reads = bound;
    counts.pairs = bound;
    return true;
  }

  /** How many reads of one log are of keys of which something was owed before, and do not change by themselves what is owed. */
  #boundReads(reads: Int32Array): number {
    const { history, registers, threads } = this.#prepared;
    const { key } = history;
    const { source } = registers;
    const { length, start, write: past } = this.#past;
    const known = new Int32Array(threads.count);
    const owed = new Uint8Array(history.keys.length);
    let bound = 0;
    for (let i = 0; i < reads.length; i++) {
      const of = key[reads[i]];
      const wasOwed = owed[of];
      const write = source[reads[i]];
      let owesItself = false;
      if (write >= 0) {
        const thread = threads.of[write];
        for (let at = start[thread] + known[thread]; at < start[thread] + length[write]; at++) {
          owed[key[past[at]]] = 1;
          if (key[past[at]] === of) owesItself = true;
        }
        if (length[write] > known[thread]) known[thread] = length[write];
      }
      if (wasOwed === 1 && !owesItself) bound++;
    }
    return bound;
  }

  #judgeLogs({ rows, start, count }: Lists): string | undefined {
    const { history, registers, threads } = this.#prepared;
    const { positionAt } = history;
    const { source } = registers;
    const { length } = this.#past;
    /** How much of the past of each thread the log owes. */
    const known = new Int32Array(threads.count);
    const met: number[] = [];
    for (let log = 0; log < count; log++) {
      for (let from = start[log]; from < start[log + 1]; ) {
        let to = from + 1; // a place that is no number is like no other
        while (to < start[log + 1] && positionAt[rows[to]] === positionAt[rows[from]]) to++;
        for (let i = from; i < to; i++) {
          const write = source[rows[i]];
          if (write < 0 || length[write] === 0) continue;
          const thread = threads.of[write];
          if (length[write] <= known[thread]) continue;
          if (known[thread] === 0) met.push(thread);
          this.#owe(thread, rows[i], known[thread], length[write]);
          known[thread] = length[write];
        }
        for (let i = from; i < to; i++) this.#judge(rows[i]);
        this.#counts.states++;
        from = to;
        const stopped = this.#stopped();
        if (stopped !== undefined) return stopped;
      }
      for (const thread of met) known[thread] = 0;
      met.length = 0;
      this.#forget();
    }
    return undefined;
  }

  /** A state that shows the write of `via` owes these dependencies of its thread. */
  #owe(thread: number, via: number, from: number, to: number): void {
    const { write, by, start } = this.#past;
    const { key } = this.#prepared.history;
    const due = this.#due;
    const end = start[thread] + to;
    this.#rows += to - from;
    for (let i = start[thread] + from; i < end; i++) {
      const of = key[write[i]];
      if (due.newest(of) === NONE) this.#owed.push(of);
      due.add(of, write[i], by[i], via);
    }
  }

  #forget(): void {
    for (const list of this.#owed) this.#due.clear(list);
    this.#owed.length = 0;
  }

  #judgeBatches({ rows, start, count }: Lists): string | undefined {
    const { history, registers, threads } = this.#prepared;
    const { key } = history;
    const { length } = this.#past;
    let byKey: PastByKey | undefined;
    /** For each thread the read that shows the write that depends on most, plus one. */
    const latest = new Int32Array(threads.count);
    const met: number[] = [];
    /** For each key the last batch that held it, plus one. */
    const held = new Int32Array(history.keys.length);
    for (let batch = 0; batch < count; batch++) {
      this.#counts.states++;
      for (let i = start[batch]; i < start[batch + 1]; i++) {
        const write = registers.source[rows[i]];
        if (write < 0 || length[write] === 0) continue;
        const thread = threads.of[write];
        if (latest[thread] === 0) met.push(thread);
        if (latest[thread] === 0 || length[write] > length[registers.source[latest[thread] - 1]]) {
          latest[thread] = rows[i] + 1;
        }
      }
      if (met.length > 0) byKey ??= this.#past.byKey(this.#prepared);
      for (let i = start[batch]; i < start[batch + 1]; i++) {
        if (byKey === undefined || held[key[rows[i]]] === batch + 1) continue;
        held[key[rows[i]]] = batch + 1;
        for (const thread of met) this.#oweRecent(byKey, thread, key[rows[i]], latest[thread] - 1);
      }
      for (const thread of met) latest[thread] = 0;
      met.length = 0;
      for (let i = start[batch]; i < start[batch + 1]; i++) this.#judge(rows[i]);
      this.#forget();
      const stopped = this.#stopped();
      if (stopped !== undefined) return stopped;
    }
    return undefined;
  }

  /**
   * What the write that `via` shows depends on in one key, newest first. Walks back only as far as dependencies may be concurrent:
   * once all that is left had taken effect before one that is owed was even asked for, time owes nothing more. Versions need not
   * agree with time: of what is left the highest ones are owed too.
   */
  #oweRecent({ pairs, start, at, count, settled, highest }: PastByKey, thread: number, key: number, via: number): void {
    const { history, registers } = this.#prepared;
    const past = this.#past;
    this.#rows++;
    const pair = pairs.of(thread, key);
    if (pair >= count) return;
    const end = past.start[thread] + past.length[registers.source[via]];
    let low = start[pair];
    let high = start[pair + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle] < end) low = middle + 1;
      else high = middle;
    }
    let newest = NONE;
    let i = low - 1;
    for (; i >= start[pair] && settled[i] >= newest; i--) {
      this.#oweOne(key, at[i], via);
      newest = Math.max(newest, history.call[past.write[at[i]]]);
    }
    if (i < start[pair]) return;
    for (let link = highest.first(i); link !== NONE; link = highest.next(link)) {
      this.#oweOne(key, at[highest.place(link)], via);
    }
  }

  /** A dependency by its index in the past. */
  #oweOne(key: number, index: number, via: number): void {
    this.#rows++;
    if (this.#due.newest(key) === NONE) this.#owed.push(key);
    this.#due.add(key, this.#past.write[index], this.#past.by[index], via);
  }

  #judge(read: number): void {
    const { history, registers } = this.#prepared;
    const counts = this.#counts;
    const due = this.#due;
    this.#rows++;
    const shown = registers.source[read];
    if (shown === AMBIGUOUS) counts.ambiguous++;
    const list = history.key[read];
    const newest = due.newest(list);
    if (newest === NONE || shown < INITIAL) return;
    // What a write of the same key asks of itself is no evidence; it can still be broken, by versions out of order.
    if (due.older(newest) === NONE && due.met(newest, shown) > 0) {
      if (due.via(newest) === read) return;
      counts.reads++;
      counts.pairs++;
      return;
    }
    let others = 0;
    for (let demand = newest; demand !== NONE; demand = due.older(demand)) if (due.via(demand) !== read) others++;
    if (others > 0) counts.reads++;
    counts.pairs += others;
    const failed = due.failed(list, shown);
    if (failed === NONE) this.#order.add(list, read, shown);
    else {
      const demand = due.get(failed);
      this.#findings.add(() => this.#rule.explain(demand, read), onceOf(history, read, registers.source[read], failed));
    }
  }
}

/** How many places these reads are of; a place that is no number is like no other. */
function placesOf(positionAt: Float64Array, reads: Int32Array): number {
  let places = 0;
  let last = Number.NaN;
  for (let i = 0; i < reads.length; i++) {
    const place = positionAt[reads[i]];
    if (place !== last) places++;
    last = place;
  }
  return places;
}

function hasSeveral({ start, count }: Lists): boolean {
  for (let i = 0; i < count; i++) if (start[i + 1] - start[i] > 1) return true;
  return false;
}
