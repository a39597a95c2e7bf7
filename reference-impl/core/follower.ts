/** The follower's side of replication: what it accepts from its leader, and when it says so. */
import { counts } from './healing.ts';
import type { Append, Commit } from './messages.ts';
import { hasGivenUpLog } from './epochs.ts';
import { newFollower } from './stances.ts';
import type { Node } from './node.ts';
import type { Follower } from './stances.ts';
import { adoptTerm, follow } from './roles.ts';
import { servedBy, toldCommit } from './serving.ts';
import type { NodeId } from './types.ts';

export function onAppend(node: Node, from: NodeId, message: Append): void {
  if (message.term < node.term && !node.defect('no-fence')) {
    refuseTerm(node, from);
    return;
  }
  const follower = followLeader(node, from, message.term);
  if (follower === undefined) return;
  toldCommit(node, follower, message.commit);
  if (hasGivenUpLog(node, follower)) {
    reject(node, from, follower, message);
    return;
  }
  if (node.log.termAt(message.prevIndex) !== message.prevTerm) {
    reject(node, from, follower, message);
    return;
  }
  const { full } = node.disk;
  const end = message.prevIndex + (full ? heldAlready(node, message) : message.entries.length);
  // Only what comes as news is answered after its sync; everything else is answered now.
  if (full || message.entries.length === 0 || end <= node.log.lastIndex) follower.owesAnswer = true;
  if (message.round > follower.round) {
    follower.round = message.round;
    follower.owesAnswer = true;
  }
  if (!full) takeEntries(node, follower, message);
  if (end > follower.verified) follower.verified = end;
  node.commit(Math.min(message.commit, end));
}

/** Fences a leader of an older term: the answer's term makes it step down. */
export function refuseTerm(node: Node, from: NodeId): void {
  node.out.send(from, { type: 'rejected', term: node.term, prevIndex: 0, hintIndex: 0, hintTerm: 0, round: 0 });
}

/** How many of the entries, from the first on, are in the log. */
function heldAlready(node: Node, { entries }: Append): number {
  const missing = entries.findIndex((entry) => node.log.termAt(entry.index) !== entry.term);
  return missing < 0 ? entries.length : missing;
}

/** Entries that are there already are left alone: a late duplicate must not cut off what came after it. */
function takeEntries(node: Node, follower: Follower, message: Append): void {
  if (node.defect('truncate-committed') && node.log.lastIndex > message.prevIndex) node.truncate(message.prevIndex + 1);
  for (const entry of message.entries) {
    const term = node.log.termAt(entry.index);
    if (term === entry.term) continue;
    if (entry.index <= node.log.base) {
      node.unexpected(`(${entry.term},${entry.index}) contradicts what was compacted`);
      continue;
    }
    if (term !== undefined) {
      if (entry.index <= follower.verified) {
        node.unexpected(`conflict at ${entry.index}, verified up to ${follower.verified}`);
      }
      node.truncate(entry.index);
    }
    node.append(entry);
  }
}

export function onCommit(node: Node, from: NodeId, message: Commit): void {
  if (message.term !== node.term || node.stance.type !== 'follower' || node.stance.leader !== from) return;
  node.heardLeaderAtMs = node.nowMs;
  if (message.answer === true) node.stance.owesAnswer = true;
  toldCommit(node, node.stance, message.index);
  // After a restart within the term nothing is verified yet; the next append will tell.
  node.commit(Math.min(message.index, node.stance.verified));
}

/** The leader was heard: the stance of a follower of it, or undefined when the sender cannot be one. */
export function followLeader(node: Node, from: NodeId, term: number): Follower | undefined {
  if (term > node.term) adoptTerm(node, term, `${from} leads term ${term}`);
  else if (node.stance.type === 'candidate' || term < node.term) follow(node, `${from} leads term ${term}`);
  node.preVote = undefined;
  if (node.stance.type !== 'follower') {
    node.expects(false, () => `${from} leads term ${term} too`);
    return undefined;
  }
  if (node.stance.term !== term) node.stance = newFollower(term);
  const follower = node.stance;
  node.expects(follower.leader === undefined || follower.leader === from, () => `${from} leads term ${term} too`);
  follower.leader = from;
  node.heardLeaderAtMs = node.nowMs;
  return follower;
}

function reject(node: Node, from: NodeId, follower: Follower, message: Append): void {
  const hintIndex = node.log.lastNotAbove(message.prevIndex, message.prevTerm);
  node.out.send(from, {
    type: 'rejected',
    term: follower.term,
    prevIndex: message.prevIndex,
    hintIndex,
    hintTerm: node.log.termAt(hintIndex) ?? 0,
    round: node.disk.metaDurable && counts(node) ? message.round : 0,
    ...(node.disk.full ? { full: true } : undefined),
    ...(hasGivenUpLog(node, follower) ? { rebuild: true } : undefined),
    ...(counts(node) ? undefined : { damaged: true }),
  });
}

/** Answers the leader: what it asked for, and whatever came to the disk since the last answer. */
export function settleFollower(node: Node, follower: Follower): void {
  if (follower.leader === undefined || !node.disk.metaDurable) return;
  const counted = counts(node);
  const durable = counted ? Math.min(node.durableIndex, follower.verified) : 0;
  if (!follower.owesAnswer && durable <= follower.acknowledged) return;
  follower.owesAnswer = false;
  follower.acknowledged = Math.max(follower.acknowledged, durable);
  node.out.send(follower.leader, {
    type: 'appended',
    term: follower.term,
    durable,
    verified: follower.verified,
    round: counted ? follower.round : 0,
    served: counted ? servedBy(node) : 0,
    ...(node.disk.full ? { full: true } : undefined),
  });
}
