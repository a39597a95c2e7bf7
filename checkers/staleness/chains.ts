/** Successful cas join clusters into chains: each stands directly after the cluster of the value that it replaced. */
import { CAS, NONE } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { type Registers, registerValues } from '../sessions/registers.ts';
import { mix, RowTable } from '../sessions/row-table.ts';
import type { ClusterParts } from './clusters.ts';

/** What the inner order of chains asks for. */
export interface Chains {
  /** Per cluster: the cas that replaced its value, or NONE. */
  readonly next: Int32Array;
  /** Before joining, of each cluster by itself. */
  readonly own: Pick<ClusterParts, 'firstRow' | 'lastRead' | 'call'>;
  /** Per key: whether a chain is against the order of event positions. */
  readonly stale: Uint8Array;
  /** The least Δ that mends them all, with the read and the row that force it; NONE: no chain asks for any. */
  readonly ns: number;
  readonly read: number;
  readonly newer: number;
  /** What no Δ mends: cas that cannot all have happened. */
  readonly impossible: number;
}

/**
 * Makes each chain one cluster, in place: that of its first member. A cas of unknown outcome is taken to have happened iff its
 * value was found. A cas whose expected value nobody wrote, or that another one has replaced already, is impossible at any Δ,
 * and left alone; so is, without being impossible, one whose expected value several writes may have left.
 *
 * @param skip keys whose order is known without
 */
export function joinChains(parts: ClusterParts, registers: Registers, semantics: Semantics, skip: Uint8Array): Chains {
  const { history, firstRow, lastRead, call, size } = parts;
  const { length, f, key, keys } = history;
  const clusterOf = lookUp(registers, semantics);
  const next = new Int32Array(length + keys.length).fill(NONE);
  const isInner = new Uint8Array(length + keys.length);
  const own = { firstRow: firstRow.slice(), lastRead: lastRead.slice(), call: call.slice() };
  const chains = { next, own, stale: new Uint8Array(keys.length), ns: 0, read: NONE, newer: NONE, impossible: 0 };
  const happened: number[] = [];
  for (let row = length - 1; row >= 0; row--) {
    if (f[row] === CAS && size[row] > 0 && skip[key[row]] === 0) happened.push(row);
  }
  for (let row = happened.pop(); row !== undefined; row = happened.pop()) {
    const before = clusterOf(row);
    if (before === SEVERAL) continue;
    if (before === NONE || next[before] !== NONE) {
      chains.impossible++;
      continue;
    }
    next[before] = row;
    isInner[row] = 1;
    // What a cas that happened has replaced did happen too.
    if (size[before] === 0 && before < length && f[before] === CAS) happened.push(before);
    size[before] = 1;
  }
  const walked = new Uint8Array(length + keys.length);
  for (let root = 0; root < length + keys.length; root++) {
    if (next[root] !== NONE && isInner[root] === 0) joinOne(parts, root, chains, walked);
  }
  for (let row = 0; row < length; row++) {
    if (isInner[row] === 1 && walked[row] === 0) chains.impossible++; // a circle
    if (isInner[row] === 1 || firstRow[row] === NONE) size[row] = 0;
  }
  return chains;
}

/** Several writes may have left the value that a cas expected. */
const SEVERAL = -2;

/** The cluster that holds the value a cas expected; negative: there is none (NONE), or it is not known which (SEVERAL). */
export function lookUp(registers: Registers, semantics: Semantics): (cas: number) => number {
  const { history } = registers;
  const { length, key, value, expected } = history;
  const { written: held } = registerValues(history, semantics);
  const initial = held(history.values.intern(semantics.initial));
  const table = new RowTable(length);
  const twice = new Uint8Array(length);
  const slotOf = (k: number, found: number): number =>
    table.slot(mix(k, found), (row) => key[row] === k && held(value[row]) === found);
  for (let row = 0; row < length; row++) {
    if (!registers.isWrite(row)) continue;
    const slot = slotOf(key[row], held(value[row]));
    const holder = table.at(slot);
    if (holder === NONE) table.put(slot, row);
    else twice[holder] = 1;
  }
  return (cas) => {
    const found = held(expected[cas]);
    const row = table.at(slotOf(key[cas], found));
    if (row === NONE) return found === initial ? length + key[cas] : NONE;
    return twice[row] === 1 || found === initial ? SEVERAL : row;
  };
}

type Mutable<T> = { -readonly [name in keyof T]: T[name] };

/** Moved back by bounds of their own, reads are not in the order of their calls. */
function isLater({ history, readTime }: ClusterParts, a: number, b: number): boolean {
  return readTime === history.callTime ? history.call[a] > history.call[b] : readTime[a] > readTime[b];
}

/** From the last member back, each is held against the earliest return of those that follow it. */
function joinOne(parts: ClusterParts, root: number, chains: Mutable<Chains>, walked: Uint8Array): void {
  const { history, firstRow, lastRead, readTime, call, size } = parts;
  const { ret, retTime, call: callOf, length, key } = history;
  const k = root < length ? key[root] : root - length;
  const members: number[] = [];
  for (let c = root; c !== NONE; c = chains.next[c]) members.push(c);
  let first = NONE; // row of the earliest return from here on
  let last = NONE;
  let latestCall = -1;
  for (let i = members.length - 1; i >= 0; i--) {
    const member = members[i];
    walked[member] = 1;
    const read = lastRead[member];
    if (first !== NONE && call[member] > ret[first]) chains.impossible++;
    if (first !== NONE && read !== NONE && ret[first] < callOf[read]) {
      chains.stale[k] = 1;
      const need = readTime[read] - retTime[first];
      if (chains.read === NONE || need > chains.ns) Object.assign(chains, { ns: need, read, newer: first });
    }
    const own = firstRow[member];
    if (member < length && own !== NONE && (first === NONE || ret[own] < ret[first])) first = own;
    if (read !== NONE && (last === NONE || isLater(parts, read, last))) last = read;
    latestCall = Math.max(latestCall, call[member]);
  }
  // The initial value came before everything, and so did the chain that begins with it.
  firstRow[root] = root >= length ? NONE : first;
  lastRead[root] = last;
  call[root] = latestCall;
  size[root] = members.length;
}
