/** The follower's side of a snapshot's way: taking its parts, and putting it in the place of log and state. */
import { followLeader, refuseTerm } from './follower.ts';
import { counts } from './healing.ts';
import type { SnapshotPart } from './messages.ts';
import type { Node } from './node.ts';
import type { Follower } from './stances.ts';
import { Freshness } from './reading.ts';
import { loadSnapshot } from './snapshots.ts';
import { epochOf } from './types.ts';
import type { NodeId, Snapshot, SnapshotHead, StoredRequest, StoredValue } from './types.ts';

/** A snapshot of which not all parts have come. */
export interface Incoming {
  readonly head: SnapshotHead;
  parts: number;
  readonly values: StoredValue[];
  readonly requests: StoredRequest[];
}

export function onSnapshotPart(node: Node, from: NodeId, message: SnapshotPart): void {
  if (message.term < node.term && !node.defect('no-fence')) {
    refuseTerm(node, from);
    return;
  }
  const follower = followLeader(node, from, message.term);
  if (follower === undefined) return;
  // It could not be put on disk; heartbeats are answered, and say so.
  if (node.disk.full) return;
  const { head } = message;
  if (message.round > follower.round) follower.round = message.round;
  if (isThere(node, head)) {
    // Its index is committed here: a late part, or the log came after all.
    if (head.index > follower.verified) follower.verified = head.index;
    node.commit(head.index);
    answer(node, from, follower, head, message.part + 1);
    return;
  }
  const { incoming } = follower;
  // Of an image that the leader has given up for a newer one.
  if (incoming !== undefined && incoming.head.index > head.index) return;
  if (incoming?.head.index !== head.index) {
    follower.incoming = message.part === 0 ? { head, parts: 0, values: [], requests: [] } : undefined;
  }
  if (follower.incoming === undefined) {
    answer(node, from, follower, head, 0);
    return;
  }
  const complete = take(follower.incoming, message);
  const { parts } = follower.incoming;
  if (complete) install(node, follower, { ...head, ...follower.incoming });
  answer(node, from, follower, head, parts);
}

/** Whether the log has the snapshot's last entry, in the snapshot's epoch: then there is nothing to replace. */
function isThere(node: Node, head: SnapshotHead): boolean {
  return node.log.termAt(head.index) === head.term || (head.index <= node.commitIndex && !isOfLaterEpoch(node, head));
}

function isOfLaterEpoch(node: Node, head: SnapshotHead): boolean {
  return epochOf(head.term) > epochOf(node.log.lastTerm);
}

/** Returns whether that was all. A part that comes too early is lost, one that comes again is left. */
function take(incoming: Incoming, message: SnapshotPart): boolean {
  if (message.part !== incoming.parts) return false;
  incoming.parts++;
  for (const value of message.values) incoming.values.push(value);
  for (const record of message.requests) incoming.requests.push(record);
  return message.last;
}

function install(node: Node, follower: Follower, incoming: Snapshot & Incoming): void {
  const { parts: _parts, head, ...snapshot } = incoming;
  const before = node.members.current;
  follower.incoming = undefined;
  // What differs from the snapshot's history is undone, and told, before it goes; what equals it is in the snapshot. The
  // snapshot's own last entry is not in the log, so nothing behind it can be the leader's.
  const common = node.log.lastCommon(head);
  node.expects(
    common >= node.commitIndex || isOfLaterEpoch(node, head),
    () => `snapshot at ${head.index} differs from what is committed`,
  );
  node.abandon(common + 1);
  const wasReady = node.ready && !isOfLaterEpoch(node, head);
  node.log.reset(head);
  loadSnapshot(node, snapshot);
  node.members.reset({ index: head.membersIndex, members: head.members });
  node.acknowledgedAhead.clear();
  node.disk.replaced(snapshot, common);
  node.ready = wasReady;
  if (!wasReady) node.freshness = new Freshness();
  // A leader of this term took the image, so all of it is committed.
  node.commit(head.index);
  if (head.index > follower.verified) follower.verified = head.index;
  follower.installed = head;
  node.out.tell({ type: 'snapshot-installed', index: head.index });
  if (JSON.stringify(before) !== JSON.stringify(head.members)) {
    node.out.tell({ type: 'members', members: head.members, index: head.membersIndex, undone: false });
  }
}

/** Tells the leader once an installed snapshot is on disk. */
export function settleInstall(node: Node, follower: Follower): void {
  const { installed, leader } = follower;
  if (installed === undefined || leader === undefined) return;
  if (node.durableIndex < installed.index || !node.disk.metaDurable) return;
  follower.installed = undefined;
  if (follower.acknowledged < installed.index) follower.acknowledged = installed.index;
  answer(node, leader, follower, installed, 0);
}

function answer(node: Node, to: NodeId, follower: Follower, head: SnapshotHead, parts: number): void {
  const { metaDurable } = node.disk;
  const done = metaDurable && counts(node) && node.durableIndex >= head.index && isThere(node, head);
  const round = metaDurable && counts(node) ? follower.round : 0;
  node.out.send(to, { type: 'snapshot-taken', term: follower.term, index: head.index, parts, done, round });
}
