/** What one sync will cover: a record that is being filled, waits for its turn, or is on its way to disk. */
import type { GroupId, Snapshot } from '../../core/types.ts';
import { RECORD_HEAD_BYTES } from './frame.ts';
import { Packer } from './pack.ts';
import type { Segment } from './segment.ts';

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

export class Batch {
  readonly place: BatchPlace;
  readonly packer: Packer;
  /** When its first item came, monotonic ms. */
  readonly sinceMs: number;
  /** Of its last write; undefined: it has none. */
  ticket: number | undefined;
  writes = 0;
  /** Images to be made before the record speaks of them. */
  readonly installs: { readonly group: GroupId; readonly snapshot: Snapshot }[] = [];
  readonly healed: GroupId[] = [];
  /** Called when it is durable. */
  readonly whenDurable: (() => void)[] = [];

  constructor(place: BatchPlace, packer: Packer, sinceMs: number) {
    this.place = place;
    this.packer = packer;
    this.sinceMs = sinceMs;
    packer.at = RECORD_HEAD_BYTES;
  }

  get bytes(): number {
    return this.packer.at;
  }

  hasRoom(count: number): boolean {
    return this.bytes + count <= this.place.bytesMax;
  }
}

const BYTES_FIRST = 256 << 10;
const BYTES_KEPT_MAX = 8 << 20;

/** Buffers go round: one is filled while another one is written. */
export class PackerPool {
  readonly #free: Packer[] = [];

  take(): Packer {
    return this.#free.pop() ?? new Packer(BYTES_FIRST);
  }

  give(packer: Packer): void {
    if (this.#free.length < 3 && packer.bytes.length <= BYTES_KEPT_MAX) this.#free.push(packer);
  }
}
