/**
 * Judges a history against what its system promises: the matrix of (write path, read path) × guarantee.
 *
 * Each row is judged on its own part of the history: all writes to the keys of its write path, and the reads of its read
 * path. A cell is never filled by implication, and only promised cells decide the verdict of the run.
 */
import {
  type Budget,
  type Checker,
  defaultSemantics,
  type Evidence,
  type Semantics,
  type Verdict,
} from '../checkers/checker.ts';
import { type Guarantee, guarantees } from '../history/guarantee.ts';
import { CAS, type History, NONE, WRITE } from '../history/history.ts';
import type { Cell } from '../results/record.ts';
import type { Path, System } from './system.ts';

export interface Jury {
  readonly system: System;
  readonly writePaths: readonly string[];
  readonly readPaths: readonly string[];
  /** The columns that were asked for. */
  readonly guarantees: readonly Guarantee[];
  readonly checkers: ReadonlyMap<string, Checker>;
  readonly budget: Budget;
  /** Whether the plan holds faults that can depose a leader; without them some guarantees can't be exercised. */
  readonly disruptive: boolean;
  /** Leaders deposed and replaced in this history. */
  readonly failovers: number;
}

/** The least evidence on which a promise counts as kept: counts of the verdict's evidence by name. */
const minimum: Readonly<Record<Guarantee, Readonly<Record<string, number>>>> = {
  linearizable: { reads: 100, writes: 50 },
  'read-your-writes': { reads: 50 },
  'monotonic-reads': { reads: 50 },
  'monotonic-writes': { reads: 50 },
  'writes-follow-reads': { reads: 50 },
  durable: { writes: 50 },
  fenced: { writes: 50 },
  convergent: { operations: 1 },
  'one-leader-per-term': {},
};

/** These say nothing until a leader has been replaced. */
const needsFailover: ReadonlySet<Guarantee> = new Set(['durable', 'fenced', 'one-leader-per-term']);

export function judge(history: History, jury: Jury): readonly Cell[] {
  const lanes = keysByWritePath(history, jury.writePaths);
  const cells: Cell[] = [];
  for (const guarantee of jury.guarantees) {
    switch (guarantees[guarantee].scope) {
      case 'system':
        cells.push(cell(jury, guarantee, history, jury.system.always, {}));
        break;
      case 'write path':
        for (const [lane, writePath] of jury.writePaths.entries()) {
          const part = history.filter((row) => lanes[history.key[row]] === lane);
          cells.push(cell(jury, guarantee, part, jury.system.promisesOfWrites(writePath), { writePath }));
        }
        break;
      case 'row':
        break;
    }
  }
  const columns = jury.guarantees.filter((guarantee) => guarantees[guarantee].scope === 'row');
  if (columns.length === 0) return cells;
  for (const [lane, writePath] of jury.writePaths.entries()) {
    for (const readPath of jury.readPaths) {
      const part = rowOf(history, lanes, lane, readPath);
      const promised = jury.system.promises(writePath, readPath);
      for (const guarantee of columns) cells.push(cell(jury, guarantee, part, promised, { writePath, readPath }));
    }
  }
  return cells;
}

/** All writes to the keys of a write path, and the reads of those keys through one read path. */
export function rowOf(history: History, lanes: Int32Array, lane: number, readPath: string): History {
  const path = history.paths.indexOf(readPath);
  const { f, key } = history;
  return history.filter(
    (row) => lanes[key[row]] === lane && (f[row] === WRITE || f[row] === CAS || history.path[row] === path),
  );
}

/**
 * For each key of the history the number of its write path, NONE for a key that nobody wrote to. A key has one write path in a
 * run, so that what one path loses is never blamed on another.
 */
export function keysByWritePath(history: History, writePaths: readonly string[]): Int32Array {
  const lanes = new Int32Array(history.keys.length).fill(NONE);
  const laneOfPath = history.paths.map((path) => writePaths.indexOf(path));
  for (let row = 0; row < history.length; row++) {
    const isWrite = history.f[row] === WRITE || history.f[row] === CAS;
    if (isWrite && history.path[row] !== NONE) lanes[history.key[row]] = laneOfPath[history.path[row]];
  }
  return lanes;
}

