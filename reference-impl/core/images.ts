/** The image that a leader holds for a follower that needs a snapshot. */
import type { SnapshotPart } from './messages.ts';
import type { Leader, Peer } from './stances.ts';
import type { SnapshotReader } from './types.ts';

export interface Transfer {
  readonly reader: SnapshotReader;
  /** What was read and is not known to be taken, oldest first; the last part of all stays until everything is on disk. */
  readonly parts: Pick<SnapshotPart, 'values' | 'requests' | 'part' | 'last'>[];
  /** How many parts the follower has taken, by its best and by its latest answer. */
  taken: number;
  takenLately: number;
  /** Heartbeats since anything was taken. */
  beats: number;
  read: number;
  ended: boolean;
}

export function endTransfer(peer: Peer): void {
  peer.transfer?.reader.release();
  peer.transfer = undefined;
}

/** Highest index that may be compacted without spoiling a transfer: behind its image the log has to go on. */
export function compactable(leader: Leader, index: number): number {
  let most = index;
  for (const { transfer } of leader.peers)
    if (transfer !== undefined) most = Math.min(most, transfer.reader.head.index);
  return most;
}
