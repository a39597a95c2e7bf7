/** The read paths. What only a leader serves is here; waiting.ts has what any node serves. */
import { askLease } from './lease.ts';
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import { knowsCommitted, wantRound } from './rounds.ts';
import { refuse, refuseNotLeader, serve } from './serve.ts';
import type { ReadRequest } from './types.ts';
import { onCommittedRead } from './waiting.ts';

export function onRead(node: Node, request: number, body: ReadRequest): void {
  if (body.path === 'local') serve(node, request, body.keys, 'whole log');
  else if (body.path === 'leader' || body.path === 'leader-lease') onLeaderRead(node, request, body);
  else onCommittedRead(node, request, body);
}

/**
 * Read index (Ongaro 2014, 6.4): served once a round of confirmation that began after the request arrived has been
 * answered by a quorum, for until then another leader may have committed something newer. A lease says that there is none.
 */
function onLeaderRead(node: Node, request: number, body: ReadRequest): void {
  const leader = node.stance;
  if (leader.type !== 'leader') {
    if (body.path === 'leader-lease' && node.nowMs < node.leaseKeptUntilMs)
      serve(node, request, body.keys, 'committed');
    else refuseNotLeader(node, request);
    return;
  }
  if (body.path === 'leader-lease' && askLease(node, leader) && knowsCommitted(node, leader)) {
    serve(node, request, body.keys, 'committed');
    return;
  }
  const deadlineMs = node.nowMs + node.config.requestTimeoutMs;
  leader.reads.push({ request, keys: body.keys, round: wantRound(leader), deadlineMs });
  node.wakeAt(deadlineMs);
}

export function settleLeaderReads(node: Node, leader: Leader): void {
  if (leader.reads.length === 0 || !knowsCommitted(node, leader)) return;
  for (let read = leader.reads.first; read !== undefined && read.round <= leader.roundConfirmed; ) {
    leader.reads.shift();
    serve(node, read.request, read.keys, 'committed');
    read = leader.reads.first;
  }
}

export function expireLeaderReads(node: Node, leader: Leader): void {
  const { reads } = leader;
  for (let read = reads.first; read !== undefined && read.deadlineMs <= node.nowMs; read = reads.first) {
    reads.shift();
    refuse(node, read.request, 'NOT_READY');
  }
  if (reads.first !== undefined) node.wakeAt(reads.first.deadlineMs);
}
