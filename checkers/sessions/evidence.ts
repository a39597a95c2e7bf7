/**
 * The operations that an anomaly shows have to prove it. That one write is older than another may rest on an operation that the anomaly
 * does not speak of: a read that returned the first before the second was asked for, a read that told a version, a write between them.
 * So they are judged again, as a history of their own; where they are not wrong in the same way, what their order rests on is added, and
 * of that is left out again whatever is not needed (delta debugging, Zeller 1999).
 */
import { CAS, type History, NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Budget, Checker, Semantics, Verdict } from '../checker.ts';
import { companionsOf } from './cas-reads.ts';
import { operationsOf, rowsShown } from './operations.ts';
import { partOf } from './part.ts';
import { AMBIGUOUS, type Registers } from './registers.ts';
import type { Prepared } from './rule.ts';

type Judge = Checker['check'];

/** How many rows may be judged again, all anomalies together. */
const ROWS_JUDGED = 100_000;
/** So much a judgement costs besides its rows. */
const ROWS_A_JUDGEMENT = 50;
/** How many of the operations that were added are named. */
const NAMED = 3;
/** How many writes of one value are shown, where nothing tells which of them was read. */
const ALIKE_MAX = 4;
/** How many rows of its keys are tried before and after the last one shown, where what is known to be needed is not enough. */
const AROUND = [60, 600, 5000] as const;
/** Up to how many rows all of a history is tried in the end. */
const WHOLE_MAX = 4000;

/** The verdict of `judge`, each of its anomalies with all that proves it. */
export function withEvidence(
  judge: Judge,
  prepare: (history: History, semantics: Semantics) => Prepared,
): (history: History, budget: Budget, semantics: Semantics) => Verdict {
  return (history, budget, semantics) => {
    const verdict = judge(history, budget, semantics);
    if (verdict.type !== 'invalid') return verdict;
    const evidence = new EvidenceFinder(history, prepare(history, semantics), (part) => judge(part, budget, semantics));
    const [first, ...rest] = verdict.anomalies;
    return {
      ...verdict,
      anomalies: [evidence.complete(first), ...rest.map((anomaly) => evidence.complete(anomaly))],
    };
  };
}

class EvidenceFinder {
  readonly #original: History;
  /** With rows of its own where a cas is a read too. */
  readonly #history: History;
  readonly #registers: Registers;
  readonly #companions: Uint8Array | undefined;
  readonly #judge: (part: History) => Verdict;
  #left = ROWS_JUDGED;

  constructor(original: History, { history, registers }: Prepared, judge: (part: History) => Verdict) {
    this.#original = original;
    this.#history = history;
    this.#registers = registers;
    this.#companions = companionsOf(history);
    this.#judge = judge;
  }

