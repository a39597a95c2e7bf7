/**
 * How far away nodes are, as a moving average over answers. Where requests are too rare to tell, a client asks a cheap
 * question of its own (a heartbeat): when it is about to choose, never by a timer, and one at a time of each node.
 */
import type { NodeId } from '../core/types.ts';

/** Weight of a new measurement in the average. */
const WEIGHT = 0.2;
/** So many times the interval between two heartbeats may pass until one counts as lost. */
const PATIENCE = 3;

interface Measured {
  /** Undefined: never answered. */
  averageMs: number | undefined;
  atMs: number;
  /** When the heartbeat was sent that was not answered yet. */
  askedAtMs: number | undefined;
}

export class Latencies {
  readonly #nodes: ReadonlyMap<NodeId, Measured>;
  readonly #everyMs: number;

  /** What is older than `everyMs` is measured anew. */
  constructor(nodes: readonly NodeId[], everyMs: number) {
    this.#nodes = new Map(
      nodes.map((node) => [node, { averageMs: undefined, atMs: Number.NEGATIVE_INFINITY, askedAtMs: undefined }]),
    );
    this.#everyMs = everyMs;
  }

  /** A node has answered after so long. */
  answered(node: NodeId, latencyMs: number, nowMs: number): void {
    const measured = this.#nodes.get(node);
    if (measured === undefined) return;
    const { averageMs } = measured;
    measured.averageMs = averageMs === undefined ? latencyMs : averageMs + WEIGHT * (latencyMs - averageMs);
    measured.atMs = nowMs;
  }

  /** The node to ask next, if there is one of which too little is known; it counts as asked. */
  nextToAsk(nowMs: number): NodeId | undefined {
    for (const [node, measured] of this.#nodes) {
      const { askedAtMs, atMs } = measured;
      // One that was not answered for long went with its line: it is asked again.
      const waits = askedAtMs !== undefined && nowMs - askedAtMs < this.#everyMs * PATIENCE;
      if (waits || nowMs - atMs < this.#everyMs) continue;
      measured.askedAtMs = nowMs;
      return node;
    }
    return undefined;
  }

  /** The heartbeat came back, or never will. */
  heard(node: NodeId, isAnswer: boolean, nowMs: number): void {
    const measured = this.#nodes.get(node);
    if (measured?.askedAtMs === undefined) return;
    if (isAnswer) this.answered(node, nowMs - measured.askedAtMs, nowMs);
    else measured.atMs = nowMs;
    measured.askedAtMs = undefined;
  }

  /** An unanswered heartbeat says that it is at least so far. */
  estimateMs(node: NodeId, nowMs: number): number | undefined {
    const measured = this.#nodes.get(node);
    if (measured === undefined) return undefined;
    const { averageMs, askedAtMs } = measured;
    if (averageMs === undefined || askedAtMs === undefined) return averageMs;
    return Math.max(averageMs, nowMs - askedAtMs);
  }

  /** What is known; undefined while nothing is. */
  table(nowMs: number): Readonly<Record<NodeId, number>> | undefined {
    const known = [...this.#nodes.keys()].flatMap((node): [NodeId, number][] => {
      const ms = this.estimateMs(node, nowMs);
      return ms === undefined ? [] : [[node, Math.round(ms * 1000) / 1000]];
    });
    return known.length === 0 ? undefined : Object.fromEntries(known);
  }
}
