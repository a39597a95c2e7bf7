/** A client's own numbers for its writes, by which the store tells a repeat from a new request. */
import type { GroupId, Origin } from '../core/types.ts';

export class Repeats {
  /** Undefined: this client never sends a write twice. */
  readonly #client: string | undefined;
  #sequence = 0;
  /** An index of each group that is known to be committed. */
  readonly #committed = new Map<GroupId, number>();

  constructor(client: string | undefined) {
    this.#client = client;
  }

  /**
   * For a write that is about to be sent for the first time. `since` was committed before that, as far as this client
   * knows: a fresh one says 0, and is told better where that is too long ago.
   */
  next(group: GroupId): (Origin & { readonly since: number }) | undefined {
    if (this.#client === undefined) return undefined;
    return { client: this.#client, sequence: ++this.#sequence, since: this.#committed.get(group) ?? 0 };
  }

  /** Whoever leads the group says that so much is committed, whatever others said: after a promotion by force it is less. */
  corrected(group: GroupId, index: number): void {
    this.#committed.set(group, index);
  }

  /** The commit index of the group was at least this when a node answered. */
  committed(group: GroupId, index: number): void {
    if (this.#client === undefined) return;
    if (index > (this.#committed.get(group) ?? 0)) this.#committed.set(group, index);
  }
}
