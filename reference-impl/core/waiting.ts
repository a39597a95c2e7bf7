/** Reads of committed state at any node: each has a need, and waits until the state meets it or its time is up. */
import { askLeader } from './probes.ts';
import { covers } from './epochs.ts';
import { isFresh, keepFresh } from './freshness.ts';
import type { Node } from './node.ts';
import { judgeUser } from './notes.ts';
import { BEGINNING } from './reading.ts';
import type { Need, WaitingRead } from './reading.ts';
import { refuse, serve } from './serve.ts';
import { limitReached } from './serving.ts';
import { followerView, judgeToken, reachedBy } from './tokens.ts';
import type { ReadRequest, RefusalCode } from './types.ts';

export function onCommittedRead(node: Node, request: number, body: ReadRequest): void {
  const refusal = limitReached(node);
  const need = refusal === undefined ? needOf(node, body) : undefined;
  if (need === undefined) {
    refuse(node, request, refusal ?? 'BAD_REQUEST');
    return;
  }
  const waitMs = need.type === 'answer' && body.waitMs <= 0 ? node.config.requestTimeoutMs : body.waitMs;
  const read = { request, keys: body.keys, need, deadlineMs: node.nowMs + waitMs };
  if (attempt(node, read)) return;
  if (waitMs <= 0 || need.type === 'nothing') {
    refuseLate(node, read);
    return;
  }
  node.waiting.reads.push(read);
  node.wakeAt(read.deadlineMs);
}

/** Undefined: the request does not say what its path needs. */
function needOf(node: Node, body: ReadRequest): Need | undefined {
  const { path, boundMs, notBeforeMs, user } = body;
  if (path === 'follower+token') return { type: 'token', token: body.token ?? BEGINNING };
  if (path === 'follower-linearizable') return { type: 'answer', probe: askLeader(node), commit: undefined };
  if (path === 'bounded' && boundMs !== undefined) {
    keepFresh(node, boundMs);
    return { type: 'fresh', boundMs };
  }
  if (path === 'follower+timestamp' && notBeforeMs !== undefined) return { type: 'stamp', notBeforeMs };
  if (path === 'region' && user !== undefined) return { type: 'user', user };
  return path === 'follower' ? { type: 'nothing' } : undefined;
}

/** Serves or refuses the read if that can be decided already. */
function attempt(node: Node, { request, keys, need }: WaitingRead): boolean {
  const refusal = limitReached(node);
  if (refusal !== undefined) {
    refuse(node, request, refusal);
    return true;
  }
  const fate = judge(node, need);
  if (fate === 'undone') {
    if (need.type === 'token') node.out.tell({ type: 'token-undone', token: need.token });
    if (need.type === 'user') node.out.tell({ type: 'token-undone', token: node.notes.of(need.user) });
    refuse(node, request, 'TOKEN_UNDONE');
    return true;
  }
  if (fate === 'ahead' || !node.ready) return false;
  serve(node, request, keys, followerView(node));
  return true;
}

function judge(node: Node, need: Need): 'satisfied' | 'undone' | 'ahead' {
  switch (need.type) {
    case 'nothing':
      return 'satisfied';
    case 'token':
      return judgeToken(node, need.token);
    case 'user':
      return judgeUser(node, need.user);
    case 'stamp':
      return (node.state.stampMs ?? Number.NEGATIVE_INFINITY) >= need.notBeforeMs ? 'satisfied' : 'ahead';
    case 'fresh':
      return isFresh(node, need.boundMs) || node.defect('stale-follower-serves') ? 'satisfied' : 'ahead';
    case 'answer': {
      const { answered } = node.probes;
      // The first answer that covers it, not the latest: the leader's commit index runs ahead for ever.
      if (need.commit === undefined && answered !== undefined && answered.id >= need.probe)
        need.commit = answered.commit;
      return need.commit !== undefined && covers(node, need.commit) ? 'satisfied' : 'ahead';
    }
  }
}

/** Looks again at what waits, when something has changed that it may wait for. */
export function settleWaiting(node: Node): void {
  const { waiting, ready } = node;
  if (waiting.reads.length === 0) return;
  const reached = node.defect('token-by-index') ? node.log.lastIndex : reachedBy(node);
  const answer = node.probes.answered?.id ?? 0;
  if (reached === waiting.seenAt && ready === waiting.seenReady && answer === waiting.seenAnswer) return;
  waiting.seenAt = reached;
  waiting.seenReady = ready;
  waiting.seenAnswer = answer;
  waiting.reads = waiting.reads.filter((read) => !attempt(node, read));
}

export function expireWaiting(node: Node): void {
  const { waiting } = node;
  waiting.reads = waiting.reads.filter((read) => {
    if (read.deadlineMs > node.nowMs) {
      node.wakeAt(read.deadlineMs);
      return true;
    }
    refuseLate(node, read);
    return false;
  });
}

function refuseLate(node: Node, { request, need }: WaitingRead): void {
  let code: RefusalCode = 'OFFSET_NOT_AVAILABLE';
  if (!node.ready || need.type === 'answer') code = 'NOT_READY';
  else if (need.type === 'fresh') code = 'TOO_STALE';
  refuse(node, request, code);
}
