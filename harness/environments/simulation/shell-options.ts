/** What the simulated shell reads of a node's options; the rest is its program's business. */
import type { GroupId } from '../../../reference-impl/core/types.ts';
import type { OwnProgram } from '../environment.ts';

export interface ShellOptions {
  readonly groups: readonly GroupId[];
  readonly snapshotEntries: number;
  readonly election: 'built-in' | 'external';
}

/** `groups`: how many, 1 if not given; `snapshotEntries`: no snapshots if not given. Throws when they will not do. */
export function shellOptions(options: OwnProgram['options']): ShellOptions {
  const { groups = 1, snapshotEntries = Infinity, election = 'built-in' } = options;
  if (!isCount(groups)) throw new Error(`a node can't have ${String(groups)} groups`);
  if (snapshotEntries !== Infinity && !isCount(snapshotEntries)) {
    throw new Error(`a snapshot can't be taken every ${String(snapshotEntries)} entries`);
  }
  if (election !== 'built-in' && election !== 'external') throw new Error(`there is no election '${String(election)}'`);
  return { groups: Array.from({ length: groups }, (_, i) => `g${i}`), snapshotEntries, election };
}

function isCount(n: unknown): n is number {
  return typeof n === 'number' && Number.isSafeInteger(n) && n > 0;
}
