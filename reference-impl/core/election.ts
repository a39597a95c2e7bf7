/**
 * Elections: pre-vote (Ongaro 2014, 9.6), votes (Ongaro & Ousterhout 2014, 5.2 and 5.4.1), stickiness (Ongaro 2014,
 * 4.2.3) and check-quorum (6.2).
 */
import { isOfEpoch } from './epochs.ts';
import { counts } from './healing.ts';
import type { PreVote, PreVoteAnswer, Vote, VoteAnswer } from './messages.ts';
import { atLeastOneMs } from './node.ts';
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import { adoptTerm, armElection, follow, lead } from './roles.ts';
import type { NodeId } from './types.ts';

/** A node that starts: it follows nobody, and where it had a past it withholds its vote. */
export function beginLife(node: Node): void {
  const { electionMinMs, electionMaxMs } = node.config;
  if ((node.term === 0 && !node.damaged) || node.defect('lost-vote')) {
    armElection(node);
    return;
  }
  // It may have heard a leader a moment before it stopped, and that leader may still count on its stickiness.
  node.votesWithheldUntilMs = node.nowMs + electionMaxMs;
  node.out.timer('election', electionMaxMs, electionMaxMs + electionMaxMs - electionMinMs);
}

export function onElectionTimer(node: Node): void {
  if (node.stance.type === 'leader') return;
  const { electionMinMs, electionMaxMs } = node.config;
  const silentMs = node.nowMs - node.heardLeaderAtMs;
  if (silentMs < electionMinMs) {
    // Heartbeats do not re-arm the timer, they only leave their time: a new draw, less what has passed since.
    node.out.timer('election', electionMinMs - silentMs, electionMaxMs - silentMs);
    return;
  }
  armElection(node);
  if (votesWithheld(node) || !mayStand(node)) return;
  if (node.stance.type === 'follower') node.stance.leader = undefined;
  if (node.config.election === 'external') {
    // Votes may have been withheld, or lost: until its right to lead ends it asks for them again, in the same term.
    if (node.stance.type === 'candidate') node.stance.asked = false;
    return;
  }
  // Its vote would not come to the disk, nor anything it were asked to write.
  if (node.disk.full) return;
  node.preVote = { campaign: node.term + 1, votes: ownVote(node) };
  if (node.preVote.votes.size >= node.quorum) {
    beginCampaign(node, node.term + 1, 'pre-vote');
    return;
  }
  for (const to of node.others) {
    node.out.send(to, {
      type: 'pre-vote',
      term: node.term,
      campaign: node.term + 1,
      lastIndex: node.log.lastIndex,
      lastTerm: node.log.lastTerm,
    });
  }
}

/**
 * Whether it may ever be a candidate as it is now. Learners, and whoever was removed or has not been added yet, wait for a
 * leader; so do those who have lost entries, and those whose log is of an earlier recovery epoch. Whose removal is not known to
 * be committed stands, and does not count itself (Ongaro 2014, 4.2.2).
 */
export function mayStand(node: Node): boolean {
  const { commitIndex, log, members, promotion, term } = node;
  const belongs = members.selfVotes || members.removesSelf(commitIndex);
  return belongs && counts(node) && promotion === undefined && countsIn(node, log.lastTerm, term);
}

/** A candidate counts itself if it votes in its own configuration. */
function ownVote({ config, members }: Node): Set<NodeId> {
  return new Set(members.selfVotes ? [config.id] : []);
}

/** Whether a log counts in this term: one of an earlier recovery epoch has been given up. */
function countsIn(node: Node, lastTerm: number, term: number): boolean {
  return isOfEpoch(lastTerm, term) || node.defect('no-recovery-epoch');
}

/** Heard a leader within the shortest election timeout, or leads, or has just been restarted. */
export function votesWithheld(node: Node): boolean {
  if (node.nowMs < node.votesWithheldUntilMs) return true;
  return node.stance.type === 'leader' || node.nowMs - node.heardLeaderAtMs < node.config.electionMinMs;
}

export function onPreVote(node: Node, from: NodeId, message: PreVote): void {
  const granted =
    !votesWithheld(node) &&
    counts(node) &&
    (message.campaign > node.term ||
      (message.campaign === node.term && (node.votedFor === null || node.votedFor === from))) &&
    countsIn(node, message.lastTerm, message.campaign) &&
    node.log.isCoveredBy(message.lastIndex, message.lastTerm);
  node.out.send(from, { type: 'pre-vote-answer', term: node.term, campaign: message.campaign, granted });
}

