/** What a node remembers for those who read committed state from it; freshness.ts, notes.ts, probes.ts and waiting.ts. */
import { isLater } from './positions.ts';
import type { Key, NodeId, Position } from './types.ts';

/** What the leader has answered to a probe. */
export interface ProbeAnswer {
  readonly id: number;
  /** When the probe was sent, on this node's own clock. */
  readonly sentAtMs: number;
  readonly commit: number;
  /** Where the leader's log ended. */
  readonly last: number;
}

interface SentProbe {
  readonly id: number;
  readonly sentAtMs: number;
  /** A leader that asks itself: the round that answers it. */
  readonly round: number;
}

export class Probes {
  /** Of the next probe. Ascending over the lives of a node: no machine sends one every microsecond. */
  nextId: number;
  /** Highest id that somebody waits for. */
  askedId = 0;
  wanted = false;
  /** Without an answer, oldest first. */
  readonly sent: SentProbe[] = [];
  /** The newest answer. */
  answered: ProbeAnswer | undefined;
  /** Whom they were sent to: nobody else's answer counts. */
  leader: NodeId | undefined;
  term = 0;
  timerArmed = false;
  /** Until then a probe is sent every so often, asked for or not. */
  regularUntilMs = Number.NEGATIVE_INFINITY;
  everyMs = Number.POSITIVE_INFINITY;

  constructor(nowMs: number) {
    this.nextId = Math.floor(nowMs * 1000) + 1;
  }
}

/** Answers that are ahead of the state; of more than this, every other one is enough. */
const AHEAD_MAX = 64;

export class Freshness {
  /** The freshness instant. */
  atMs = Number.NEGATIVE_INFINITY;
  /** Answers that the commit index does not cover yet, oldest first. */
  #ahead: ProbeAnswer[] = [];

  /** An answer has come that the state will cover. */
  get comes(): boolean {
    return this.#ahead.length > 0;
  }

  came(answer: ProbeAnswer): void {
    this.#ahead.push(answer);
    if (this.#ahead.length > AHEAD_MAX) this.#ahead = this.#ahead.filter((_, i) => i % 2 === 0);
  }

  covered(commitIndex: number): void {
    let covered = 0;
    for (const { commit, sentAtMs } of this.#ahead) {
      if (commit > commitIndex) break;
      this.atMs = sentAtMs;
      covered++;
    }
    if (covered > 0) this.#ahead.splice(0, covered);
  }
}

export const BEGINNING: Position = { term: 0, index: 0 };
const USERS_MAX = 10_000;

/** What users have seen. Bounded: of those that were dropped from the table, the latest token stands for all. */
export class Notes {
  readonly #most: number;
  /** Those noted longest ago first. */
  readonly #byUser = new Map<string, Position>();
  dropped = BEGINNING;
  /** The probe that fetches what stands for earlier lives of this node, once it was asked for; and what it fetched. */
  probe: number | undefined;
  fetched: number | undefined;

  constructor(most = USERS_MAX) {
    this.#most = most;
  }

  of(user: string): Position {
    return this.#byUser.get(user) ?? BEGINNING;
  }

  note(user: string, token: Position): void {
    const known = this.of(user);
    this.#byUser.delete(user);
    this.#byUser.set(user, isLater(known, token) ? known : token);
    if (this.#byUser.size <= this.#most) return;
    for (const [oldest, seen] of this.#byUser) {
      this.#byUser.delete(oldest);
      if (isLater(seen, this.dropped)) this.dropped = seen;
      return;
    }
  }
}

export type Need =
  | { readonly type: 'nothing' }
  | { readonly type: 'token'; readonly token: Position }
  | { readonly type: 'user'; readonly user: string }
  | { readonly type: 'stamp'; readonly notBeforeMs: number }
  | { readonly type: 'fresh'; readonly boundMs: number }
  /** Everything that was committed before the probe with this id, or a later one, was sent. */
  | { readonly type: 'answer'; readonly probe: number; commit: number | undefined };

export interface WaitingRead {
  readonly request: number;
  readonly keys: readonly Key[];
  readonly need: Need;
  readonly deadlineMs: number;
}

/** The reads that wait, and what they were last looked at with. */
export class Waiting {
  reads: WaitingRead[] = [];
  seenAt = 0;
  seenReady = false;
  seenAnswer = 0;
}
