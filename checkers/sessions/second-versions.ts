/**
 * A write that its client sent again may be shown with the version of the first attempt (registers.ts). That one, too, can belong to
 * one write only.
 */
import { type History, NONE, TRANSACTION } from '../../history/history.ts';
import type { FalseClaim } from './claims.ts';

/**
 * `reads`: rows that showed a write with another version than its own. `holderOf`: the write that the version of a row belongs to
 * otherwise, or a number below 0. There are few such reads: a map of their versions is small.
 */
export function sharedSecondVersions(
  { versionGroup, versionHistory, versionAt, batch, flags }: History,
  source: Int32Array,
  reads: readonly number[],
  holderOf: (row: number) => number,
): FalseClaim[] {
  const claims: FalseClaim[] = [];
  const writes = new Map<string, number>();
  // All writes of a transaction have one version.
  const areOne = (a: number, b: number): boolean =>
    a === b || ((flags[a] & TRANSACTION) !== 0 && batch[a] !== NONE && batch[a] === batch[b]);
  for (const read of reads) {
    const version = `${versionGroup[read]} ${versionHistory[read]} ${versionAt[read]}`;
    const own = holderOf(read);
    const holder = own >= 0 ? own : (writes.get(version) ?? source[read]);
    if (!areOne(holder, source[read])) claims.push({ type: 'version of another write', rows: [holder, read] });
    else writes.set(version, holder);
  }
  return claims;
}
