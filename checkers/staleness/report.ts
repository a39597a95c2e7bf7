/** How stale a history's reads were: Δ and k of the whole, and for each path and node the ages and the curve of visibility. */
import { CAS, type History, NONE, READ, ROLES } from '../../history/history.ts';
import type { Operation } from '../../history/history.ts';
import type { Role } from '../../history/operation.ts';
import type { Budget, Semantics } from '../checker.ts';
import { Registers } from '../sessions/registers.ts';
import { undoneWrites } from '../sessions/survival.ts';
import { type Ages, agesOf } from './ages.ts';
import { type Atomicity, atomicityOf } from './atomicity.ts';
import { clustersOf } from './clusters.ts';
import { deltaOf } from './delta.ts';

/** Nanoseconds; the nearest rank. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * One point of the curve (t-visibility; Bailis et al. 2012, Probabilistically Bounded Staleness). Of the reads that were invoked
 * at least t after some write of their key had been acknowledged, `missed` certainly returned something older than a write that
 * had been acknowledged at least t before; `mayHaveMissed` perhaps, the others among them. The share of reads that see every
 * such write lies between `1 - mayHaveMissed / reads` and `1 - missed / reads`.
 */
export interface VisibilityPoint {
  readonly tNs: number;
  readonly reads: number;
  readonly missed: number;
  readonly mayHaveMissed: number;
}

/** Of the reads of one path (undefined: of all) that one node answered (undefined: any). */
export interface StalenessGroup {
  readonly path?: string;
  readonly node?: string;
  /** If it is the same in all of them. */
  readonly role?: Role;
  readonly reads: number;
  /** Certainly out of date when they were invoked. */
  readonly stale: number;
  readonly versionsMax: number;
  /** Ages of all reads, fresh ones too: at least, and at most. */
  readonly low: Spread;
  readonly high: Spread;
  readonly curve: readonly VisibilityPoint[];
}

export interface StalenessReport {
  readonly operations: number;
  readonly writes: number;
  /** Reads (and cas) that Δ and k are measured on. */
  readonly reads: number;
  /** Writes that the final reads prove to be lost. That is no staleness: Δ and k are of the history without them and their reads. */
  readonly lost: number;
  /** Reads that no staleness explains: Δ and k are of the history without them. */
  readonly impossible: number;
  /** Answers that take no part: nobody knows which write they returned, or they are failed cas. Then Δ and k are lower bounds. */
  readonly leftAside: number;
  /** Absent: there are no times. Infinite: none will do. */
  readonly delta?: { readonly ns: number; readonly operations: readonly Operation[] };
  /** Absent: there is nothing to measure. */
  readonly k?: Atomicity;
  /** Paths whose reads may show what has not taken effect: Δ and k are of the history without them, their groups come last. */
  readonly uncommitted: readonly string[];
  readonly groups: readonly StalenessGroup[];
}

/** Points of the curve: 0, and 1, 2, 5 in each decade from a microsecond to a thousand seconds. */
const POINTS: readonly number[] = [
  0,
  ...Array.from({ length: 9 }, (_, decade) => [1, 2, 5].map((n) => n * 10 ** (decade + 3))).flat(),
  1e12,
];

/**
 * Linear in time and memory but for k beyond 2, which may take longer and asks the budget.
 *
 * @param path only reads of this path are spoken of; Δ and k are of them and all writes
 */
export function reportStaleness(
  history: History,
  semantics: Semantics,
  budget: Budget,
  path?: string,
): StalenessReport {
  const undone = semantics.undone ?? undoneWrites(history, semantics);
  // What such a path shows has perhaps not taken effect: it is no evidence against others.
  const uncommitted = (semantics.uncommitted ?? []).filter((name) => name !== path && history.paths.includes(name));
  const known = without(history, uncommitted);
  const registers = new Registers(known, semantics);
  const groups = [...groupsOf(known, agesOf(registers, undone, semantics), path)];
  for (const name of path === undefined ? uncommitted : []) {
    const others = uncommitted.filter((other) => other !== name);
    const part = without(history, others);
    groups.push(...groupsOf(part, agesOf(new Registers(part, semantics), undone, semantics), name));
  }
  const others = path === undefined ? [] : history.paths.filter((name) => name !== path);
  const judged = others.length === 0 ? registers : new Registers(without(known, others), semantics);
  return { ...measure(judged, semantics, undone, budget), uncommitted, groups };
}

