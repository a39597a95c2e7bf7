/**
 * Terms and votes once more, beside the log: damage to the log must not make a node forget whom it voted for, or there
 * may be two leaders in a term. They change with elections only. Two slots, written in turn; the newest good one counts.
 * Written when the log has them, so never ahead of it, and before anybody is told.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GroupId, NodeId } from '../../core/types.ts';
import { Reader, Writer } from '../../wire/bytes.ts';
import type { Files, OpenFile } from './files.ts';
import { RECORD_HEAD_BYTES, recordEnd, recordHolds, recordSequence, sealRecord } from './frame.ts';
import { packNodeOrNull, unpackNodeOrNull } from './items.ts';

const NAME = 'votes';
/** Room for some hundreds of groups. */
const SLOT_BYTES = 128 << 10;

export interface GroupVote {
  readonly group: GroupId;
  readonly term: number;
  readonly votedFor: NodeId | null;
}

export interface VotesRead {
  readonly votes: ReadonlyMap<GroupId, GroupVote>;
  readonly sequence: number;
}

/** Makes the file where there is none. `durable`: files that sync. */
export async function readVotes(durable: Files, folder: string): Promise<VotesRead> {
  const path = join(folder, NAME);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes?.length === 2 * SLOT_BYTES) {
    const slots = [readSlot(bytes, 0), readSlot(bytes, SLOT_BYTES)];
    const newest = slots.reduce((best, slot) => (slot.sequence > best.sequence ? slot : best));
    return newest;
  }
  const file = await durable.open(path, true);
  await file.allocate(2 * SLOT_BYTES);
  await file.close();
  await durable.syncFolder(dirname(path));
  return { votes: new Map(), sequence: 0 };
}

function readSlot(bytes: Buffer, at: number): VotesRead {
  const end = recordEnd(bytes, at) ?? Number.POSITIVE_INFINITY;
  if (end > at + SLOT_BYTES || !recordHolds(bytes, at, end, 0)) return { votes: new Map(), sequence: 0 };
  const from = new Reader();
  from.reset(bytes, at + RECORD_HEAD_BYTES, end);
  const votes = new Map<GroupId, GroupVote>();
  while (from.left > 0) {
    const vote = { group: from.string(from.left), term: from.number(), votedFor: unpackNodeOrNull(from) };
    votes.set(vote.group, vote);
  }
  return { votes, sequence: recordSequence(bytes, at) };
}

export class VoteFile {
  readonly #file: OpenFile;
  readonly #out = new Writer(4096);
  readonly #votes = new Map<GroupId, GroupVote>();
  #sequence: number;

  private constructor(file: OpenFile, votes: Iterable<GroupVote>, sequence: number) {
    this.#file = file;
    for (const { group, term, votedFor } of votes) this.#votes.set(group, { group, term, votedFor });
    this.#sequence = sequence;
  }

  /** `votes`: what the log and the file together say. */
  static async open(
    files: Files,
    folder: string,
    votes: Iterable<GroupVote>,
    { sequence }: VotesRead,
  ): Promise<VoteFile> {
    return new VoteFile(await files.open(join(folder, NAME), false), votes, sequence);
  }

  /** Durable when it resolves. One at a time; what failed may be given again. */
  async write(changed: readonly GroupVote[]): Promise<void> {
    for (const vote of changed) this.#votes.set(vote.group, vote);
    const out = this.#out;
    out.at = RECORD_HEAD_BYTES;
    for (const { group, term, votedFor } of this.#votes.values()) {
      out.string(group);
      out.number(term);
      packNodeOrNull(out, votedFor);
    }
    if (out.at > SLOT_BYTES) throw new Error(`the votes of all groups take ${out.at} bytes, more than ${SLOT_BYTES}`);
    // Another attempt takes the same slot: the other one stays good.
    const sequence = this.#sequence + 1;
    sealRecord(out.bytes, out.at, 0, sequence, 0);
    await this.#file.write(out.bytes.subarray(0, out.at), (sequence % 2) * SLOT_BYTES);
    await this.#file.sync();
    this.#sequence = sequence;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
