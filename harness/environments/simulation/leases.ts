/**
 * The external consistent core of `election=external`: a service outside the cluster that grants, for each group, one lease
 * at a time. What it does is right by definition; nodes reach it over the network.
 *
 * It stands in the first region. A node that a fault cuts off from all other nodes is cut off from it too: what it says is
 * lost when every link from it is cut, and what it is told when every link to it is.
 */
import { MILLISECOND } from '../../../history/clock.ts';
import type { Instant } from '../../../history/operation.ts';
import type { GroupId } from '../../../reference-impl/core/types.ts';

/** How long a lease lasts that is not kept alive, by true time. */
export const LEASE_MS = 1_500;

/** A node in one of its lives: what was granted to the life before is not the next one's. */
export type Holder = string;

export interface LeaseRequest {
  readonly holder: Holder;
  readonly group: GroupId;
  /** `want`: take it, or keep it. */
  readonly do: 'want' | 'release';
  /** The term the node stands in: the one granted is above. */
  readonly term: number;
  /** The node's monotonic clock when it asked, ms: the lease is good for its length from then on. */
  readonly askedAtMs: number;
}

/** What the service says. */
export interface LeaseAnswer {
  readonly group: GroupId;
  readonly askedAtMs: number;
  /** The term that goes with the lease; undefined: somebody else has it. */
  readonly term: number | undefined;
}

interface Lease {
  readonly holder: Holder;
  readonly term: number;
  until: Instant;
}

export class LeaseService {
  readonly #leases = new Map<GroupId, Lease>();
  /** Highest term ever granted, by group. */
  readonly #granted = new Map<GroupId, number>();
  grants = 0;

  /** Undefined: there is nothing to say to that. */
  ask(request: LeaseRequest, now: Instant): LeaseAnswer | undefined {
    const { group, holder, askedAtMs } = request;
    const lease = this.#leases.get(group);
    if (request.do === 'release') {
      if (lease?.holder === holder) this.#leases.delete(group);
      return undefined;
    }
    const until = now + LEASE_MS * MILLISECOND;
    if (lease !== undefined && lease.until > now) {
      if (lease.holder !== holder) return { group, askedAtMs, term: undefined };
      lease.until = until;
      return { group, askedAtMs, term: lease.term };
    }
    const term = Math.max(this.#granted.get(group) ?? 0, request.term) + 1;
    this.#granted.set(group, term);
    this.#leases.set(group, { holder, term, until });
    this.grants++;
    return { group, askedAtMs, term };
  }
}
