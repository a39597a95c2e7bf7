/** What the routing client stands on: lines to nodes, and time. */
import type { NodeId, Request, Response } from '../core/types.ts';

/**
 * A line to one node. Rejects when it breaks; `definite: true` on the error says that the request was never delivered.
 * After `close` nothing that waits is settled: whoever closes has stopped listening.
 */
export interface Line {
  request(body: Request): Promise<Response>;
  close(): void;
}

export interface Surroundings {
  /** Opens a line; connecting may go on behind it. */
  dial(node: NodeId): Line;
  /** A monotonic clock, ms. */
  nowMs(): number;
  /** Calls `fire` once; returns how to call it off. */
  timer(delayMs: number, fire: () => void): () => void;
}

export function neverDelivered(error: unknown): boolean {
  return error instanceof Error && 'definite' in error && error.definite === true;
}
