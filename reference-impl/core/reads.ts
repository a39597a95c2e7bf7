/** The read paths: leader (read index), follower, local, follower+token. Every answer comes out of one state. */
import { roleOf } from './node.ts';
import type { Leader, Node } from './node.ts';
import type { Version } from './state.ts';
import type { Key, Position, Request, RefusalCode } from './types.ts';
import { knowsCommitted, wantRound } from './rounds.ts';
import { refuseNotLeader } from './writes.ts';

type ReadRequest = Extract<Request, { readonly type: 'read' }>;

const BEGINNING: Position = { term: 0, index: 0 };

export function onRead(node: Node, request: number, body: ReadRequest): void {
  switch (body.path) {
    case 'local':
      serve(node, request, body.keys, 'whole log');
      return;
    case 'follower':
      if (node.ready) serve(node, request, body.keys, followerView(node));
      else refuse(node, request, 'NOT_READY');
      return;
    case 'follower+token':
      onTokenRead(node, request, body);
      return;
    case 'leader':
      onLeaderRead(node, request, body);
      return;
  }
}

function followerView(node: Node): 'committed' | 'whole log' {
  return node.defect('follower-serves-uncommitted') ? 'whole log' : 'committed';
}

function serve(node: Node, request: number, keys: readonly Key[], view: 'committed' | 'whole log'): void {
  const state = node.state;
  const found = keys.map((key) => (view === 'committed' ? state.committed(key) : state.local(key)));
  const index = view === 'committed' ? state.committedIndex : state.lastIndex;
  node.out.answer(request, {
    type: 'read',
    values: found.map((version) => (version === undefined ? null : version.value)),
    versions: found.map(placeOf),
    position: { term: node.log.termAt(index) ?? 0, index },
    role: roleOf(node),
  });
}

function placeOf(version: Version | undefined): Position | undefined {
  return version === undefined ? undefined : { term: version.term, index: version.index };
}

function refuse(node: Node, request: number, code: RefusalCode): void {
  node.out.answer(request, { type: 'refused', code });
}

/**
 * Read index (Ongaro 2014, 6.4): served once a round of confirmation that began after the request arrived has been
 * answered by a quorum, for until then another leader may have committed something newer.
 */
function onLeaderRead(node: Node, request: number, body: ReadRequest): void {
  const leader = node.stance;
  if (leader.type !== 'leader') {
    refuseNotLeader(node, request);
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

function onTokenRead(node: Node, request: number, body: ReadRequest): void {
  const token = body.token ?? BEGINNING;
  if (answerToken(node, request, body.keys, token)) return;
  const deadlineMs = node.nowMs + body.waitMs;
  if (body.waitMs <= 0) {
    refuseLate(node, request);
    return;
  }
  node.tokens.push({ request, keys: body.keys, token, deadlineMs });
  node.wakeAt(deadlineMs);
}

/** Serves or refuses the read if its token can be judged already. */
function answerToken(node: Node, request: number, keys: readonly Key[], token: Position): boolean {
  const fate = judgeToken(node, token);
  if (fate === 'undone') {
    node.out.tell({ type: 'token-undone', token });
    refuse(node, request, 'TOKEN_UNDONE');
    return true;
  }
  if (fate === 'ahead' || !node.ready) return false;
  serve(node, request, keys, followerView(node));
  return true;
}

function judgeToken(node: Node, token: Position): 'satisfied' | 'undone' | 'ahead' {
  if (node.defect('token-by-index')) return token.index <= node.log.lastIndex ? 'satisfied' : 'ahead';
  if (token.index <= reachedBy(node)) {
    return node.log.termAt(token.index) === token.term ? 'satisfied' : 'undone';
  }
  // Terms never fall along a log: behind a committed entry of a higher term there is no room for the token's entry.
  const committedTerm = node.log.termAt(node.commitIndex) ?? 0;
  return committedTerm > token.term ? 'undone' : 'ahead';
}

/** The place of the state that token reads are served from. */
function reachedBy(node: Node): number {
  return followerView(node) === 'committed' ? node.commitIndex : node.log.lastIndex;
}

/** Looks again at the reads whose tokens were ahead, when the state has moved. */
export function settleTokens(node: Node): void {
  const reached = node.defect('token-by-index') ? node.log.lastIndex : reachedBy(node);
  if (node.tokens.length === 0 || reached === node.tokensSeenAt) return;
  node.tokensSeenAt = reached;
  node.tokens = node.tokens.filter((read) => !answerToken(node, read.request, read.keys, read.token));
}

function refuseLate(node: Node, request: number): void {
  refuse(node, request, node.ready ? 'OFFSET_NOT_AVAILABLE' : 'NOT_READY');
}

export function expireReads(node: Node): void {
  node.tokens = node.tokens.filter((read) => {
    if (read.deadlineMs > node.nowMs) {
      node.wakeAt(read.deadlineMs);
      return true;
    }
    refuseLate(node, read.request);
    return false;
  });
  if (node.stance.type !== 'leader') return;
  const reads = node.stance.reads;
  for (let read = reads.first; read !== undefined && read.deadlineMs <= node.nowMs; read = reads.first) {
    reads.shift();
    refuse(node, read.request, 'NOT_READY');
  }
  if (reads.first !== undefined) node.wakeAt(reads.first.deadlineMs);
}

export function leaveReads(node: Node, leader: Leader): void {
  for (const read of leader.reads.drain()) refuseNotLeader(node, read.request);
}
