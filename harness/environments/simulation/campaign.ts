/**
 * A node's side of an external election: for each group it asks for the lease, keeps it alive while it leads, and tells
 * the replica when the right to lead begins and ends. It goes by the node's own clock, and counts a lease from when it was
 * asked for, so that it never believes in one that the service has given to another (but for a clock that runs slow).
 */
import type { Random } from '../../../history/random.ts';
import type { Effects, GroupId, Status, Steps } from '../../../reference-impl/core/types.ts';
import { type Holder, LEASE_MS, type LeaseAnswer, type LeaseRequest } from './leases.ts';

/** How often a node asks for a lease, or keeps it alive. */
export const ASK_MS = LEASE_MS / 5;
/** How long a node may hold the lease without leading: then another should try, who may be better heard. */
const PATIENCE_MS = 2_000;
/** It leaves the lease to others for at least so long, and up to twice that; each time in a row for twice as long. */
const RESIGNED_MS = 1_000;
const RESIGNED_MS_MAX = 8_000;

interface Hold {
  readonly term: number;
  readonly sinceMs: number;
  untilMs: number;
}

export class Campaign {
  readonly #holder: Holder;
  readonly #groups: readonly GroupId[];
  readonly #random: Random;
  readonly #ask: (request: LeaseRequest) => void;
  readonly #holds = new Map<GroupId, Hold>();
  /** Highest term that each group was ever told to stand in: none is used twice, also when an answer comes late. */
  readonly #used = new Map<GroupId, number>();
  readonly #resignedUntilMs = new Map<GroupId, number>();
  /** For how long it resigns next. */
  readonly #resignsMs = new Map<GroupId, number>();

  /** `ask` sends a request on its way. */
  constructor(holder: Holder, groups: readonly GroupId[], random: Random, ask: (request: LeaseRequest) => void) {
    this.#holder = holder;
    this.#groups = groups;
    this.#random = random;
    this.#ask = ask;
  }

  /** Every {@link ASK_MS}. */
  tick(replica: Steps, nowMs: number, out: Effects): void {
    const statuses = replica.statuses();
    this.#groups.forEach((group, i) => this.#look(replica, statuses[i], group, nowMs, out));
  }

  answered({ group, askedAtMs, term }: LeaseAnswer, replica: Steps, nowMs: number, out: Effects): void {
    const untilMs = askedAtMs + LEASE_MS;
    const hold = this.#holds.get(group);
    if (term === hold?.term) {
      if (hold !== undefined) hold.untilMs = Math.max(hold.untilMs, untilMs);
      return;
    }
    if (term === undefined) return this.#end(group, replica, nowMs, out);
    if (untilMs <= nowMs || nowMs < (this.#resignedUntilMs.get(group) ?? 0)) return;
    if (term <= (this.#used.get(group) ?? 0)) return this.#release(group, term, nowMs);
    this.#used.set(group, term);
    this.#holds.set(group, { term, sinceMs: nowMs, untilMs });
    replica.elect(group, term, nowMs, out);
  }

  #look(replica: Steps, status: Status, group: GroupId, nowMs: number, out: Effects): void {
    let hold = this.#holds.get(group);
    const { role, term } = status;
    if (status.leader !== undefined) this.#resignsMs.delete(group);
    if (hold !== undefined && nowMs >= hold.untilMs) {
      this.#end(group, replica, nowMs, out);
      this.#release(group, term, nowMs);
      hold = undefined;
    }
    // Too few would vote for it, or another one has led, or stood, in a later term.
    const lost = hold !== undefined && term >= hold.term && role !== 'leader' && role !== 'candidate';
    if (lost || (hold !== undefined && role !== 'leader' && nowMs - hold.sinceMs > PATIENCE_MS)) {
      this.#end(group, replica, nowMs, out);
      this.#resign(group, nowMs);
      return this.#release(group, term, nowMs);
    }
    // It could not stand when it was named: just restarted, or its disk was full.
    if (hold !== undefined && term < hold.term) replica.elect(group, hold.term, nowMs, out);
    if (nowMs < (this.#resignedUntilMs.get(group) ?? 0)) return;
    // A damaged log is not elected, nor is whoever does not vote.
    if (hold === undefined && (status.damaged || role === 'learner')) return;
    this.#ask({ holder: this.#holder, group, do: 'want', term, askedAtMs: nowMs });
  }

  #resign(group: GroupId, nowMs: number): void {
    const leastMs = this.#resignsMs.get(group) ?? RESIGNED_MS;
    this.#resignsMs.set(group, Math.min(2 * leastMs, RESIGNED_MS_MAX));
    this.#resignedUntilMs.set(group, nowMs + leastMs + this.#random.below(leastMs));
  }

  #release(group: GroupId, term: number, nowMs: number): void {
    this.#ask({ holder: this.#holder, group, do: 'release', term, askedAtMs: nowMs });
  }

  #end(group: GroupId, replica: Steps, nowMs: number, out: Effects): void {
    if (this.#holds.delete(group)) replica.elect(group, undefined, nowMs, out);
  }
}
