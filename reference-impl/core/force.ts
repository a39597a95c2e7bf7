/**
 * Promotion by force: an operator makes one node the leader of a new recovery epoch, with a membership of the operator's
 * choice, when no quorum is left to elect one. It overrules the others, so it may lose what they acknowledged.
 *
 * Terms of a later epoch are above all terms of earlier ones. A node whose log is of an earlier epoch than its term has
 * given that log up: it takes nothing but a snapshot (epochs.ts), serves nothing committed and does not stand, and nobody
 * votes for a log like its own. So an epoch has one history, which its promotion began: whoever has any entry of the epoch
 * has all that came before it. That is why a leader takes the log up to the epoch's first entry for committed, whoever else
 * has it: nobody without it can be elected.
 */
import { declareWhole } from './healing.ts';
import type { Node } from './node.ts';
import { follow, lead } from './roles.ts';
import { SLOTS, slotOf } from './slots.ts';
import { EPOCH, epochOf } from './types.ts';
import type { Loss, Membership, NodeId, OperatorRequest } from './types.ts';

/** A promotion whose term and first entry are not on disk yet. Until they are, the node is deaf. */
export interface Promotion {
  readonly request: number;
  readonly term: number;
  readonly index: number;
  readonly loss: Loss;
}

export function onPromoteByForce(
  node: Node,
  request: number,
  body: OperatorRequest & { readonly type: 'promote-by-force' },
): void {
  const { members } = body;
  if (!isSound(members, node.config.id)) {
    node.out.answer(request, { type: 'refused', code: 'BAD_REQUEST' });
    return;
  }
  if (node.disk.full) {
    node.out.answer(request, { type: 'refused', code: 'DISK_FULL' });
    return;
  }
  if (node.promotion !== undefined) {
    node.out.answer(request, { type: 'refused', code: 'CHANGE_IN_PROGRESS' });
    return;
  }
  follow(node, 'an operator promotes it by force');
  const last = { term: node.log.lastTerm, index: node.log.lastIndex };
  const loss = { last, commitHeard: Math.max(node.commitHeard, node.commitIndex) };
  const term = node.defect('no-recovery-epoch') ? node.term + 1 : termOfNewEpoch(node, members);
  const index = last.index + 1;
  node.promotion = { request, term, index, loss };
  node.term = term;
  node.votedFor = node.config.id;
  node.voteOwed = undefined;
  node.disk.metaChanged();
  node.stance = { type: 'candidate', votes: new Set(), refusals: new Set(), asked: true, handover: false };
  node.append({ term, index, command: { type: 'members', members } });
}

/**
 * It leads once the epoch's term and first entry are on its disk, which they reach in one write. Before, nobody hears of
 * the epoch: should the node forget it in a crash, others would have given up their logs for one that nobody has.
 */
export function settlePromotion(node: Node): void {
  const { promotion } = node;
  if (promotion === undefined) return;
  const { request, term, index, loss } = promotion;
  if (!node.disk.metaDurable || node.durableIndex < index) return;
  node.promotion = undefined;
  declareWhole(node);
  lead(node, 'an operator promoted it by force', index);
  node.out.tell({ type: 'promoted-by-force', term, loss });
  node.out.answer(request, { type: 'done', position: { term, index }, loss });
}

function isSound({ voters, learners }: Membership, self: NodeId): boolean {
  return voters.includes(self) && new Set([...voters, ...learners]).size === voters.length + learners.length;
}

/**
 * The first term of an epoch that no other node would begin: epochs come in blocks of {@link SLOTS}, and in the next
 * unused block each node has a place of its own. The place comes from the node's name, as a key's slot does; of the nodes
 * that it knows, none has the same one. (Two that do not know of each other may: one pair in 4,096.)
 */
function termOfNewEpoch(node: Node, members: Membership): number {
  const block = Math.floor(epochOf(node.term) / SLOTS) + 1;
  return (block * SLOTS + placeOf(node, members)) * EPOCH;
}

function placeOf(node: Node, members: Membership): number {
  const { id, voters, learners = [] } = node.config;
  const { current } = node.members;
  const known = [
    id,
    ...voters,
    ...learners,
    ...current.voters,
    ...current.learners,
    ...members.voters,
    ...members.learners,
  ];
  const taken = new Set<number>();
  for (const name of [...new Set(known)].sort()) {
    let place = slotOf(name);
    while (taken.has(place)) place = (place + 1) % SLOTS;
    if (name === id) return place;
    taken.add(place);
  }
  return 0;
}
