/**
 * An external consistent core, as far as an election needs it: a lease with a holder and an end, and terms that it gives
 * out once. The nodes' shells ask it every so often; whoever is cut off from it, or asleep, loses the lease.
 */
import type { NodeId, Status } from '../types.ts';

export const LEASE_MS = 700;
/** A holder that does not lead by then gives the lease up: its log may be behind. */
const PATIENCE_MS = 700;
/** For so long it leaves the lease to the others. */
const ABSTAINS_MS = 500;

export class LeaseService {
  #holder: NodeId | undefined;
  #endsAtMs = 0;
  #term = 0;
  #toldAtMs = 0;
  readonly #abstainsUntilMs = new Map<NodeId, number>();

  /** A node asks for the lease, or for more of it: whether it has it, and the term that it is to stand in, if that is news. */
  ask(id: NodeId, status: Status, nowMs: number): { readonly held: boolean; readonly stand: number | undefined } {
    if (this.#holder === id && nowMs < this.#endsAtMs) {
      if (status.role === 'leader' || nowMs - this.#toldAtMs < PATIENCE_MS) {
        this.#endsAtMs = nowMs + LEASE_MS;
        return { held: true, stand: undefined };
      }
      this.#holder = undefined;
      this.#abstainsUntilMs.set(id, nowMs + ABSTAINS_MS);
    }
    const free = this.#holder === undefined || nowMs >= this.#endsAtMs;
    if (!free || nowMs < (this.#abstainsUntilMs.get(id) ?? 0)) return { held: false, stand: undefined };
    this.#holder = id;
    this.#endsAtMs = nowMs + LEASE_MS;
    this.#term = Math.max(this.#term, status.term) + 1;
    this.#toldAtMs = nowMs;
    return { held: true, stand: this.#term };
  }
}
