/** What one sync will cover: a record that is being filled, waits for its turn, or is on its way to disk. */
import type { GroupId, Snapshot } from '../../core/types.ts';
import { RECORD_HEAD_BYTES } from './frame.ts';
import { Writer } from '../../wire/bytes.ts';
import type { Segment } from './segment.ts';
import type { GroupVote } from './votes.ts';

export interface Beginning {
  readonly head: Buffer;
  readonly allocated: number;
}

export interface BatchPlace {
  readonly sequence: number;
  readonly segment: Segment;
  readonly offset: number;
  /** How far it may grow. */
  readonly bytesMax: number;
  /** It is the first record of its segment, which is made with it. */
  readonly begins?: Beginning;
}

/** Told when the batch is durable, or that it never will be. */
export interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

export class Batch {
  readonly place: BatchPlace;
  readonly out: Writer;
  /** When its first item came, monotonic ms. */
  readonly sinceMs: number;
  /** Of its last write; undefined: it has none. */
  ticket: number | undefined;
  /** The record is; votes and marks beside the log may not be. */
  isOnDisk = false;
  writes = 0;
  /** Terms and votes that came with them. */
  readonly votes: GroupVote[] = [];
  /** Images to be made before the record speaks of them. */
  readonly installs: { readonly group: GroupId; readonly snapshot: Snapshot }[] = [];
  readonly healed: GroupId[] = [];
  readonly waiting: Waiting[] = [];

  constructor(place: BatchPlace, out: Writer, sinceMs: number) {
    this.place = place;
    this.out = out;
    this.sinceMs = sinceMs;
    out.at = RECORD_HEAD_BYTES;
  }

  get bytes(): number {
    return this.out.at;
  }

  hasRoom(count: number): boolean {
    return this.bytes + count <= this.place.bytesMax;
  }
}

const BYTES_FIRST = 256 << 10;
const BYTES_KEPT_MAX = 8 << 20;

/** Buffers go round: one is filled while another one is written. */
export class BufferPool {
  readonly #free: Writer[] = [];

  take(): Writer {
    return this.#free.pop() ?? new Writer(BYTES_FIRST);
  }

  give(out: Writer): void {
    if (this.#free.length < 3 && out.bytes.length <= BYTES_KEPT_MAX) this.#free.push(out);
  }
}
