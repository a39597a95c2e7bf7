/**
 * Who belongs to the group, as the log says it: the newest `members` entry counts from the moment it is in the log,
 * committed or not, and is undone with it (Ongaro 2014, 4.1). Before the first one: the configuration the group began with.
 */
import { quorumSize } from './quorum.ts';
import type { Membership, NodeId } from './types.ts';

/** A configuration, and the entry it comes from; 0: the beginning, or a promotion by force. */
export interface MembersAt {
  readonly index: number;
  readonly members: Membership;
}

export class Members {
  readonly #self: NodeId;
  /** Ascending. The first one is the newest committed, or an older one. */
  #history: MembersAt[];
  #current!: Membership; // set by #changed in the constructor
  #others: readonly NodeId[] = [];
  #selfVotes = false;

  constructor(self: NodeId, initial: MembersAt) {
    this.#self = self;
    this.#history = [initial];
    this.#changed();
  }

  get current(): Membership {
    return this.#current;
  }

  /** Index of the entry that the current configuration comes from. */
  get index(): number {
    return this.#history[this.#history.length - 1].index;
  }

  get voters(): readonly NodeId[] {
    return this.#current.voters;
  }

  /** The voters but for this node: whom it asks for votes. */
  get others(): readonly NodeId[] {
    return this.#others;
  }

  get quorum(): number {
    return quorumSize(this.#current.voters.length);
  }

  /** Whether this node votes: neither learners nor those that were removed, or not yet added, do. */
  get selfVotes(): boolean {
    return this.#selfVotes;
  }

  /**
   * Whether a change that may yet be undone, for it is not known to be committed, is to remove this node. It may be the only
   * one that has the change: then nobody else can be elected, and it must lead until that is committed.
   */
  removesSelf(commitIndex: number): boolean {
    const { index } = this;
    return !this.#selfVotes && index > commitIndex && this.at(index - 1).members.voters.includes(this.#self);
  }

  isVoter(id: NodeId): boolean {
    return this.#current.voters.includes(id);
  }

  isMember(id: NodeId): boolean {
    return this.isVoter(id) || this.#current.learners.includes(id);
  }

  /** The configuration that counted for the entry at `index`; only for what is not committed yet, or was the last before. */
  at(index: number): MembersAt {
    let i = this.#history.length - 1;
    while (i > 0 && this.#history[i].index > index) i--;
    return this.#history[i];
  }

  append(index: number, members: Membership): void {
    this.#history.push({ index, members });
    this.#changed();
  }

  /** Takes back what stands at `index` or above. Returns whether there was such a thing. */
  undo(index: number): boolean {
    const { length } = this.#history;
    while (this.#history.length > 1 && this.#history[this.#history.length - 1].index >= index) this.#history.pop();
    if (this.#history.length === length) return false;
    this.#changed();
    return true;
  }

  /** What is older than the newest configuration up to `index` will not be asked for again. */
  committed(index: number): void {
    while (this.#history.length > 1 && this.#history[1].index <= index) this.#history.shift();
  }

  reset(at: MembersAt): void {
    this.#history = [at];
    this.#changed();
  }

  #changed(): void {
    this.#current = this.#history[this.#history.length - 1].members;
    this.#others = this.#current.voters.filter((voter) => voter !== this.#self);
    this.#selfVotes = this.#current.voters.includes(this.#self);
  }
}
