/** Tokens: what a session has seen, and whether a state has it. */
import { isOfEpoch } from './epochs.ts';
import type { Node } from './node.ts';
import { isLater } from './positions.ts';
import type { Version } from './state.ts';
import type { Position, Token, TokenPart } from './types.ts';

/** What the writers of these values had seen of other groups: of each group the latest. */
export function mergedAfter(versions: readonly (Version | undefined)[]): Token | undefined {
  let merged: Map<string, TokenPart> | undefined;
  for (const version of versions) {
    for (const part of version?.after ?? []) {
      merged ??= new Map();
      const known = merged.get(part.group);
      if (known === undefined || isLater(part, known)) merged.set(part.group, part);
    }
  }
  return merged === undefined ? undefined : [...merged.values()];
}

/**
 * What has become of the entry that a token names, as far as this node's committed state tells. Where that is of an earlier
 * recovery epoch than the token, or than the node's own term, it tells of a history that was given up: nothing of another
 * one is undone by it.
 */
export function judgeToken(node: Node, token: Position): 'satisfied' | 'undone' | 'ahead' {
  if (node.defect('token-by-index')) return token.index <= node.log.lastIndex ? 'satisfied' : 'ahead';
  if (token.index <= node.log.base && node.defect('snapshot-without-term-history')) return 'satisfied';
  if (token.index <= reachedBy(node) && node.log.termAt(token.index) === token.term) return 'satisfied';
  const committedTerm = node.log.termAt(node.commitIndex) ?? 0;
  if (!isOfEpoch(committedTerm, Math.max(token.term, node.term))) return 'ahead';
  if (token.index <= reachedBy(node)) return 'undone';
  // Terms never fall along a log: behind a committed entry of a higher term there is no room for the token's entry.
  return committedTerm > token.term ? 'undone' : 'ahead';
}

/** Which state followers' reads are served from. */
export function followerView(node: Node): 'committed' | 'whole log' {
  return node.defect('follower-serves-uncommitted') ? 'whole log' : 'committed';
}

/** The place of that state. */
export function reachedBy(node: Node): number {
  return followerView(node) === 'committed' ? node.commitIndex : node.log.lastIndex;
}
