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
import { CAS, type History, NONE, TRANSACTION, WRITE } from '../history/history.ts';
import type { Cell } from '../results/record.ts';
import type { Row } from './driver.ts';
import { isSend, spokenOf, withLogs } from './logs.ts';
import type { Path, System } from './system.ts';
import { count as thousands } from './table.ts';
import { checkLinearizable } from './transactions.ts';

export interface Jury {
  readonly system: System;
  readonly writePaths: readonly string[];
  readonly readPaths: readonly string[];
  /** The pairs of them that were tried; all if not given. */
  readonly rows?: readonly Row[];
  /** The columns that were asked for. */
  readonly guarantees: readonly Guarantee[];
  readonly checkers: ReadonlyMap<string, Checker>;
  readonly budget: Budget;
  /** Whether the plan holds faults that can depose a leader; without them some guarantees can't be exercised. */
  readonly disruptive: boolean;
  /** Leaders deposed and replaced in this history. */
  readonly failovers: number;
  /** Names of the faults that were injected with effect: some promises do not stand where they were. */
  readonly struck?: readonly string[];
  /** `undoneWrites` of the history; found again in each part of it if not given. */
  readonly undone?: ReadonlySet<number>;
}

/** The least evidence on which a promise counts as kept: counts of the verdict's evidence by name. */
const minimum: Readonly<Record<Guarantee, Readonly<Record<string, number>>>> = {
  linearizable: { reads: 100, writes: 50, concurrent: 20 },
  'read-your-writes': { reads: 50 },
  'monotonic-reads': { reads: 50 },
  'monotonic-writes': { reads: 50 },
  'writes-follow-reads': { reads: 50 },
  'bounded-staleness': { reads: 50 },
  durable: { writes: 50, failovers: 1 },
  fenced: { writes: 50, failovers: 1 },
  convergent: { reads: 10 },
  'one-leader-per-term': { sightings: 3, failovers: 1 },
  sequential: { reads: 100, writes: 50 },
  causal: { reads: 100, writes: 50 },
  'causal-memory': { reads: 100, writes: 50 },
  'causal-weak': { reads: 100, writes: 50 },
  'consistent-prefix': { reads: 50 },
  set: { reads: 1, adds: 50 },
  queue: { enqueues: 50, dequeued: 50 },
  log: { polls: 50, sends: 50 },
  counter: { reads: 50, adds: 50 },
  lock: { acquisitions: 20 },
};

/** These say nothing until a leader has been replaced. */
function needsFailover(guarantee: Guarantee): boolean {
  return minimum[guarantee].failovers !== undefined;
}

export function judge(history: History, jury: Jury): readonly Cell[] {
  const lanes = withLogs(history, keysByWritePath(history, jury.writePaths), jury.writePaths);
  const cells: Cell[] = [];
  for (const guarantee of jury.guarantees) {
    switch (guarantees[guarantee].scope) {
      case 'system':
        cells.push(cell(jury, guarantee, history, jury.system.always, {}));
        break;
      case 'write path':
        // What other paths acknowledged, and where, is evidence too; only this path's own acknowledgements are judged.
        for (const writePath of jury.writePaths) {
          cells.push(cell(jury, guarantee, history, jury.system.promisesOfWrites(writePath), { writePath }));
        }
        break;
      case 'row':
        break;
    }
  }
  const columns = jury.guarantees.filter((guarantee) => guarantees[guarantee].scope === 'row');
  if (columns.length === 0) return cells;
  for (const [lane, writePath] of jury.writePaths.entries()) {
    // How old an answer was is told by all that was done to its key, through whichever path.
    const whole = history.filter((row) => lanes[history.key[row]] === lane);
    for (const readPath of jury.readPaths) {
      if (!isTried(jury, writePath, readPath)) continue;
      const part = withTransactions(history, lanes, lane, writePath, readPath);
      const promised = jury.system.promises(writePath, readPath);
      for (const guarantee of columns) {
        if (guarantee !== 'bounded-staleness')
          cells.push(cell(jury, guarantee, part, promised, { writePath, readPath }));
        else if (boundOf(jury, readPath) !== undefined)
          cells.push(cell(jury, guarantee, whole, promised, { writePath, readPath }));
      }
    }
    // Linearizability is local, and no key has two write paths: nothing is gained by judging several together.
    if (columns.includes('linearizable')) cells.push(...union(history, jury, lanes, 'linearizable', [writePath]));
  }
  for (const guarantee of columns) {
    if (ofAllKeys.has(guarantee)) cells.push(...union(history, jury, lanes, guarantee, jury.writePaths));
  }
  return cells;
}

