/**
 * What etcd's documentation claims of each way to read:
 *
 * - writes: https://etcd.io/docs/v3.5/learning/api_guarantees/ "Durability": a completed operation is durable.
 * - `linearizable`: the same page, "Strict serializability": operations are atomic and occur in a total order that is consistent with
 *   real time.
 * - `serializable`: the same page on serializable range requests: they may be stale with respect to the quorum. What they show is the
 *   state of a revision, and revisions are that total order: a prefix of it.
 * - `serializable+revision`: each answer's header carries the revision of the state it was served from, and revisions only grow: a
 *   client that waits for one at least as high as it has seen reads nothing older.
 */
import type { Guarantee } from '../../history/guarantee.ts';
import type { Citation, Claim } from '../system.ts';

const guaranteesPage = 'https://etcd.io/docs/v3.5/learning/api_guarantees/';

export const always: readonly Guarantee[] = ['convergent', 'one-leader-per-term'];

export function promises(readPath: string): readonly Guarantee[] {
  switch (readPath) {
    case 'linearizable':
      return ['linearizable', 'read-your-writes', 'monotonic-reads', 'consistent-prefix'];
    case 'serializable+revision':
      return ['read-your-writes', 'monotonic-reads', 'consistent-prefix'];
    default:
      return ['consistent-prefix'];
  }
}

export function promisesOfWrites(): readonly Guarantee[] {
  return ['durable'];
}

export function citation({ guarantee, readPath }: Claim): Citation | undefined {
  if (guarantee === 'durable') return { url: guaranteesPage, says: 'a completed operation is durable' };
  if (readPath === undefined) {
    return {
      url: 'https://etcd.io/docs/v3.5/faq/',
      says: 'members agree by Raft: one leader a term, one log that all of them apply',
    };
  }
  if (guarantee === 'consistent-prefix')
    return { url: guaranteesPage, says: 'operations are atomic and occur in one total order, told by revisions' };
  return readPath === 'linearizable'
    ? { url: guaranteesPage, says: 'operations occur in a total order that is consistent with real time' }
    : { url: guaranteesPage, says: 'revisions only grow: a state of a revision holds all that is of lower ones' };
}
