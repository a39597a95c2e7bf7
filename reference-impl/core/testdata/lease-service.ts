/**
 * An external consistent core, as far as an election needs it: a lease with a holder and an end, and terms that it gives
 * out once. The nodes' shells ask it every so often; whoever is cut off from it, or asleep, loses the lease.
 */
import type { NodeId, Status } from '../types.ts';

export const LEASE_MS = 700;
/** A holder that does not lead by then gives the lease up: it may not be heard. */
const PATIENCE_MS = 700;
/** For so long it leaves the lease to the others; each time in a row for twice as long, up to the most. */
const ABSTAINS_MS = 250;
const ABSTAINS_MS_MAX = 2000;

export class LeaseService {
  #holder: NodeId | undefined;
  #endsAtMs = 0;
  #term = 0;
  #toldAtMs = 0;
  readonly #abstainsMs = new Map<NodeId, number>();
  readonly #abstainsUntilMs = new Map<NodeId, number>();

  /** A node asks for the lease, or for more of it: whether it has it, and the term that it is to stand in. */
  ask(id: NodeId, status: Status, nowMs: number): { readonly held: boolean; readonly stand: number | undefined } {
    if (status.role === 'leader') this.#abstainsMs.delete(id);
    if (this.#holder === id && nowMs < this.#endsAtMs) {
      // Too few would vote for it, or another one has stood in a later term.
      const lost = status.term >= this.#term && status.role !== 'candidate';
      if (status.role === 'leader' || (!lost && nowMs - this.#toldAtMs < PATIENCE_MS)) {
        this.#endsAtMs = nowMs + LEASE_MS;
        // It could not stand when it was told: a moment before it had heard a leader, or been started.
        return { held: true, stand: status.term < this.#term ? this.#term : undefined };
      }
      this.#holder = undefined;
      const abstainsMs = this.#abstainsMs.get(id) ?? ABSTAINS_MS;
      this.#abstainsMs.set(id, Math.min(abstainsMs * 2, ABSTAINS_MS_MAX));
      this.#abstainsUntilMs.set(id, nowMs + abstainsMs);
    }
    const free = this.#holder === undefined || nowMs >= this.#endsAtMs;
    // A damaged log is not elected.
    if (!free || status.damaged || nowMs < (this.#abstainsUntilMs.get(id) ?? 0))
      return { held: false, stand: undefined };
    this.#holder = id;
    this.#endsAtMs = nowMs + LEASE_MS;
    this.#term = Math.max(this.#term, status.term) + 1;
    this.#toldAtMs = nowMs;
    return { held: true, stand: this.#term };
  }
}