/** They speak of all keys at once: keys that are each written through another path can be all right one by one and together not. */
const ofAllKeys: ReadonlySet<Guarantee> = new Set(['sequential', 'causal', 'causal-memory', 'causal-weak']);

function isTried({ rows }: Jury, writePath: string, readPath: string): boolean {
  return rows === undefined || rows.some((row) => row.writePath === writePath && row.readPath === readPath);
}

/** Undefined for a path that states no bound: there is nothing to hold it to. */
function boundOf({ system }: Jury, readPath: string | undefined): number | undefined {
  return system.readPaths.find(({ name }) => name === readPath)?.boundMs;
}

export function uncommittedPaths({ readPaths }: System): readonly string[] {
  return readPaths.filter(({ uncommitted }) => uncommitted === true).map(({ name }) => name);
}

/** What the checker of bounded-staleness is told: whose reads, how old they may be, what was lost and never was newer. */
function bounded(jury: Jury, readPath: string | undefined): Partial<Semantics> {
  const boundMs = boundOf(jury, readPath);
  return {
    ...(readPath !== undefined && { blame: readPath }),
    ...(boundMs !== undefined && { boundMs }),
    ...(jury.undone !== undefined && { undone: jury.undone }),
    uncommitted: uncommittedPaths(jury.system),
  };
}

/** Two paths can each keep a promise and together not: the rows that promise the same are judged together as well. */
function union(
  history: History,
  jury: Jury,
  lanes: Int32Array,
  guarantee: Guarantee,
  writePaths: readonly string[],
): readonly Cell[] {
  const promising = (writePath: string): readonly string[] =>
    jury.readPaths.filter(
      (readPath) =>
        isTried(jury, writePath, readPath) &&
        jury.system.promises(writePath, readPath).includes(guarantee) &&
        suspensions(jury, guarantee, { writePath, readPath }).length === 0,
    );
  const readPathsOf = new Map(writePaths.map((writePath) => [writePath, promising(writePath)]));
  if ([...readPathsOf.values()].flat().length < 2) return [];
  const wanted = jury.writePaths.map(
    (writePath) => new Set(readPathsOf.get(writePath)?.map((readPath) => history.paths.indexOf(readPath))),
  );
  const own = jury.writePaths.map((writePath) => history.paths.indexOf(writePath));
  const { key, path } = history;
  const part = history.filter((row) => {
    const lane = lanes[key[row]];
    if (lane === NONE || wanted[lane].size === 0) return false;
    return wanted[lane].has(path[row]) || isOfWritePath(history, row, path[row] === own[lane]);
  });
  const where = {
    writePath: writePaths.filter((writePath) => readPathsOf.get(writePath)?.length !== 0).join(TOGETHER),
    readPath: jury.readPaths.filter((name) => [...readPathsOf.values()].flat().includes(name)).join(TOGETHER),
  };
  return [cell(jury, guarantee, part, [guarantee], where)];
}

/** Between the paths of rows that are judged together. */
export const TOGETHER = ' + ';

function isUnion({ writePath, readPath }: Where): boolean {
  return [writePath, readPath].some((path) => path?.includes(TOGETHER));
}

type Rows = Pick<History, 'f' | 'flags'>;

/** Whether it tells which write path its key is written through. */
export function setsLane(rows: Rows, row: number): boolean {
  return rows.f[row] === WRITE || rows.f[row] === CAS || isSend(rows, row);
}

