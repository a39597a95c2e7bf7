/**
 * What each way of writing and reading claims, and why; and which faults go beyond what a claim rests on.
 *
 * Two properties of writes decide most of it. *Committed*: acknowledged under anything but leader-ack, a write is on a quorum
 * and no failover undoes it. *Applied*: acknowledged under all-applied, every voter serves it.
 *
 * Two of reads do the rest. Every path but `local` serves a committed state, which is a prefix of the log: a state that
 * shows a write shows all that its writer had seen and written before, for the log has them in that order. Whether
 * a *later* read may fall back behind an earlier one is what the paths differ in.
 */
import { boundMsOf, type Guarantee } from '../../history/guarantee.ts';

export function promises(writePath: string, readPath: string): readonly Guarantee[] {
  if (readPath === 'local') return []; // what a failover may undo promises nothing
  const committed = writePath !== 'leader-ack';
  const applied = writePath === 'all-applied';
  return [
    ...acrossReads(readPath, committed, applied),
    // A leader-ack write that was undone is missing from states that show the session's later ones, or any later ones.
    ...(committed ? (['monotonic-writes', 'consistent-prefix'] as const) : []),
    'writes-follow-reads',
    ...boundOn(readPath, committed),
  ];
}

/** How old an answer may be. An acknowledged leader-ack write may wait for its commit longer than any bound. */
function boundOn(readPath: string, committed: boolean): readonly Guarantee[] {
  return boundMsOf(readPath) !== undefined && committed ? ['bounded-staleness'] : [];
}

function acrossReads(readPath: string, committed: boolean, applied: boolean): readonly Guarantee[] {
  switch (readPath) {
    /*
     * As of some moment during the read: the leader, and a follower that asks it, serve no less than was committed when
     * the read began. A leader-ack write is not committed when it is acknowledged: the read may miss it, even for ever.
     */
    case 'leader':
    case 'leader-lease':
    case 'follower-linearizable':
      return committed ? ['linearizable', 'read-your-writes', 'monotonic-reads'] : ['monotonic-reads'];

    /*
     * Tokens of this device's reads and writes. One of a leader-ack write may be lost with the leader: the read is refused
     * then (TOKEN_UNDONE), and what was read before still holds. `region`: the same for all devices, kept by one node, which
     * after a restart fetches a commit index past all that it may have forgotten.
     */
    case 'follower+token':
    case 'region':
      return committed ? ['read-your-writes', 'monotonic-reads'] : ['monotonic-reads'];

    // The token of what was read and nothing else; unless every voter has the session's writes anyway.
    case 'monotonic':
      return applied ? ['read-your-writes', 'monotonic-reads'] : ['monotonic-reads'];

    /*
     * `own-leader`: a key that this device ever wrote is read from the leader, so that what was committed is seen; other keys
     * come from followers that may be behind one another. `leader-window`: within the window the leader; after it, a
     * follower that is no further behind than the window has every write that was committed before it began.
     * `shared-token`: each committed write is in the token before it is acknowledged, and the token is read from the leader;
     * what was read is not in it, so that another device's reads may fall behind.
     */
    case 'own-leader':
    case 'leader-window':
    case 'shared-token':
      return committed ? ['read-your-writes'] : [];

    /*
     * `follower`, `bounded-…`: the next follower may be behind the last. `follower+timestamp`: leaders' wall clocks are apart,
     * so that a write of one leader may be stamped earlier than older writes of another, and two writes of one leader may bear the
     * same stamp. But what every voter serves, the next follower serves too.
     */
    default:
      return applied ? ['read-your-writes'] : [];
  }
}

/** Fenced: terms decide who may acknowledge. A leader-ack write survives no failover, and one by a deposed leader is no rarity. */
export function promisesOfWrites(writePath: string): readonly Guarantee[] {
  return writePath === 'leader-ack' ? [] : ['durable', 'fenced'];
}

/** What the judge asks about: a cell of the matrix. */
interface Claim {
  readonly writePath?: string;
  readonly readPath?: string;
  readonly guarantee: Guarantee;
}

/**
 * - `clock-drift` runs clocks faster or slower than the stated bound. Leases and freshness rest on that bound, and so does all
 *   that a read by them is promised beyond its own state. Read indices, tokens and terms look at no clock.
 * - `promote-by-force` makes a node the leader of what it happens to have. Committed entries may be lost, and with them
 *   what tokens and notes speak of, what sessions read before they wrote, and their earlier writes; those cut off may go on for
 *   a while under their old leader. Nothing that rests on "committed is for ever" or on one leader stands: what does is that no
 *   two lead in one term, and that all who are left agree in the end.
 * - `change-members`, `undo-change` and `rival-changes` leave a removed node with what it had, not knowing at once that it was
 *   removed, and all-applied writes do not wait for it any more. So a follower may miss them, where nothing but the write path
 *   promised that it would not.
 */
export function suspends(fault: string, { writePath, readPath, guarantee }: Claim): boolean {
  switch (fault) {
    case 'clock-drift':
      return readPath !== undefined && restsOnClocks(readPath) && beyondOneState.has(guarantee);
    case 'promote-by-force':
      return guarantee !== 'convergent' && guarantee !== 'one-leader-per-term';
    case 'change-members':
    case 'undo-change':
    case 'rival-changes':
      return (
        writePath === 'all-applied' &&
        guarantee === 'read-your-writes' &&
        readPath !== undefined &&
        !promises('quorum-ack', readPath).includes(guarantee)
      );
    default:
      return false;
  }
}

function restsOnClocks(readPath: string): boolean {
  return readPath === 'leader-lease' || readPath === 'leader-window' || boundMsOf(readPath) !== undefined;
}

/** What is promised of a read after other operations, rather than of the one state that it shows. */
const beyondOneState: ReadonlySet<Guarantee> = new Set([
  'linearizable',
  'read-your-writes',
  'monotonic-reads',
  'bounded-staleness',
]);
