/** What a report says of the first fresh read from a follower after a failover. */
import type { FailoverRecord } from '../results/record.ts';
import { duration } from './table.ts';

/** `never` only where another failover of the run had one: else nobody knows whether followers were asked, and could tell. */
export function freshReadText(
  { firstFreshFollowerReadNs: ns }: FailoverRecord,
  all: readonly FailoverRecord[],
): string {
  if (ns !== undefined) return `+${duration(ns)}`;
  return hasFreshReads(all) ? 'never' : '–';
}

export function hasFreshReads(all: readonly FailoverRecord[]): boolean {
  return all.some(({ firstFreshFollowerReadNs }) => firstFreshFollowerReadNs !== undefined);
}
