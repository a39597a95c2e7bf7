/**
 * Planned change of leader (Ongaro 2014, 3.10): the leader stops taking writes, waits until what it has taken is answered
 * and its successor has the whole log on disk, and asks the successor to stand at once. The votes it then asks for are
 * not bound by stickiness, for the leader that the voters hear has agreed.
 *
 * So the leader must not rest on stickiness either. *From the moment at which it asks a node to stand, it has no lease in
 * this term until that node has a later entry of this term on its disk.* A node stands only with exactly the log that
 * the request names. One that has a later entry on disk will never again have that log in this term, whatever still
 * lies in the network and however often it restarts; and as it said so in this term, it had not stood.
 */
import type { StandNow } from './messages.ts';
import { beginCampaign, mayStand } from './election.ts';
import type { Handover } from './handover.ts';
import type { Node } from './node.ts';
import type { Leader, Peer } from './stances.ts';
import type { NodeId, OperatorRequest, RefusalCode } from './types.ts';
import { refuseNotLeader } from './serve.ts';

/** A successor further behind would keep writes waiting for nothing. */
const LAG_ENTRIES_MAX = 2048;
/** A leader that is not the preferred one tries again after so many election timeouts at most. */
const PATIENCE_MAX = 64;

export function onSwitchover(
  node: Node,
  request: number,
  body: OperatorRequest & { readonly type: 'switchover' },
): void {
  const leader = node.stance;
  if (leader.type !== 'leader') {
    refuseNotLeader(node, request);
    return;
  }
  if (body.to === node.config.id) {
    node.out.answer(request, { type: 'done', position: endOf(node) });
    return;
  }
  const target = body.to === undefined ? furthest(node, leader) : leader.peerById.get(body.to);
  const refusal = objection(node, leader, body.to, target);
  if (refusal !== undefined || target === undefined) {
    node.out.answer(request, { type: 'refused', code: refusal ?? 'NOT_CAUGHT_UP' });
    return;
  }
  begin(node, leader, target.id, request);
}

/** Why no handover begins; undefined: it may. */
function objection(
  node: Node,
  leader: Leader,
  to: NodeId | undefined,
  target: Peer | undefined,
): RefusalCode | undefined {
  // Only the one that the external consistent core names may stand.
  if (node.config.election === 'external') return 'ELECTED_OUTSIDE';
  if (leader.handover !== undefined) return 'HANDING_OVER';
  if (to !== undefined && !node.members.isVoter(to)) return 'NOT_A_MEMBER';
  if (target === undefined || target.full || !isHeard(node, target)) return 'NOT_CAUGHT_UP';
  return node.log.lastIndex - target.match > LAG_ENTRIES_MAX ? 'NOT_CAUGHT_UP' : undefined;
}

function furthest(node: Node, leader: Leader): Peer | undefined {
  let best: Peer | undefined;
  for (const peer of leader.peers) {
    if (!peer.voter || peer.full || !isHeard(node, peer)) continue;
    if (best === undefined || peer.match > best.match) best = peer;
  }
  return best;
}

function isHeard(node: Node, peer: Peer): boolean {
  return node.nowMs - peer.heardAtMs < node.config.electionMinMs;
}

function begin(node: Node, leader: Leader, to: NodeId, request: number | undefined): void {
  const deadlineMs = node.nowMs + node.config.electionMaxMs;
  leader.handover = { to, request, deadlineMs, asked: false };
  node.wakeAt(deadlineMs);
  node.out.tell({ type: 'switchover', to, outcome: 'begun' });
}

export function settleHandover(node: Node, leader: Leader): void {
  for (const [id, cancelledBy] of leader.askedToStand) {
    if ((leader.peerById.get(id)?.match ?? 0) >= cancelledBy) leader.askedToStand.delete(id);
  }
  const { handover } = leader;
  if (handover === undefined || handover.asked) return;
  const target = leader.peerById.get(handover.to);
  if (target === undefined || !target.voter) {
    giveUp(node, leader, handover);
    return;
  }
  const ready = target.match === node.log.lastIndex && allAnswered(node, leader);
  if (!ready && !node.defect('handover-without-catching-up')) return;
  handover.asked = true;
  handover.deadlineMs = node.nowMs + node.config.electionMaxMs;
  node.wakeAt(handover.deadlineMs);
  askToStand(node, leader, handover);
}

/**
 * Everything is committed and every write has its answer. Who asked for every voter's disk while a voter is silent will
 * not be answered in time, with or without a handover.
 */
function allAnswered(node: Node, leader: Leader): boolean {
  if (node.commitIndex < node.log.lastIndex || leader.onLeader.length > 0 || leader.onQuorum.length > 0) return false;
  return (
    leader.onAll.length + leader.onApplied.length === 0 ||
    leader.peers.some((peer) => peer.voter && !isHeard(node, peer))
  );
}

