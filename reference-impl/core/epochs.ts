/** Recovery epochs, as every node knows them: whose log still counts. force.ts begins them. */
import type { Node } from './node.ts';
import type { Follower } from './stances.ts';
import { Freshness } from './reading.ts';
import { epochOf } from './types.ts';

/** Whether a log with this last term may be stood with, or voted for, in a term: there is nothing older in its epoch. */
export function isOfEpoch(lastTerm: number, term: number): boolean {
  return epochOf(lastTerm) >= epochOf(term);
}

/**
 * Whether the node has given up its log: it takes nothing but a snapshot. A log that came from this leader in this term
 * is none to give up, though it has not reached the leader's epoch yet.
 */
export function hasGivenUpLog(node: Node, follower: Follower): boolean {
  if (isOfEpoch(node.log.lastTerm, node.term) || node.defect('no-recovery-epoch')) return false;
  return follower.verified < node.log.lastIndex;
}

/**
 * The node hears of a later epoch. What it knew to be committed may not be in that one, and indices that an earlier leader
 * told it say nothing about it.
 */
export function enterEpoch(node: Node): void {
  const { notes, probes, waiting } = node;
  node.ready = false;
  node.freshness = new Freshness();
  probes.answered = undefined;
  notes.probe = undefined;
  notes.fetched = undefined;
  waiting.reads = waiting.reads.filter(({ request, need }) => {
    if (need.type !== 'answer' || need.commit === undefined) return true;
    node.out.answer(request, { type: 'refused', code: 'NOT_READY' });
    return false;
  });
}

/**
 * Whether what is committed here covers a commit index that a leader told of late: in the log of an earlier epoch, indices
 * mean something else.
 */
export function covers(node: Node, commit: number): boolean {
  return node.commitIndex >= commit && isOfEpoch(node.log.termAt(node.commitIndex) ?? 0, node.term);
}

/** Index of the entry that began the current recovery epoch; 0 where there was no promotion. */
export function beginningOfEpoch(node: Node): number {
  if (epochOf(node.term) === 0) return 0;
  const { log } = node;
  return log.termsUpTo(log.lastIndex).find(({ term }) => isOfEpoch(term, node.term))?.index ?? 0;
}