/**
 * Whether it belongs to all rows of the matrix that have its write path. So do those transactions that write: all of one is asked of who
 * takes writes, and goes by the write path.
 */
export function isOfWritePath(rows: Rows, row: number, wentByIt: boolean): boolean {
  return setsLane(rows, row) || (wentByIt && (rows.flags[row] & TRANSACTION) !== 0);
}

/** And what belongs to the write path besides. */
function withTransactions(
  history: History,
  lanes: Int32Array,
  lane: number,
  writePath: string,
  readPath: string,
): History {
  const [writes, reads] = [history.paths.indexOf(writePath), history.paths.indexOf(readPath)];
  const { key, path } = history;
  return history.filter(
    (row) => lanes[key[row]] === lane && (path[row] === reads || isOfWritePath(history, row, path[row] === writes)),
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

interface Where {
  readonly writePath?: string;
  readonly readPath?: string;
}

/** The faults of this run that go beyond what the system assumes where it promises this, in alphabetical order. */
function suspensions({ system, struck = [] }: Jury, guarantee: Guarantee, where: Where): readonly string[] {
  const names = new Set(struck.filter((fault) => system.suspends?.(fault, { ...where, guarantee })));
  return [...names].sort();
}

function cell(jury: Jury, guarantee: Guarantee, all: History, promisedHere: readonly Guarantee[], where: Where): Cell {
  const part = spokenOf(guarantee, all);
  const checker = jury.checkers.get(guarantee);
  const claimed = promisedHere.includes(guarantee);
  // Rows whose promise is suspended are not judged together with others.
  const suspendedBy = claimed && !isUnion(where) ? suspensions(jury, guarantee, where) : [];
  const promised = claimed && suspendedBy.length === 0;
  if (checker === undefined) throw new Error(`no checker decides ${guarantee}`);
  const semantics: Semantics = {
    ...defaultSemantics,
    thread: threadOf(jury.system.readPaths, where.readPath),
    ...(guarantees[guarantee].scope === 'write path' && where.writePath !== undefined && { blame: where.writePath }),
    ...(guarantee === 'bounded-staleness' && bounded(jury, where.readPath)),
  };
  const verdict =
    guarantee === 'linearizable'
      ? checkLinearizable(checker, part, jury.budget, semantics)
      : checker.check(part, jury.budget, semantics);
  const failovers = needsFailover(guarantee) ? { failovers: jury.failovers } : {};
  const base = {
    guarantee,
    ...where,
    ...(suspendedBy.length > 0 && { suspendedBy }),
    evidence: { ...verdict.examined, ...failovers },
  };
  if (verdict.type === 'invalid') {
    const citation = promised && !isUnion(where) ? jury.system.citation?.({ ...where, guarantee }) : undefined;
    return {
      ...base,
      state: promised ? 'broken' : 'violated',
      ...(citation !== undefined && { citation }),
      note: share(guarantee, verdict),
      anomalyCount: verdict.count,
      anomalies: verdict.anomalies,
    };
  }
  const none = { anomalyCount: 0, anomalies: [] };
  if (needsFailover(guarantee) && jury.failovers === 0 && !jury.disruptive) {
    return { ...base, ...none, state: 'not exercised', note: 'needs a fault that deposes a leader' };
  }
  if (verdict.type === 'unknown') {
    // What was not judged to the end is no evidence, however much of it there is over many runs.
    return { ...base, ...none, evidence: { operations: 0 }, state: 'undecided', note: verdict.reason };
  }
  const note = acrossDevices(checker, part, jury.budget, semantics);
  if (!promised) return { ...base, ...none, state: 'holds', note };
  const missing = lacking(guarantee, base.evidence);
  if (missing !== undefined) return { ...base, ...none, state: 'undecided', note: missing };
  return { ...base, ...none, state: 'kept', note };
}

const perThread: ReadonlySet<Guarantee> = new Set(['read-your-writes', 'monotonic-reads']);

/** A path that speaks for each device by itself: what its users see who move from one device to another. */
function acrossDevices(checker: Checker, part: History, budget: Budget, semantics: Semantics): string {
  if (semantics.thread !== 'device' || !perThread.has(checker.decides)) return '';
  const verdict = checker.check(part, budget, { ...semantics, thread: 'session' });
  return verdict.type === 'invalid'
    ? `on each device by itself; across the devices of a session violated by ${share(checker.decides, verdict)}`
    : 'on each device by itself';
}

/** Of several paths together: what all of them speak for. */
export function threadOf(paths: readonly Path[], readPath: string | undefined): 'session' | 'device' {
  const names = readPath?.split(TOGETHER) ?? [];
  return paths.some(({ name, thread }) => thread === 'device' && names.includes(name)) ? 'device' : 'session';
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

/**
 * How much of what was examined is anomalous: `41 of 1204 reads (3.4 %)`. Anomalies of linearizability are conflicts of
 * whole groups of operations, no share of anything: they are counted.
 */
function share(guarantee: Guarantee, verdict: Extract<Verdict, { type: 'invalid' }>): string {
  const { count, examined } = verdict;
  if (guarantee === 'durable' && examined.acknowledged !== undefined) return losses(count, examined);
  const noun = examined.reads !== undefined ? 'reads' : examined.writes !== undefined ? 'writes' : 'operations';
  const of = examined[noun];
  const anomalies = `${count} ${count === 1 ? 'anomaly' : 'anomalies'}`;
  if (guarantee === 'linearizable' || of < count || of === 0) return `${anomalies} in ${of} ${noun}`;
  return `${count} of ${of} ${noun} (${((100 * count) / of).toFixed(1)} %)`;
}

/**
 * `412 of 7,704 acknowledged writes lost (5.3 %); 400 acknowledgements with a place of the log that another write has`: what
 * was lost to another write at its place is two anomalies, so that their number is no share of the writes.
 */
function losses(anomalies: number, { writes = 0, acknowledged = 0, lost = 0, unexpected = 0 }: Evidence): string {
  const parts: string[] = [];
  // Of some nothing was read back, or newer writes cover them.
  const judged = writes < acknowledged ? ' that could be judged' : '';
  const percent = (100 * lost) / Math.max(1, writes);
  if (lost > 0)
    parts.push(`${thousands(lost)} of ${many(writes, 'acknowledged write')}${judged} lost (${percent.toFixed(1)} %)`);
  const twice = anomalies - lost - unexpected;
  if (twice > 0) parts.push(`${many(twice, 'acknowledgement')} with a place of the log that another write has`);
  if (unexpected > 0) parts.push(`${many(unexpected, 'final read')} of what was never written there`);
  return parts.join('; ');
}

function many(n: number, noun: string): string {
  return `${thousands(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** The verdict of a run, from its promised cells alone. */
export function verdictOf(cells: readonly Cell[], promised: (cell: Cell) => boolean): 'kept' | 'broken' | 'undecided' {
  if (cells.some((c) => c.state === 'broken')) return 'broken';
  if (cells.some((c) => c.state === 'undecided' && promised(c))) return 'undecided';
  return cells.some((c) => c.state === 'kept') ? 'kept' : 'undecided';
}

/** Whether a system claims what a cell is about, and the claim stood in that run. */
export function isPromised(system: System, { guarantee, writePath, readPath, suspendedBy }: Cell): boolean {
  if (suspendedBy !== undefined) return false;
  if (writePath === undefined) return system.always.includes(guarantee);
  if (readPath === undefined) return system.promisesOfWrites(writePath).includes(guarantee);
  // Of rows judged together each promised it; not all pairs of their paths need to be among them.
  const writes = writePath.split(TOGETHER);
  const reads = readPath.split(TOGETHER);
  const claims = (write: string, read: string): boolean => system.promises(write, read).includes(guarantee);
  return (
    writes.every((write) => reads.some((read) => claims(write, read))) &&
    reads.every((read) => writes.some((write) => claims(write, read)))
  );
}
