/** What a replica holds in memory; the modules beside this one are the steps that change it. */
import type { DefectName } from './defects.ts';
import { Disk } from './disk.ts';
import type { Promotion } from './force.ts';
import type { HandedOver } from './handover.ts';
import { InvariantViolated } from './invariant.ts';
import type { Healing } from './healing.ts';
import { Log, NO_BASE } from './log.ts';
import { Members } from './members.ts';
import type { Message } from './messages.ts';
import { Origins, outcomeOf } from './origins.ts';
import { Freshness, Notes, Probes, Waiting } from './reading.ts';
import type { limitReached } from './serving.ts';
import { loadSnapshot } from './snapshots.ts';
import { State } from './state.ts';
import type { Version } from './state.ts';
import { compactable } from './images.ts';
import { newFollower } from './stances.ts';
import type { Candidate, Follower, Leader } from './stances.ts';
import { replacedFrom } from './undone.ts';
import type { Durable, Effects, Entry, GroupId, NodeId, ReplicaConfig, Role, Value } from './types.ts';

export class Node {
  readonly config: ReplicaConfig;
  readonly members: Members;
  readonly log: Log;
  readonly state = new State();
  /** Only where a defect is on, which may undo what is committed: the state at the log's base. */
  readonly undoBase: State | undefined;
  readonly disk: Disk;
  /** What is remembered of requests that may come again. */
  readonly origins: Origins;
  readonly probes: Probes;
  term: number;
  votedFor: NodeId | null;
  stance: Follower | Candidate | Leader;
  /** Asking around before a campaign for term `campaign`. */
  preVote: { readonly campaign: number; readonly votes: Set<NodeId> } | undefined;
  /** A grant that waits for the vote to be on disk. */
  voteOwed: { readonly to: NodeId; readonly term: number } | undefined;
  heardLeaderAtMs = Number.NEGATIVE_INFINITY;
  /** Until then a restarted voter gives no vote: it may have heard a leader just before it stopped. */
  votesWithheldUntilMs = Number.NEGATIVE_INFINITY;
  /** It had a past, in which it may have told of more than it knows to be committed now. */
  readonly restarted: boolean;
  /** Its log was found damaged, and it has not got back what it may have lost. */
  damaged: boolean;
  /** Up to here the log is of an earlier life: what of it was committed then, or acknowledged, is not on disk. */
  #foundUpTo: number;
  healing: Healing | undefined;
  /** In this life, a commit index was learned that covers whatever was told before. */
  ready = false;
  readonly waiting = new Waiting();
  freshness = new Freshness();
  readonly notes = new Notes();
  /** Why it was last told that this node serves no committed reads. */
  limitTold: ReturnType<typeof limitReached>;
  /** When the `requests` timer is due; infinity while it is not armed. */
  requestsDueAtMs = Number.POSITIVE_INFINITY;
  /** Indices above the commit index that this node acknowledged as leader. */
  readonly acknowledgedAhead = new Set<number>();
  handedOver: HandedOver | undefined;
  /** Of a leadership that was handed over; only with the defect that keeps it. */
  leaseKeptUntilMs = Number.NEGATIVE_INFINITY;
  /** A promotion by force under way. */
  promotion: Promotion | undefined;
  /** Highest commit index that any leader has told in this life. */
  commitHeard = 0;
  /**
   * When this node last began to hand over to the preferred leader, how many election timeouts it waits since, and the
   * term in which an operator has chosen it to lead instead.
   */
  readonly preference = { triedAtMs: Number.NEGATIVE_INFINITY, patience: 1, chosenInTerm: 0 };
  /** The step under way. */
  nowMs = 0;
  out: Effects<Message>;