function measure(
  registers: Registers,
  semantics: Semantics,
  undone: ReadonlySet<number>,
  budget: Budget,
): Omit<StalenessReport, 'groups' | 'uncommitted'> {
  const { history } = registers;
  const clusters = clustersOf(registers, semantics, undone);
  const { reads, impossible, leftAside, timed } = clusters;
  let writes = 0;
  for (let row = 0; row < history.length; row++) if (registers.isWrite(row)) writes++;
  const counts = { operations: history.operations, writes, reads, lost: undone.size, impossible, leftAside };
  if (reads === 0 && !history.f.includes(CAS)) return counts;
  const k = atomicityOf(clusters, registers, budget);
  if (!timed) return { ...counts, k };
  const { ns, read, newer } = deltaOf(clusters);
  const rows = [registers.source[read] ?? NONE, newer, read].filter((row) => row >= 0);
  const operations = [...new Set(rows)].sort((a, b) => a - b).map((row) => history.operation(row));
  return { ...counts, k, delta: { ns, operations } };
}

/** The history without the reads of some paths. */
function without(history: History, names: readonly string[]): History {
  if (names.length === 0) return history;
  const gone = history.paths.map((name) => names.includes(name));
  const { f, path } = history;
  return history.filter((row) => f[row] !== READ || path[row] === NONE || !gone[path[row]]);
}

/** All reads; then each path; then each node of each path, where there are several. */
function groupsOf(history: History, ages: Ages, only: string | undefined): readonly StalenessGroup[] {
  const nodes = history.nodes.length + 1;
  const members: number[][] = []; // by path and node, each counted from NONE
  const put = (path: number, node: number, place: number): void => {
    (members[(path + 1) * nodes + node + 1] ??= []).push(place);
  };
  const chosen = only === undefined ? NONE : history.paths.indexOf(only);
  for (let i = 0; i < ages.count; i++) {
    const path = history.path[ages.row[i]];
    if (only !== undefined && path !== chosen) continue;
    const node = history.node[ages.row[i]];
    if (only === undefined) put(NONE, NONE, i);
    if (path !== NONE) put(path, NONE, i);
    if (node !== NONE) put(path, node, i);
  }
  const nodesOf = (at: number): number => {
    const from = at - (at % nodes) + 1;
    return members.slice(from, from + nodes - 1).filter((places) => places !== undefined).length;
  };
  return members.flatMap((places, at): StalenessGroup[] => {
    const path = Math.floor(at / nodes) - 1;
    const node = (at % nodes) - 1;
    return path !== NONE && node !== NONE && nodesOf(at) === 1 ? [] : [groupOf(history, ages, path, node, places)];
  });
}

function groupOf(history: History, ages: Ages, path: number, node: number, places: readonly number[]): StalenessGroup {
  let stale = 0;
  let versionsMax = 0;
  let roles = 0;
  for (const place of places) {
    if (ages.low[place] > 0) stale++;
    versionsMax = Math.max(versionsMax, ages.versions[place]);
    roles |= 1 << Math.min(31, history.role[ages.row[place]]);
  }
  const role = ROLES.find((_, code) => roles === 1 << code);
  return {
    ...(path === NONE ? {} : { path: history.paths[path] }),
    ...(node === NONE ? {} : { node: history.nodes[node] }),
    ...(role === undefined ? {} : { role }),
    reads: places.length,
    stale,
    versionsMax,
    low: spread(ages.low, places),
    high: spread(ages.high, places),
    curve: curveOf(ages, places),
  };
}

/** Most ages are 0: only the others are sorted. */
function spread(ages: Float64Array, places: readonly number[]): Spread {
  const some = new Float64Array(places.length);
  let n = 0;
  for (const place of places) if (ages[place] > 0) some[n++] = ages[place];
  const sorted = some.subarray(0, n).sort();
  const rank = (share: number): number => sorted[Math.ceil(places.length * share) - 1 - (places.length - n)] ?? 0;
  return { p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) };
}

/** Up to the last point that any read is late enough for. */
function curveOf(ages: Ages, places: readonly number[]): readonly VisibilityPoint[] {
  const exposed = new Uint32Array(POINTS.length + 1);
  const missed = new Uint32Array(POINTS.length + 1);
  const maybe = new Uint32Array(POINTS.length + 1);
  for (const place of places) {
    exposed[pointsUpTo(ages.exposed[place])]++;
    missed[pointsUpTo(ages.missed[place])]++;
    maybe[pointsUpTo(ages.mayHaveMissed[place])]++;
  }
  for (let i = POINTS.length - 1; i > 0; i--) {
    exposed[i] += exposed[i + 1];
    missed[i] += missed[i + 1];
    maybe[i] += maybe[i + 1];
  }
  const points = POINTS.map((tNs, i) => ({
    tNs,
    reads: exposed[i + 1],
    missed: missed[i + 1],
    mayHaveMissed: Math.max(missed[i + 1], maybe[i + 1]),
  }));
  return points.filter(({ reads }) => reads > 0);
}

/** How many points are at most this; none are below 0. */
function pointsUpTo(ns: number): number {
  if (ns < 0) return 0;
  let low = 1;
  let high = POINTS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (POINTS[middle] <= ns) low = middle + 1;
    else high = middle;
  }
  return low;
}