export function onPreVoteAnswer(node: Node, from: NodeId, message: PreVoteAnswer): void {
  if (message.term > node.term) {
    adoptTerm(node, message.term, `${from} is in term ${message.term}`);
    return;
  }
  const preVote = node.preVote;
  if (preVote === undefined || message.campaign !== preVote.campaign || !message.granted) return;
  if (!node.members.isVoter(from)) return;
  preVote.votes.add(from);
  if (preVote.votes.size >= node.quorum) beginCampaign(node, node.term + 1, 'pre-vote');
}

const reasons = {
  'pre-vote': 'a quorum would vote for it',
  handover: 'its leader hands over',
  named: 'it was named to lead',
} as const;

/** Term and own vote go to disk first; {@link settleElection} asks for votes once they are there. */
export function beginCampaign(node: Node, term: number, reason: keyof typeof reasons): void {
  node.preVote = undefined;
  node.term = term;
  node.votedFor = node.config.id;
  node.voteOwed = undefined;
  node.disk.metaChanged();
  node.stance = {
    type: 'candidate',
    votes: new Set(),
    refusals: new Set(),
    asked: false,
    handover: reason === 'handover',
  };
  armElection(node);
  node.out.tell({ type: 'role', role: 'candidate', term: node.term, why: reasons[reason] });
}

export function onVote(node: Node, from: NodeId, message: Vote): void {
  // Stickiness binds real votes too: while a leader is heard, a candidate's higher term is not even adopted.
  // Unless the leader itself has asked the candidate to stand: then nobody counts on it.
  const handedOver = message.handover === true;
  if (votesWithheld(node) && !handedOver && message.term >= node.term) return;
  if (message.term > node.term) adoptTerm(node, message.term, `${from} stands in term ${message.term}`);
  const granted =
    message.term === node.term &&
    node.stance.type === 'follower' &&
    counts(node) &&
    (node.votedFor === null || node.votedFor === from) &&
    countsIn(node, message.lastTerm, message.term) &&
    (node.log.isCoveredBy(message.lastIndex, message.lastTerm) ||
      (handedOver && node.defect('handover-without-catching-up')));
  if (!granted) {
    node.out.send(from, { type: 'vote-answer', term: node.term, granted: false });
    return;
  }
  if (node.votedFor === null) {
    node.votedFor = from;
    node.disk.metaChanged();
  }
  armElection(node);
  node.voteOwed = { to: from, term: node.term };
}

export function onVoteAnswer(node: Node, from: NodeId, message: VoteAnswer): void {
  if (message.term > node.term) {
    adoptTerm(node, message.term, `${from} is in term ${message.term}`);
    return;
  }
  if (message.term < node.term || node.stance.type !== 'candidate' || !node.members.isVoter(from)) return;
  if (message.granted) {
    node.stance.votes.add(from);
    if (node.stance.votes.size >= node.quorum) lead(node);
    return;
  }
  node.stance.refusals.add(from);
  // Whoever names the leaders is to name another one at once: nobody else stands meanwhile.
  const possible = node.members.voters.length - node.stance.refusals.size;
  if (node.config.election === 'external' && possible < node.quorum) follow(node, 'no quorum will vote for it');
}

/** What waited for term and vote to be on disk: a vote given, or a campaign. */
export function settleElection(node: Node): void {
  if (!node.disk.metaDurable) return;
  if (node.voteOwed !== undefined) {
    node.out.send(node.voteOwed.to, { type: 'vote-answer', term: node.voteOwed.term, granted: true });
    node.voteOwed = undefined;
  }
  if (node.stance.type !== 'candidate' || node.stance.asked) return;
  node.stance.asked = true;
  if (node.members.selfVotes) node.stance.votes.add(node.config.id);
  const { lastIndex, lastTerm } = node.log;
  const vote: Vote = { type: 'vote', term: node.term, lastIndex, lastTerm };
  const message: Vote = node.stance.handover ? { ...vote, handover: true } : vote;
  for (const to of node.others) node.out.send(to, message);
  if (node.stance.votes.size >= node.quorum) lead(node);
}

/** Steps down once no quorum was heard for the longest election timeout. */
export function onCheckQuorum(node: Node, leader: Leader): void {
  const { electionMaxMs } = node.config;
  const heardMs = leader.peers.filter((peer) => peer.voter).map((peer) => peer.heardAtMs);
  if (node.members.selfVotes) heardMs.push(node.nowMs);
  const quorumHeardAtMs = heardMs.sort((a, b) => b - a)[node.quorum - 1];
  const leftMs = quorumHeardAtMs + electionMaxMs - node.nowMs;
  if (leftMs > 0) node.out.timer('check-quorum', atLeastOneMs(leftMs), atLeastOneMs(leftMs));
  else follow(node, `no quorum heard for ${electionMaxMs} ms`);
}