function cell(
  jury: Jury,
  guarantee: Guarantee,
  part: History,
  promisedHere: readonly Guarantee[],
  where: { readonly writePath?: string; readonly readPath?: string },
): Cell {
  const checker = jury.checkers.get(guarantee);
  const promised = promisedHere.includes(guarantee);
  if (checker === undefined) throw new Error(`no checker decides ${guarantee}`);
  const semantics: Semantics = { ...defaultSemantics, thread: threadOf(jury.system.readPaths, where.readPath) };
  const verdict = checker.check(part, jury.budget, semantics);
  const base = { guarantee, ...where, evidence: verdict.examined };
  if (verdict.type === 'invalid') {
    return {
      ...base,
      state: promised ? 'broken' : 'violated',
      note: share(verdict),
      anomalyCount: verdict.count,
      anomalies: verdict.anomalies,
    };
  }
  const none = { anomalyCount: 0, anomalies: [] };
  const unexercised = needsFailover.has(guarantee) && jury.failovers === 0;
  if (unexercised && !jury.disruptive) {
    return { ...base, ...none, state: 'not exercised', note: 'needs a fault that deposes a leader' };
  }
  if (verdict.type === 'unknown') return { ...base, ...none, state: 'undecided', note: verdict.reason };
  if (!promised) return { ...base, ...none, state: 'holds', note: '' };
  const missing = unexercised ? 'no failover happened; at least 1 is needed' : lacking(guarantee, verdict.examined);
  if (missing !== undefined) return { ...base, ...none, state: 'undecided', note: missing };
  return { ...base, ...none, state: 'kept', note: '' };
}

function threadOf(paths: readonly Path[], readPath: string | undefined): 'session' | 'device' {
  return paths.find((path) => path.name === readPath)?.thread ?? 'session';
}

/** The first count that is below its minimum, as a sentence's half. */
function lacking(guarantee: Guarantee, evidence: Evidence): string | undefined {
  for (const [name, least] of Object.entries(minimum[guarantee])) {
    const have = evidence[name] ?? 0;
    if (have < least) return `${have} ${name} seen; at least ${least} are needed`;
  }
  return undefined;
}

/** Whether counts, added up over several runs, reach the minimum on which a promise counts as kept. */
export function enoughEvidence(guarantee: Guarantee, evidence: Readonly<Record<string, number>>): boolean {
  return Object.entries(minimum[guarantee]).every(([name, least]) => (evidence[name] ?? 0) >= least);
}

/** How much of what was examined is anomalous: `41 of 1204 reads (3.4 %)`. */
function share(verdict: Extract<Verdict, { type: 'invalid' }>): string {
  const { count, examined } = verdict;
  const of = examined.reads ?? examined.writes ?? examined.operations;
  const noun = examined.reads !== undefined ? 'reads' : examined.writes !== undefined ? 'writes' : 'operations';
  return of >= count && of > 0
    ? `${count} of ${of} ${noun} (${((100 * count) / of).toFixed(1)} %)`
    : `${count} anomalies`;
}

/** The verdict of a run, from its promised cells alone. */
export function verdictOf(cells: readonly Cell[], promised: (cell: Cell) => boolean): 'kept' | 'broken' | 'undecided' {
  if (cells.some((c) => c.state === 'broken')) return 'broken';
  if (cells.some((c) => c.state === 'undecided' && promised(c))) return 'undecided';
  return cells.some((c) => c.state === 'kept') ? 'kept' : 'undecided';
}

/** Whether a system claims what a cell is about. */
export function isPromised(system: System, { guarantee, writePath, readPath }: Cell): boolean {
  if (writePath === undefined) return system.always.includes(guarantee);
  if (readPath === undefined) return system.promisesOfWrites(writePath).includes(guarantee);
  return system.promises(writePath, readPath).includes(guarantee);
}
