/**
 * What this node was told that users have seen (path `region`): all devices of a user are sent to one region, whose node
 * then knows what each of them has seen. The table is bounded: of users that were dropped from it, the latest token
 * of them stands for all. What was told before a restart is forgotten; in its place stands a commit index that was fetched from
 * the leader since, which is past everything committed that anybody had seen.
 */
import { covers } from './epochs.ts';
import type { Node } from './node.ts';
import { askLeader } from './probes.ts';
import { BEGINNING } from './reading.ts';
import { judgeToken } from './tokens.ts';
import type { NoteRequest } from './types.ts';

export function onNote(node: Node, request: number, { user, token }: NoteRequest): void {
  if (token.group !== node.group) {
    node.out.answer(request, { type: 'refused', code: 'WRONG_GROUP' });
    return;
  }
  node.notes.note(user, { term: token.term, index: token.index });
  const index = node.commitIndex;
  node.out.answer(request, { type: 'done', position: { term: node.log.termAt(index) ?? 0, index } });
}

/** Whether the state has what `user` was seen with here. */
export function judgeUser(node: Node, user: string): 'satisfied' | 'undone' | 'ahead' {
  const { notes } = node;
  const fate = judgeToken(node, notes.of(user));
  if (fate !== 'satisfied') return fate;
  const ofDropped = judgeToken(node, notes.dropped);
  // It stands for many users, few of whom ever saw that write: nobody is told that it is undone.
  if (ofDropped === 'undone') notes.dropped = BEGINNING;
  return ofDropped !== 'ahead' && hasFetched(node) ? 'satisfied' : 'ahead';
}

function hasFetched(node: Node): boolean {
  const { notes } = node;
  notes.probe ??= askLeader(node);
  const { answered } = node.probes;
  if (notes.fetched === undefined && answered !== undefined && answered.id >= notes.probe) {
    notes.fetched = answered.commit;
  }
  return notes.fetched !== undefined && covers(node, notes.fetched);
}
