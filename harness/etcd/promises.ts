/**
 * What etcd's documentation claims of each way to read, on the pages of 3.4, which is what Debian 12 has:
 *
 * - writes: https://etcd.io/docs/v3.4/learning/api_guarantees/ "Durability": a completed operation is durable.
 * - `linearizable`: the same page, "Strict serializability": operations are atomic and occur in a total order that is consistent with
 *   real time.
 * - `serializable`: the same page on serializable range requests: they may be stale with respect to the quorum. What they show is the
 *   state of a revision, and revisions are that total order: a prefix of it.
 * - `serializable+revision`: each answer's header carries the revision of the state it was served from, and revisions only grow: a
 *   client that waits for one at least as high as it has seen reads nothing older.
 * - the members: no page of etcd's speaks of leaders and terms, or of what members hold in the end; its FAQ says that it is Raft, and
 *   Raft's paper promises both (figure 3: Election Safety, State Machine Safety).
 */
import type { Guarantee } from '../../history/guarantee.ts';
import type { Citation, Claim } from '../system.ts';

const guaranteesPage = 'https://etcd.io/docs/v3.4/learning/api_guarantees/';

/** https://etcd.io/docs/v3.4/faq/ says that etcd is Raft, and leaves the rest to it. */
const raftPaper = 'https://raft.github.io/raft.pdf';

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
  if (guarantee === 'one-leader-per-term')
    return { url: raftPaper, says: 'Raft, by which etcd elects its leaders (its FAQ): at most one leader in a term' };
  if (guarantee === 'convergent')
    return {
      url: raftPaper,
      says: 'Raft, by which its members agree (its FAQ): no two apply different entries at one place',
    };
  if (guarantee === 'consistent-prefix')
    return { url: guaranteesPage, says: 'operations are atomic and occur in one total order, told by revisions' };
  return readPath === 'linearizable'
    ? { url: guaranteesPage, says: 'operations occur in a total order that is consistent with real time' }
    : { url: guaranteesPage, says: 'revisions only grow: a state of a revision holds all that is of lower ones' };
}