function askToStand(node: Node, leader: Leader, handover: Handover): void {
  leader.askedToStand.set(handover.to, Number.POSITIVE_INFINITY);
  const chosen = handover.request !== undefined;
  node.out.send(handover.to, { type: 'stand-now', term: node.term, lastIndex: node.log.lastIndex, chosen });
}

/** With every heartbeat: the request is asked again, should it have been lost; and a preferred leader is looked for. */
export function onHandoverBeat(node: Node, leader: Leader): void {
  if (leader.handover?.asked === true) askToStand(node, leader, leader.handover);
  else if (leader.handover === undefined) considerPreferred(node, leader);
}

export function expireHandover(node: Node): void {
  const { handedOver, stance } = node;
  if (handedOver !== undefined) {
    if (handedOver.deadlineMs > node.nowMs) node.wakeAt(handedOver.deadlineMs);
    else {
      node.handedOver = undefined;
      node.out.answer(handedOver.request, { type: 'unknown', code: 'TIMEOUT' });
    }
  }
  if (stance.type !== 'leader' || stance.handover === undefined) return;
  if (stance.handover.deadlineMs > node.nowMs) node.wakeAt(stance.handover.deadlineMs);
  else giveUp(node, stance, stance.handover);
}

function giveUp(node: Node, leader: Leader, handover: Handover): void {
  leader.handover = undefined;
  node.out.tell({ type: 'switchover', to: handover.to, outcome: 'given-up' });
  if (handover.asked) {
    // Once this is on the successor's disk, it will not stand any more; until then it may.
    const index = node.log.lastIndex + 1;
    node.append({ term: node.term, index, command: { type: 'noop' } });
    leader.askedToStand.set(handover.to, index);
  }
  if (handover.request === undefined) return;
  if (handover.asked) node.out.answer(handover.request, { type: 'unknown', code: 'TIMEOUT' });
  else node.out.answer(handover.request, { type: 'refused', code: 'NOT_CAUGHT_UP' });
}

/** The successor's side: it stands with exactly the log that the leader named, or not at all. */
export function onStandNow(node: Node, message: StandNow): void {
  if (message.term !== node.term || node.stance.type !== 'follower') return;
  if (!mayStand(node) || node.disk.full) return;
  const sameLog = node.log.lastTerm === message.term && node.log.lastIndex === message.lastIndex;
  if (!sameLog && !node.defect('handover-without-catching-up')) return;
  beginCampaign(node, node.term + 1, 'handover');
  if (message.chosen) node.preference.chosenInTerm = node.term;
}

export function settleHandedOver(node: Node): void {
  const { handedOver, stance } = node;
  if (handedOver === undefined) return;
  const leads = stance.type === 'leader' ? node.config.id : stance.type === 'follower' ? stance.leader : undefined;
  if (leads === undefined) return;
  node.handedOver = undefined;
  if (leads === handedOver.to) node.out.answer(handedOver.request, { type: 'done', position: endOf(node) });
  else node.out.answer(handedOver.request, { type: 'unknown', code: 'LEADERSHIP_LOST' });
}

function endOf(node: Node): { readonly term: number; readonly index: number } {
  return { term: node.log.lastTerm, index: node.log.lastIndex };
}

/** Who is to lead, if anybody in particular; whoever can, where this node's disk is full. */
function preferred(node: Node, leader: Leader): NodeId | undefined {
  if (node.disk.full) return furthest(node, leader)?.id;
  const { preferredLeader, leaderTurn } = node.config;
  if (preferredLeader !== undefined || leaderTurn === undefined) return preferredLeader;
  const { voters } = node.members.current;
  return voters[leaderTurn % voters.length];
}

/** Hands over to the preferred leader when it is there and has caught up; after each attempt it waits twice as long. */
function considerPreferred(node: Node, leader: Leader): void {
  const id = preferred(node, leader);
  if (id === undefined || id === node.config.id) return;
  const { preference } = node;
  const { electionMaxMs } = node.config;
  const sinceMs = node.nowMs - preference.triedAtMs;
  if (sinceMs < preference.patience * electionMaxMs || preference.chosenInTerm === node.term) return;
  const target = leader.peerById.get(id);
  if (objection(node, leader, id, target) !== undefined || node.commitIndex < leader.openedAt) return;
  const forgotten = sinceMs > 2 * PATIENCE_MAX * electionMaxMs;
  preference.patience = forgotten ? 1 : Math.min(PATIENCE_MAX, preference.patience * 2);
  preference.triedAtMs = node.nowMs;
  begin(node, leader, id, undefined);
}