  complete(anomaly: Anomaly): Anomaly {
    const said = rowsShown(anomaly.operations);
    if (said === undefined) return anomaly;
    const shown = this.#closed(said);
    const plain = operationsOf(this.#history, shown);
    if (this.#isProof(shown, anomaly.kind)) return { ...anomaly, operations: plain };
    const known = this.#closed([...shown, ...shown.flatMap((row) => this.#vouchers(row))]);
    for (const candidate of [known, ...this.#around(known)]) {
      if (!this.#isProof(candidate, anomaly.kind)) continue;
      return this.#adding(anomaly, plain, this.#fewest(shown, candidate, anomaly.kind));
    }
    return this.#adding(anomaly, plain, known);
  }

  /** What is added to the plain ones is named, for the sentence does not speak of it; but for the writes of what is read, which need no word. */
  #adding(anomaly: Anomaly, plain: Anomaly['operations'], rows: readonly number[]): Anomaly {
    const operations = operationsOf(this.#history, rows);
    const told = new Set(plain.map(({ index }) => index));
    const added = operations.filter(({ index, f }) => !told.has(index) && f !== 'write');
    if (added.length === 0) return { ...anomaly, operations };
    const names = added.slice(0, NAMED).map(({ index }) => `[${index}]`);
    const others = added.length > NAMED ? [`${added.length - NAMED} more`] : [];
    const all = [...names, ...others];
    const list = all.length === 1 ? all[0] : `${all.slice(0, -1).join(', ')} and ${all[all.length - 1]}`;
    return { ...anomaly, sentence: `${anomaly.sentence} That rests on ${list} as well.`, operations };
  }

  /** Of the cas itself, not of its companion; with the writes whose values were read, and nothing twice. */
  #closed(rows: readonly number[]): readonly number[] {
    const { source } = this.#registers;
    const closed = new Set<number>();
    const left = [...rows];
    for (let row = left.pop(); row !== undefined; row = left.pop()) {
      const shown = this.#companions?.[row] === 1 ? row + 1 : row;
      if (closed.has(shown)) continue;
      closed.add(shown);
      const read = this.#companions?.[shown - 1] === 1 ? shown - 1 : shown;
      if (source[read] >= 0) left.push(source[read]);
      else if (source[read] === AMBIGUOUS) left.push(...this.#writesLike(read));
    }
    return [...closed].sort((a, b) => a - b);
  }

  /** The first writes whose value a read may have returned. */
  #writesLike(read: number): readonly number[] {
    const { key, value, call, ret, length } = this.#history;
    const writes: number[] = [];
    for (let row = 0; row < length && writes.length < ALIKE_MAX && call[row] < ret[read]; row++) {
      if (value[row] === value[read] && key[row] === key[read] && this.#registers.isWrite(row)) writes.push(row);
    }
    return writes;
  }

  /** What tells when a write had taken effect, and its version, where its own answer does not. */
  #vouchers(write: number): readonly number[] {
    const { f, outcome, ret, call, versionGroup, versionAt, versionHistory, length } = this.#history;
    const { done, source, versions } = this.#registers;
    if (f[write] === READ || f[write] > CAS) return [];
    const isAcknowledged = outcome[write] === OK;
    let time = isAcknowledged && ret[write] === done[write];
    let version = versions.group[write] === NONE || (isAcknowledged && versionGroup[write] !== NONE);
    const vouchers: number[] = [];
    for (let read = 0; read < length && !(time && version); read++) {
      if (source[read] !== write) continue;
      const tellsTime = !time && Math.max(ret[read], call[write]) === done[write];
      const tellsVersion =
        !version &&
        versionGroup[read] === versions.group[write] &&
        versionAt[read] === versions.at[write] &&
        versionHistory[read] === versions.history[write];
      if (tellsTime || tellsVersion) vouchers.push(read);
      time ||= tellsTime;
      version ||= tellsVersion;
    }
    return vouchers;
  }

  /** More of the same keys, fewer rows first. */
  *#around(known: readonly number[]): Generator<readonly number[]> {
    const { key } = this.#history;
    const keys = new Set(known.map((row) => key[row]));
    const last = known[known.length - 1];
    for (const size of AROUND) {
      const rows: number[] = [];
      let early = last;
      for (; early >= 0 && rows.length < size; early--) if (keys.has(key[early])) rows.push(early);
      let late = last + 1;
      for (; late < key.length && rows.length < 2 * size; late++) if (keys.has(key[late])) rows.push(late);
      yield this.#closed([...known, ...rows]);
      if (early < 0 && late === key.length) break;
    }
    if (key.length <= WHOLE_MAX) yield this.#closed(Array.from({ length: key.length }, (_, row) => row));
  }

  /** What is left of a proof, besides what is shown in any case, when nothing more can be left out. */
  #fewest(shown: readonly number[], proof: readonly number[], kind: string): readonly number[] {
    const always = new Set(shown);
    let added = proof.filter((row) => !always.has(row));
    for (let size = Math.max(1, added.length >> 1); size >= 1; size >>= 1) {
      for (let from = 0; from < added.length && this.#left > 0; ) {
        const rest = [...added.slice(0, from), ...added.slice(from + size)];
        const rows = this.#closed([...shown, ...rest]);
        if (rows.length < shown.length + added.length && this.#isProof(rows, kind)) {
          added = rows.filter((row) => !always.has(row));
        } else from += size;
      }
    }
    return this.#closed([...shown, ...added]);
  }

  #isProof(rows: readonly number[], kind: string): boolean {
    if (this.#left < rows.length) return false;
    this.#left -= rows.length + ROWS_A_JUDGEMENT;
    const verdict = this.#judge(partOf(this.#original, this.#originalOf(rows)));
    return verdict.type === 'invalid' && verdict.anomalies.some((one) => one.kind === kind);
  }

  /** Where these rows, none of them a companion, are in the history that came. */
  #originalOf(rows: readonly number[]): readonly number[] {
    const companions = this.#companions;
    if (companions === undefined) return rows;
    let passed = 0;
    let row = 0;
    return rows.map((one) => {
      for (; row < one; row++) passed += companions[row];
      return one - passed;
    });
  }
}
