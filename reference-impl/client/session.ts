/**
 * What a session has seen on one device: tokens by group, the keys it wrote, when it last wrote. It outlives the client:
 * a successor on the same device takes it over.
 */
import type { GroupId, Key, Position, Token, TokenPart } from '../core/types.ts';

/** Keys that a device remembers to have written; of more, it only knows that there are too many to tell. */
export const OWN_KEYS_MAX = 10_000;

/**
 * Plain data. What can't be undone (`read`: states that were served as committed; `wrote`: committed writes) is kept apart
 * from what may have been undone since (`hoped`: acknowledged under leader-ack, or heard of from others), so that losing
 * the one does not forget the other.
 */
export interface Carried {
  readonly read?: Token;
  readonly wrote?: Token;
  readonly hoped?: Token;
  /** What writes to other groups say that they follow. */
  readonly seen?: Token;
  /** Stamp of the latest write, by the clock of the leader that took it, ms. */
  readonly stampMs?: number;
  /** When the latest write was acknowledged, by the client's clock, ms. */
  readonly wroteAtMs?: number;
  readonly own?: readonly Key[];
  readonly ownTooMany?: boolean;
}

export class Session {
  readonly #read: Map<GroupId, Position>;
  readonly #wrote: Map<GroupId, Position>;
  readonly #hoped: Map<GroupId, Position>;
  readonly #seen: Map<GroupId, Position>;
  readonly #own: Set<Key>;
  #ownTooMany: boolean;
  stampMs: number | undefined;
  wroteAtMs: number | undefined;

  constructor(carried: Carried = {}) {
    this.#read = byGroup(carried.read);
    this.#wrote = byGroup(carried.wrote);
    this.#hoped = byGroup(carried.hoped);
    this.#seen = byGroup(carried.seen);
    this.#own = new Set(carried.own);
    this.#ownTooMany = carried.ownTooMany === true;
    this.stampMs = carried.stampMs;
    this.wroteAtMs = carried.wroteAtMs;
  }

  carried(): Carried {
    return {
      ...(this.#read.size > 0 && { read: tokenOf(this.#read) }),
      ...(this.#wrote.size > 0 && { wrote: tokenOf(this.#wrote) }),
      ...(this.#hoped.size > 0 && { hoped: tokenOf(this.#hoped) }),
      ...(this.#seen.size > 0 && { seen: tokenOf(this.#seen) }),
      ...(this.stampMs !== undefined && { stampMs: this.stampMs }),
      ...(this.wroteAtMs !== undefined && { wroteAtMs: this.wroteAtMs }),
      ...(this.#own.size > 0 && { own: [...this.#own] }),
      ...(this.#ownTooMany && { ownTooMany: true }),
    };
  }

  /** The latest state of this group that was read. */
  read(group: GroupId): Position | undefined {
    return this.#read.get(group);
  }

  /** What a read of this group must show: all that was read and written, but for what may have been undone. */
  firm(group: GroupId): Position | undefined {
    return later(this.#read.get(group), this.#wrote.get(group));
  }

  /** What a read of this group is asked to show: that, and what is hoped for. */
  token(group: GroupId): Position | undefined {
    return later(this.firm(group), this.#hoped.get(group));
  }

  /** What this session has seen of all groups but one; undefined: nothing. */
  seenOutside(group: GroupId): Token | undefined {
    if (this.#seen.size === 0 || (this.#seen.size === 1 && this.#seen.has(group))) return undefined;
    return tokenOf(this.#seen).filter((part) => part.group !== group);
  }

  /** A committed state was served; what was hoped for up to there has been reached. */
  sawState(group: GroupId, position: Position): void {
    raise(this.#read, group, position);
    const hoped = this.#hoped.get(group);
    if (hoped !== undefined && !precedes(position, hoped)) this.#hoped.delete(group);
  }

  /** A write was acknowledged, or a cas told of the write that it met instead. */
  learned(group: GroupId, version: Position, committed: boolean): void {
    if (version.index === 0) return; // it met nothing
    raise(committed ? this.#wrote : this.#hoped, group, version);
    raise(this.#seen, group, version);
  }

  /** Values were read whose writes are at these places. */
  sawVersions(group: GroupId, versions: readonly (Position | undefined)[]): void {
    for (const version of versions) if (version !== undefined) raise(this.#seen, group, version);
  }

  /** What was read was written by somebody who had seen this. */
  heard(after: Token): void {
    for (const part of after) {
      raise(this.#seen, part.group, part);
      const firm = this.firm(part.group);
      if (firm === undefined || precedes(firm, part)) raise(this.#hoped, part.group, part);
    }
  }

  /** This place was replaced after a failover: to wait for it any longer would be in vain. */
  forget(group: GroupId, undone: Position): void {
    for (const map of [this.#read, this.#wrote, this.#hoped, this.#seen]) {
      const held = map.get(group);
      if (held !== undefined && held.term === undone.term && held.index === undone.index) map.delete(group);
    }
  }

  /** Noted when a write is sent: whether it is acknowledged or not, later reads of the key are the leader's. */
  writes(key: Key): void {
    if (this.#ownTooMany) return;
    this.#own.add(key);
    if (this.#own.size <= OWN_KEYS_MAX) return;
    this.#own.clear();
    this.#ownTooMany = true;
  }

  owns(keys: readonly Key[]): boolean {
    return this.#ownTooMany || keys.some((key) => this.#own.has(key));
  }
}

/** By term, then by index: the order of the log among entries that were committed. */
export function precedes(a: Position, b: Position): boolean {
  return a.term < b.term || (a.term === b.term && a.index < b.index);
}

/** The highest part of each group. */
export function merged(a: Token, b: Token): Token {
  const map = byGroup(a);
  for (const part of b) raise(map, part.group, part);
  return tokenOf(map);
}

/** Whether whoever has seen all of `a` has seen all of `b`. */
export function covers(a: Token, b: Token): boolean {
  return b.every((part) => a.some((held) => held.group === part.group && !precedes(held, part)));
}

export function later(a: Position | undefined, b: Position | undefined): Position | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return precedes(a, b) ? b : a;
}

function raise(map: Map<GroupId, Position>, group: GroupId, place: Position): void {
  const held = map.get(group);
  if (held === undefined || precedes(held, place)) map.set(group, { term: place.term, index: place.index });
}

function byGroup(token: Token = []): Map<GroupId, Position> {
  return new Map(token.map(({ group, term, index }) => [group, { term, index }]));
}

function tokenOf(map: ReadonlyMap<GroupId, Position>): TokenPart[] {
  return [...map].map(([group, { term, index }]) => ({ group, term, index }));
}
