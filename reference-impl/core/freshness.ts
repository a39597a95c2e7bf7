/**
 * How old the committed state of this node may be. It holds all that anybody was told before the *freshness instant*:
 * when this node sent, on its own clock, the last probe whose answer its commit index covers. What the leader's messages
 * say by themselves proves nothing: a deposed leader goes on sending them.
 */
import { covers } from './epochs.ts';
import type { Node } from './node.ts';
import { askLeader, probeRegularly } from './probes.ts';

/** The fraction by which a clock may be fast or slow. */
export function driftOf(node: Node): number {
  return (node.config.clockDriftPpmMax ?? 1000) / 1e6;
}

/** Whether the state is no older than `boundMs` of true time, however this node's clock runs. */
export function isFresh(node: Node, boundMs: number): boolean {
  return node.nowMs - freshAtMs(node) <= boundMs * (1 - driftOf(node));
}

function freshAtMs(node: Node): number {
  if (node.defect('bounded-trusts-deposed-leader')) {
    return node.stance.type === 'leader' ? node.nowMs : node.heardLeaderAtMs;
  }
  return freshnessOf(node);
}

/** The freshness instant; minus infinity while none is known. */
export function freshnessOf(node: Node): number {
  if (covers(node, 0)) node.freshness.covered(node.commitIndex);
  return node.freshness.atMs;
}

/** A bounded read was asked for: probes go out by themselves for a while, so that the next ones need not wait. */
export function keepFresh(node: Node, boundMs: number): void {
  const { electionMaxMs, heartbeatMs } = node.config;
  probeRegularly(node, Math.min(heartbeatMs, boundMs / 4), Math.max(electionMaxMs, 2 * boundMs));
  if (!isFresh(node, boundMs)) askLeader(node);
}
