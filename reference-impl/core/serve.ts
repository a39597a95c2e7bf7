/** How reads are answered: every answer comes out of one state. */
import { roleOf } from './node.ts';
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import type { Version } from './state.ts';
import { mergedAfter } from './tokens.ts';
import type { Key, Position, RefusalCode } from './types.ts';

export function serve(node: Node, request: number, keys: readonly Key[], view: 'committed' | 'whole log'): void {
  const state = node.state;
  const found = keys.map((key) => (view === 'committed' ? state.committed(key) : state.local(key)));
  const index = view === 'committed' ? state.committedIndex : state.lastIndex;
  const after = mergedAfter(found);
  node.out.answer(request, {
    type: 'read',
    values: found.map((version) => (version === undefined ? null : version.value)),
    versions: found.map(placeOf),
    position: { term: node.log.termAt(index) ?? 0, index },
    ...(after === undefined ? undefined : { after }),
    role: roleOf(node),
  });
}

function placeOf(version: Version | undefined): Position | undefined {
  return version === undefined ? undefined : { term: version.term, index: version.index };
}

export function refuse(node: Node, request: number, code: RefusalCode): void {
  node.out.answer(request, { type: 'refused', code });
}

export function refuseNotLeader(node: Node, request: number): void {
  const leader = node.stance.type === 'follower' ? node.stance.leader : undefined;
  node.out.answer(request, { type: 'refused', code: 'NOT_LEADER', ...(leader === undefined ? undefined : { leader }) });
}

/** A leader that steps down cannot tell what is committed. */
export function leaveReads(node: Node, leader: Leader): void {
  for (const read of leader.reads.drain()) refuseNotLeader(node, read.request);
}
