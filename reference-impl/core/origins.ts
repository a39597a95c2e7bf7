/**
 * What is remembered of requests, so that a repeat of one is answered and not applied again. Every replica keeps the
 * same records, for they follow from the log: one for each entry with an origin, from append to undoing, or until the
 * commit index is `kept` entries past it.
 */
import type { Version } from './state.ts';
import type { Entry, Origin, Position, StoredRequest } from './types.ts';

const ORIGINS_KEPT_DEFAULT = 100_000;

/** What an entry did at its place: all that its answer says of it. */
export type Outcome = Omit<StoredRequest, keyof Origin>;

/** The version of a key that nothing was ever written to. */
const NEVER_WRITTEN: Position = { term: 0, index: 0 };

/** `made` by the entry; `before`: what its key held until then. */
export function outcomeOf(entry: Entry, made: Version | undefined, before: Version | undefined): Outcome {
  const { term, index, stampMs } = entry;
  const outcome = stampMs === undefined ? { term, index } : { term, index, stampMs };
  if (made !== undefined) return outcome;
  const version = before === undefined ? NEVER_WRITTEN : { term: before.term, index: before.index };
  return { ...outcome, mismatch: { actual: before === undefined ? null : before.value, version } };
}

export class Origins {
  readonly #kept: number;
  readonly #byClient = new Map<string, Map<number, StoredRequest>>();
  /** In the order of the log; those before `#head` have expired. */
  #records: StoredRequest[] = [];
  #head = 0;

  constructor(kept = ORIGINS_KEPT_DEFAULT) {
    this.#kept = kept;
  }

  get size(): number {
    return this.#records.length - this.#head;
  }

  /** Each entry with an origin, when it enters the log. */
  remember({ client, sequence }: Origin, outcome: Outcome): void {
    // Field by field: every entry with an origin passes here, and a spread is slower.
    const { term, index, mismatch, stampMs } = outcome;
    if (mismatch === undefined) {
      this.#add(stampMs === undefined ? { client, sequence, term, index } : { client, sequence, term, index, stampMs });
    } else this.#add({ client, sequence, ...outcome });
  }

  find({ client, sequence }: Origin): StoredRequest | undefined {
    return this.#byClient.get(client)?.get(sequence);
  }

  /**
   * Whether a request without a record may have been taken all the same, where `since` was committed before it was first
   * sent: its entry would be above `since`, and every record above `commit` - kept is here.
   */
  mayHaveExpired(since: number, commit: number): boolean {
    return since < commit - this.#kept;
  }

  /** The entries from `index` on are undone. */
  undo(index: number): void {
    for (let last = this.#records.length - 1; last >= this.#head && this.#records[last].index >= index; last--) {
      this.#forget(this.#records[last]);
      this.#records.pop();
    }
  }

  /** By commit index, so that all replicas that have committed as much remember the same. */
  expire(commit: number): void {
    const upTo = commit - this.#kept;
    for (; this.#head < this.#records.length && this.#records[this.#head].index <= upTo; this.#head++) {
      this.#forget(this.#records[this.#head]);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
  }

  /** What a snapshot at `index` must hold: later snapshots and logs behind it are explained by these and by entries. */
  upTo(index: number): StoredRequest[] {
    let end = this.#records.length;
    while (end > this.#head && this.#records[end - 1].index > index) end--;
    return this.#records.slice(this.#head, end);
  }

  /** Replaces everything by what a snapshot held. */
  load(requests: readonly StoredRequest[]): void {
    this.clear();
    for (const record of requests) this.#add(record);
  }

  clear(): void {
    this.#byClient.clear();
    this.#records = [];
    this.#head = 0;
  }

  #add(record: StoredRequest): void {
    this.#records.push(record);
    const ofClient = this.#byClient.get(record.client);
    if (ofClient === undefined) this.#byClient.set(record.client, new Map([[record.sequence, record]]));
    else ofClient.set(record.sequence, record);
  }

  #forget({ client, sequence, index }: StoredRequest): void {
    const ofClient = this.#byClient.get(client);
    // A client that used a number twice has its later record only.
    if (ofClient?.get(sequence)?.index !== index) return;
    ofClient.delete(sequence);
    if (ofClient.size === 0) this.#byClient.delete(client);
  }
}