  constructor(config: ReplicaConfig, durable: Durable, nowMs: number, out: Effects<Message>) {
    this.config = config;
    const { snapshot } = durable;
    this.members = new Members(config.id, {
      index: snapshot?.membersIndex ?? 0,
      members: snapshot?.members ?? { voters: config.voters, learners: config.learners ?? [] },
    });
    this.log = new Log(durable.entries, snapshot ?? NO_BASE);
    const lazy = { meta: this.defect('vote-before-fsync'), entries: this.defect('ack-before-fsync') ? 100 : 0 };
    this.disk = new Disk(this.log.lastIndex, lazy);
    this.origins = new Origins(config.originsKept);
    if (config.defect !== undefined) this.undoBase = new State();
    if (snapshot !== undefined) loadSnapshot(this, snapshot);
    for (const entry of this.log.slice(this.log.first, this.log.lastIndex)) this.#applied(entry);
    this.probes = new Probes(nowMs);
    if (this.defect('committed-read-after-restart')) this.state.commit(this.log.lastIndex);
    this.damaged = durable.damaged === true;
    this.#foundUpTo = this.log.lastIndex;
    this.restarted = durable.term > 0 || this.damaged;
    this.term = this.defect('lost-vote') ? this.log.lastTerm : durable.term;
    this.votedFor = this.defect('lost-vote') ? null : durable.votedFor;
    this.stance = newFollower(this.term);
    this.nowMs = nowMs;
    this.out = out;
    this.ready = this.defect('committed-read-after-restart') && this.commitIndex > 0;
  }

  /** The voters but for this node. */
  get others(): readonly NodeId[] {
    return this.members.others;
  }

  /** So many voters are a majority of the current configuration. */
  get quorum(): number {
    return this.members.quorum;
  }

  get group(): GroupId {
    return this.config.group ?? 'g0';
  }

  /** Whether this deliberate bug is switched on. Every place that a defect changes asks here. */
  defect(name: DefectName): boolean {
    return this.config.defect === name;
  }

  /**
   * Asserts what the protocol guarantees about the others. A defect, here or on another node, may break it on purpose;
   * then the history has to show it.
   */
  expects(condition: boolean, message: () => string): void {
    if (!condition) this.unexpected(message());
  }

  /** The same where every entry passes, as `if (…) node.unexpected(…)`: a closure for each would cost more than the check. */
  unexpected(message: string): void {
    if (this.config.defect === undefined) throw new InvariantViolated(`${this.config.id}: ${message}`);
  }

  get commitIndex(): number {
    return this.state.committedIndex;
  }

  /** Highest own index that may be counted as safe from a crash. */
  get durableIndex(): number {
    return this.defect('ack-before-fsync') ? this.log.lastIndex : this.disk.durable;
  }

  /** Appends to log and state. Returns the version that the entry made, if it made one. */
  append(entry: Entry): Version | undefined {
    if (entry.term < this.log.lastTerm) {
      this.unexpected(`term ${entry.term} after term ${this.log.lastTerm} in the log`);
    }
    this.log.append(entry);
    this.disk.appended(entry.index);
    const made = this.#applied(entry);
    if (entry.command.type === 'members') this.#tellMembers(false);
    return made;
  }

