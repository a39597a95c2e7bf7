/** What a leader knows of the other members, and how it learns it from their answers. */
import type { Node } from './node.ts';
import type { Peer } from './stances.ts';
import { adoptTerm } from './roles.ts';
import type { NodeId } from './types.ts';

/** The sender of an answer to this leader, heard just now; undefined when the answer is for another leader or term. */
export function peerThatAnswers(
  node: Node,
  from: NodeId,
  message: { readonly term: number; readonly round: number },
): Peer | undefined {
  if (message.term > node.term) {
    adoptTerm(node, message.term, `${from} is in term ${message.term}`);
    return undefined;
  }
  if (message.term < node.term || node.stance.type !== 'leader') return undefined;
  const peer = node.stance.peerById.get(from);
  if (peer === undefined) return undefined;
  peer.heardAtMs = node.nowMs;
  if (message.round > peer.roundAnswered) peer.roundAnswered = message.round;
  return peer;
}

/** The peer's log is known to equal the leader's up to `verified`, and to be on its disk up to `durable`. */
export function reached(peer: Peer, verified: number, durable: number): void {
  if (durable > peer.match) peer.match = durable;
  if (verified + 1 > peer.next) peer.next = verified + 1;
  if (peer.probing && verified >= peer.next - 1) {
    peer.probing = false;
    peer.awaiting = false;
  }
  while (peer.inFlight.length > 0 && peer.inFlight[0] <= verified) peer.inFlight.shift();
}
