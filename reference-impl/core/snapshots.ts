/** Images of the committed state: read by the shell for its disk and by the leader for a follower, and taken over. */
import type { Node } from './node.ts';
import type { Snapshot, SnapshotReader, StoredValue } from './types.ts';

/** The committed state as it is now. Values are read as they are asked for; the rest is small and taken at once. */
export function openSnapshot(node: Node): SnapshotReader {
  const { log, members, state } = node;
  const index = node.commitIndex;
  const at = members.at(index);
  const image = state.image();
  const requests = node.defect('duplicate-lost-in-snapshot') ? [] : node.origins.upTo(index);
  let told = 0;
  return {
    head: {
      term: log.termAt(index) ?? 0,
      index,
      members: at.members,
      membersIndex: at.index,
      terms: log.termsUpTo(index),
      ...(state.stampMs === undefined ? undefined : { stampMs: state.stampMs }),
    },
    next: (most) => {
      const values: readonly StoredValue[] = image.next(most) ?? [];
      const more = requests.slice(told, told + most - values.length);
      told += more.length;
      return values.length + more.length === 0 ? undefined : { values, requests: more };
    },
    release: () => {
      requests.length = 0;
      image.release();
    },
  };
}

/** Puts the committed state of a snapshot in the place of the node's own; the log is the caller's business. */
export function loadSnapshot(node: Node, snapshot: Snapshot): void {
  node.state.load(snapshot);
  node.undoBase?.load(snapshot);
  node.origins.load(snapshot.requests);
}
