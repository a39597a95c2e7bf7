/**
 * Reads that keep their bounds one by one, and not together: no order of the writes lets all of them be that fresh. Two values, each read
 * when the other had been known for longer than is allowed, are such a case: whichever is the newer one, a read of the other was too old.
 *
 * Δ-atomicity with a Δ of each read's own (Golab, Li & Shah 2011): a read's call is moved back by its bound, and no two
 * clusters may be in each other's way then (Gibbons & Korach 1997). Reads without a bound show when a write had taken effect, and no more.
 */
import { type History, NONE } from '../../history/history.ts';
import type { Anomaly, Semantics } from '../checker.ts';
import { operationsOf } from '../sessions/operations.ts';
import type { Registers } from '../sessions/registers.ts';
import { survivalOf } from '../sessions/survival.ts';
import { instant } from '../linearizable/words.ts';
import { key, server, value } from '../sessions/words.ts';
import { BY_VERSIONS, type Clusters, clustersOf } from './clusters.ts';
import { crossedZones, type Delta, deltaInChains } from './delta.ts';

const MILLISECOND = 1e6;

export const inMs = (ns: number): string => `${Number((ns / MILLISECOND).toFixed(1))} ms`;

export interface Together {
  /** At most one a key. */
  readonly found: readonly Delta[];
  /** Keys that are not as fresh as they must be, unless something was lost, or whose cas have no order at all. */
  readonly unsure: number;
  readonly clusters: Clusters;
}

/**
 * Linear but for one sort.
 *
 * @param bounds per row, in nanoseconds; NaN: none
 * @param skipped per key: 1 where reads are blamed one by one already
 */
export function contradictionsOf(
  registers: Registers,
  semantics: Semantics,
  undone: ReadonlySet<number>,
  bounds: Float64Array,
  skipped: Uint8Array,
): Together {
  const clusters = clustersOf(registers, semantics, undone, bounds);
  if (!clusters.timed) return { found: [], unsure: 0, clusters };
  const { history, known } = clusters;
  const chained = deltaInChains(clusters);
  const found: Delta[] = [];
  let unsure = 0;
  let finals: Int32Array | undefined;
  for (let k = 0; k < history.keys.length; k++) {
    if (skipped[k] === 1) continue;
    const isChained = chained.read !== NONE && history.key[chained.read] === k;
    const crossed = isChained ? chained : crossedZones(clusters, k);
    if (crossed === undefined) continue;
    finals ??= survivalOf(history, registers)?.finals ?? new Int32Array(history.keys.length).fill(NONE);
    const mayBeLost = finals[k] !== NONE && isOneOf(clusters, crossed, registers.source[finals[k]]);
    const isAge = crossed.ns < Number.POSITIVE_INFINITY && (clusters.chains?.impossible ?? 0) === 0;
    if (isAge && !mayBeLost) found.push(crossed);
    // What is not proved by values is open, but where versions tell the order: by that no read was too old (judgeAges).
    else if (isChained || known[k] !== BY_VERSIONS) unsure++;
  }
  return { found, unsure, clusters };
}

/** Whether what was left at the end is one of the two: then the other may have been the newer one, and lost. */
function isOneOf(clusters: Clusters, { pair }: Delta, write: number): boolean {
  return pair?.some((cluster) => membersOf(clusters, cluster).includes(write)) ?? false;
}

function membersOf({ chains, size }: Clusters, cluster: number): readonly number[] {
  const members = [cluster];
  if (chains === undefined || size[cluster] < 2) return members;
  for (let c = chains.next[cluster]; c !== NONE; c = chains.next[c]) members.push(c);
  return members;
}

export function explainTogether(registers: Registers, clusters: Clusters, delta: Delta, bounds: Float64Array): Anomaly {
  const { history } = registers;
  const { callTime, retTime } = history;
  const { firstRow, lastRead } = clusters;
  const age = (read: number, newer: number): string => inMs(callTime[read] - retTime[newer]);
  const shown = (row: number): string =>
    `${value(history, row)} had been ${registers.source[row] >= 0 ? 'read' : 'acknowledged'} at ${instant(retTime[row])}`;
  const [a, b] = [...(delta.pair ?? [])].sort((one, other) => callTime[lastRead[one]] - callTime[lastRead[other]]);
  const isEither =
    a !== undefined &&
    b !== undefined &&
    [a, b].every((cluster) => lastRead[cluster] !== NONE) &&
    isTooOld(history, lastRead[a], firstRow[b], bounds) &&
    isTooOld(history, lastRead[b], firstRow[a], bounds);
  if (!isEither) {
    const { read, newer } = delta;
    return {
      kind: 'too stale',
      sentence:
        `${server(history, read)} answered a read of ${key(history, read)} invoked at ${instant(callTime[read])} with ` +
        `${value(history, read)}, then out of date for at least ${age(read, newer)}, where ${inMs(bounds[read])} are allowed: by ` +
        `what cas replaced, it is the older value, and ${shown(newer)}.`,
      operations: operationsOf(history, [...linksOf(registers, clusters, delta), newer, read]),
    };
  }
  const [one, other] = [lastRead[a], lastRead[b]];
  const [first, second] = [firstRow[a], firstRow[b]];
  const allowed = (read: number): string => `where ${inMs(bounds[read])} are allowed`;
  return {
    kind: 'one of two too stale',
    sentence:
      `${server(history, one)} answered a read of ${key(history, one)} invoked at ${instant(callTime[one])} with ` +
      `${value(history, one)}, and ${server(history, other)} one invoked at ${instant(callTime[other])} with ` +
      `${value(history, other)}: if ${value(history, one)} is the newer value, ${value(history, other)} was out of date for at ` +
      `least ${age(other, first)}, ${allowed(other)}; if ${value(history, other)} is, ${value(history, one)} was for at least ` +
      `${age(one, second)}, ${allowed(one)}; for ${shown(first)}, and ${shown(second)}.`,
    operations: operationsOf(history, [...linksOf(registers, clusters, delta), first, second, one, other]),
  };
}

function isTooOld({ callTime, retTime }: History, read: number, newer: number, bounds: Float64Array): boolean {
  return newer !== NONE && callTime[read] - bounds[read] > retTime[newer];
}

/** The writes whose values the rows show, and the cas between them. */
function linksOf(registers: Registers, clusters: Clusters, { pair, read, newer }: Delta): readonly number[] {
  const { source, history } = registers;
  const { chains, firstRow, lastRead, call } = clusters;
  const rows = [read, newer, ...(pair ?? []).flatMap((cluster) => [firstRow[cluster], lastRead[cluster]])];
  const writes = new Set(rows.filter((row) => row !== NONE).map((row) => (source[row] >= 0 ? source[row] : row)));
  const calls = new Set((pair ?? []).map((cluster) => call[cluster]));
  if (chains === undefined) return [...writes];
  const isBegin = new Set(writes);
  for (const row of rows) if (row !== NONE && source[row] < 0) isBegin.add(history.length + history.key[row]);
  const links = new Set(writes);
  for (const from of isBegin) {
    // Up to the last of them that the chain leads to.
    let path: number[] = [];
    for (let c = chains.next[from]; c !== NONE; c = chains.next[c]) {
      path.push(c);
      if (!isBegin.has(c) && !(c < history.length && calls.has(history.call[c]))) continue;
      for (const link of path) links.add(link);
      path = [];
    }
  }
  return [...links];
}