  #applied(entry: Entry): Version | undefined {
    const { origin, command } = entry;
    if (command.type === 'members') this.members.append(entry.index, command.members);
    if (origin === undefined) return this.state.apply(entry);
    const before = command.type === 'cas' ? this.state.local(command.key) : undefined;
    const made = this.state.apply(entry);
    this.origins.remember(origin, outcomeOf(entry, made, before));
    return made;
  }

  /** Undoes every entry from `index` on. */
  truncate(index: number): void {
    this.expects(index > this.commitIndex, () => `truncation from ${index}, committed up to ${this.commitIndex}`);
    if (index < this.log.first || index > this.log.lastIndex) return;
    const removed = this.log.truncateFrom(index);
    this.disk.truncated(index);
    this.origins.undo(index);
    let overwrote: (Value | undefined)[] = [];
    if (index > this.commitIndex) overwrote = this.state.undo(removed);
    else this.#undoCommitted(index);
    const undoneMembers = !this.defect('configuration-not-undone') && this.members.undo(index);
    this.out.tell({ type: 'truncated', entries: removed, ...this.#forgetAcknowledged(removed), overwrote });
    this.#foundUpTo = Math.min(this.#foundUpTo, index - 1);
    if (undoneMembers) this.#tellMembers(true);
  }

  #forgetAcknowledged(removed: readonly Entry[]): {
    acknowledged: number;
    acknowledgedAt: readonly number[];
    foundAt?: readonly number[];
  } {
    const acknowledgedAt: number[] = [];
    for (const entry of removed) if (this.acknowledgedAhead.delete(entry.index)) acknowledgedAt.push(entry.index);
    const foundAt = removed.map(({ index }) => index).filter((index) => index <= this.#foundUpTo);
    return { acknowledged: acknowledgedAt.length, acknowledgedAt, ...(foundAt.length > 0 && { foundAt }) };
  }

  /**
   * As {@link truncate}, for a snapshot is about to replace log and state: what is committed here may be among what goes,
   * where the snapshot is of a later recovery epoch. What was compacted cannot be told any more.
   */
  abandon(index: number): void {
    const from = Math.max(index, this.log.first);
    if (from > this.commitIndex) {
      if (from <= this.log.lastIndex) this.truncate(from);
      return;
    }
    const uncommitted = this.log.truncateFrom(this.commitIndex + 1);
    const over = this.state.undo(uncommitted);
    const { overwrote, unknownAt } = replacedFrom(this.log, this.state, from);
    const committed = this.log.truncateFrom(from);
    this.disk.truncated(from);
    this.out.tell({
      type: 'truncated',
      entries: [...committed, ...uncommitted],
      ...this.#forgetAcknowledged(uncommitted),
      overwrote: [...overwrote, ...over],
      committedAt: committed.map((entry) => entry.index),
      unknownAt,
    });
    this.#foundUpTo = Math.min(this.#foundUpTo, from - 1);
  }

  #tellMembers(undone: boolean): void {
    this.out.tell({ type: 'members', members: this.members.current, index: this.members.index, undone });
  }

  #undoCommitted(index: number): void {
    if (this.undoBase === undefined) throw new InvariantViolated(`${this.config.id}: committed entry ${index} undone`);
    this.state.rebuild(this.undoBase, this.log.slice(this.log.first, index - 1), index - 1);
  }

  /** `upTo` is committed, says a leader of the current term (or this node is that leader). */
  commit(upTo: number): void {
    if (upTo > this.log.lastIndex) this.unexpected(`commit up to ${upTo} of a log up to ${this.log.lastIndex}`);
    const index = Math.min(upTo, this.log.lastIndex);
    // Also when it is no news: what a snapshot held is committed, but whether it is all that was, only this tells.
    const knows = !this.restarted || this.stance.type === 'leader';
    if (!this.ready && knows && this.log.termAt(index) === this.term) this.ready = true;
    if (index <= this.commitIndex) return;
    if (this.acknowledgedAhead.size > 0) {
      for (let i = this.commitIndex + 1; i <= index; i++) this.acknowledgedAhead.delete(i);
    }
    this.state.commit(index);
    this.origins.expire(index);
    this.members.committed(index);
    this.out.tell({ type: 'committed', index });
  }

  /** A snapshot is on disk: the log forgets what lies at or below `index`, as far as nobody needs it any more. */
  compact(index: number): void {
    const most = this.stance.type === 'leader' ? compactable(this.stance, index) : index;
    const forgotten = this.log.compact(Math.min(most, this.commitIndex, this.disk.handed));
    if (this.undoBase === undefined || forgotten.length === 0) return;
    for (const entry of forgotten) this.undoBase.apply(entry);
    this.undoBase.commit(this.log.base);
  }

  /** Makes sure that the `requests` timer fires no later than `deadlineMs`. */
  wakeAt(deadlineMs: number): void {
    if (deadlineMs >= this.requestsDueAtMs) return;
    this.requestsDueAtMs = deadlineMs;
    const delayMs = atLeastOneMs(deadlineMs - this.nowMs);
    this.out.timer('requests', delayMs, delayMs);
  }
}

/** What a node is to those it answers. */
export function roleOf(node: Node): Role {
  return node.stance.type === 'follower' && !node.members.selfVotes ? 'learner' : node.stance.type;
}

/** A delay that really passes: a fraction might be rounded to nothing, and the timer fire in the same instant for ever. */
export function atLeastOneMs(delayMs: number): number {
  return Math.max(1, delayMs);
}
