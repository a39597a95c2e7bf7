/** Answers of nodes, as those who asked get them. */
import type { GroupId, NodeId, Response } from '../core/types.ts';

/** An answer that is neither a refusal nor a doubt, and who gave it. */
export type Answered<T extends 'read' | 'written' | 'mismatch' | 'done' = 'read' | 'written' | 'mismatch' | 'done'> =
  Extract<Response, { type: T }> & {
    readonly node: NodeId;
    readonly group: GroupId;
    /**
     * Of a write that the leader alone acknowledged: another attempt may have been taken, too, by another leader. Should
     * that one stay and this one be undone, the write has another place than the answer says.
     */
    readonly elsewhere?: true;
  };

/** Field by field where it is one of the many: a spread that adds to what it copies is slower. */
export function attributed(
  answer: Exclude<Response, { type: 'refused' | 'unknown' }>,
  node: NodeId,
  group: GroupId,
): Answered {
  if (answer.type === 'read') {
    const { type, values, versions, position, after, role } = answer;
    return after === undefined
      ? { type, values, versions, position, role, node, group }
      : { type, values, versions, position, after, role, node, group };
  }
  if (answer.type === 'written' && answer.stampMs !== undefined && answer.commit !== undefined) {
    const { type, version, role, stampMs, commit } = answer;
    return { type, version, role, stampMs, commit, node, group };
  }
  return { ...answer, node, group };
}
