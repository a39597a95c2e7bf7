/**
 * Frames on a stream: length (u32, big endian), CRC32C of the payload (u32), payload. A payload is MessagePack values,
 * one after another. Nothing is kept of what does not come to an end: a connection's unfinished frame is bounded, and
 * so is the sum over all connections of a node.
 */
import { Malformed, Writer } from './bytes.ts';
import { crc32c } from './crc32c.ts';

export const HEADER_BYTES = 8;

/** What all connections of a node hold together of frames that have not ended. */
export interface Budget {
  held: number;
  readonly most: number;
}

const NOTHING = Buffer.alloc(0);

/** Cuts a stream into frames. After it has thrown, the stream is of no use any more. */
export class FrameReader {
  payloadBytesMax: number;
  readonly #budget: Budget;
  /** The beginning of a frame whose end has not come. Grows with what comes, not with what a header announces. */
  #begun: Buffer = NOTHING;
  #length = 0;

  constructor(payloadBytesMax: number, budget: Budget) {
    this.payloadBytesMax = payloadBytesMax;
    this.#budget = budget;
  }

  /** Calls `take` for each whole frame, with the bytes and where in them its payload begins and ends. */
  push(chunk: Buffer, take: (bytes: Buffer, start: number, end: number) => void): void {
    if (this.#length === 0) {
      const rest = this.#cut(chunk, take);
      if (rest < chunk.length) this.#keep(chunk, rest);
      return;
    }
    this.#keep(chunk, 0);
    const bytes = this.#begun.subarray(0, this.#length);
    if (!this.#ends(bytes)) return;
    this.close();
    const rest = this.#cut(bytes, take);
    if (rest < bytes.length) this.#keep(bytes, rest);
  }

  /** Forgets what has not ended, and gives back what that took of the budget. */
  close(): void {
    this.#budget.held -= this.#begun.length;
    this.#begun = NOTHING;
    this.#length = 0;
  }

  /** Whether a whole frame is there. */
  #ends(bytes: Buffer): boolean {
    return bytes.length >= HEADER_BYTES && bytes.length >= HEADER_BYTES + this.#lengthAt(bytes, 0);
  }

  /** Takes all whole frames; returns where the rest begins. */
  #cut(bytes: Buffer, take: (bytes: Buffer, start: number, end: number) => void): number {
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const start = at + HEADER_BYTES;
      const end = start + this.#lengthAt(bytes, at);
      if (end > bytes.length) break;
      if (crc32c(bytes, start, end) !== bytes.readUInt32BE(at + 4)) throw new Malformed('a wrong checksum');
      take(bytes, start, end);
      at = end;
    }
    return at;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at);
    if (length > this.payloadBytesMax) throw new Malformed(`a frame of more than ${this.payloadBytesMax} bytes`);
    if (length === 0) throw new Malformed('an empty frame');
    return length;
  }

  #keep(chunk: Buffer, from: number): void {
    const more = chunk.length - from;
    const needed = this.#length + more;
    if (needed > this.#begun.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#begun.length * 2));
      this.#begun.copy(grown, 0, 0, this.#length);
      this.#budget.held += grown.length - this.#begun.length;
      this.#begun = grown;
    }
    chunk.copy(this.#begun, this.#length, from);
    this.#length = needed;
    if (this.#budget.held > this.#budget.most) throw new Malformed('too much unfinished on all connections together');
  }
}

/** Collects values into one frame. `at` of the writer stands where the next value goes. */
export class FrameWriter extends Writer {
  constructor(size = 512) {
    super(size);
    this.at = HEADER_BYTES;
  }

  get payloadBytes(): number {
    return this.at - HEADER_BYTES;
  }

  /** The frame, in a buffer of its own; the writer begins the next. */
  take(): Buffer {
    const { bytes, at } = this;
    bytes.writeUInt32BE(at - HEADER_BYTES, 0);
    bytes.writeUInt32BE(crc32c(bytes, HEADER_BYTES, at), 4);
    const frame = Buffer.allocUnsafe(at);
    bytes.copy(frame, 0, 0, at);
    this.clear();
    return frame;
  }

  clear(): void {
    this.at = HEADER_BYTES;
    // One large frame must not make every later one dear.
    if (this.bytes.length > 1024 * 1024) this.bytes = Buffer.allocUnsafeSlow(4096);
  }
}
