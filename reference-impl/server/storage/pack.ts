/**
 * MessagePack, written by hand into a buffer that is used again and again: the log is on the path of every write, and
 * this is several times as fast as a general encoder. What it writes any decoder reads.
 */
import type { Value } from '../../core/types.ts';

const TWO_32 = 2 ** 32;
/** Up to here a loop in JavaScript beats a call into the runtime. */
const SHORT = 24;

export class Packer {
  bytes: Buffer;
  /** Where the next byte goes. */
  at = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  /** Makes sure that `count` more bytes fit. */
  room(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + count));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.room(end - start);
    this.bytes.set(from.subarray(start, end), this.at);
    this.at += end - start;
  }

  array(length: number): void {
    this.#head(length, 0x90, 16, 0xdc);
  }

  map(size: number): void {
    this.#head(size, 0x80, 16, 0xde);
  }

  nil(): void {
    this.room(1);
    this.bytes[this.at++] = 0xc0;
  }

  boolean(value: boolean): void {
    this.room(1);
    this.bytes[this.at++] = value ? 0xc3 : 0xc2;
  }

  number(value: number): void {
    this.room(9);
    if (value >= 0 && value < 128 && Number.isInteger(value) && !Object.is(value, -0)) this.bytes[this.at++] = value;
    else if (!Number.isSafeInteger(value) || value === 0) this.#float(value);
    else if (value > 0) this.#positive(value);
    else this.#negative(value);
  }

  string(text: string): void {
    const { length } = text;
    this.room(length * 3 + 5);
    if (length <= SHORT && this.#shortAscii(text)) return;
    const start = this.at;
    const headBytes = length < 32 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5;
    const written = this.bytes.write(text, start + headBytes, 'utf8');
    const needed = written < 32 ? 1 : written < 256 ? 2 : written < 65_536 ? 3 : 5;
    if (needed !== headBytes) this.bytes.copyWithin(start + needed, start + headBytes, start + headBytes + written);
    this.#stringHead(written, needed);
    this.at = start + needed + written;
  }

  value(value: Value): void {
    if (typeof value === 'string') this.string(value);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.boolean(value);
    else if (value === null || value === undefined) this.nil();
    else if (isList(value)) {
      this.array(value.length);
      for (const item of value) this.value(item);
    } else {
      const named = Object.entries(value).filter(([, item]) => item !== undefined);
      this.map(named.length);
      for (const [name, item] of named) {
        this.string(name);
        this.value(item);
      }
    }
  }

  #shortAscii(text: string): boolean {
    const { bytes, at } = this;
    const { length } = text;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[at + 1 + i] = code;
    }
    bytes[at] = 0xa0 | length;
    this.at = at + 1 + length;
    return true;
  }

  #stringHead(length: number, headBytes: number): void {
    const { bytes, at } = this;
    if (headBytes === 1) bytes[at] = 0xa0 | length;
    else if (headBytes === 2) {
      bytes[at] = 0xd9;
      bytes[at + 1] = length;
    } else if (headBytes === 3) {
      bytes[at] = 0xda;
      bytes.writeUInt16BE(length, at + 1);
    } else {
      bytes[at] = 0xdb;
      bytes.writeUInt32BE(length, at + 1);
    }
  }

  #head(length: number, fix: number, fixLimit: number, wide: number): void {
    this.room(5);
    if (length < fixLimit) this.bytes[this.at++] = fix | length;
    else if (length < 65_536) {
      this.bytes[this.at] = wide;
      this.at = this.bytes.writeUInt16BE(length, this.at + 1);
    } else {
      this.bytes[this.at] = wide + 1;
      this.at = this.bytes.writeUInt32BE(length, this.at + 1);
    }
  }

  #float(value: number): void {
    this.bytes[this.at] = 0xcb;
    this.at = this.bytes.writeDoubleBE(value, this.at + 1);
  }

  #positive(value: number): void {
    const { bytes, at } = this;
    if (value < 256) {
      bytes[at] = 0xcc;
      bytes[at + 1] = value;
      this.at = at + 2;
    } else if (value < 65_536) {
      bytes[at] = 0xcd;
      this.at = bytes.writeUInt16BE(value, at + 1);
    } else if (value < TWO_32) {
      bytes[at] = 0xce;
      this.at = bytes.writeUInt32BE(value, at + 1);
    } else {
      bytes[at] = 0xcf;
      bytes.writeUInt32BE(Math.floor(value / TWO_32), at + 1);
      this.at = bytes.writeUInt32BE(value % TWO_32, at + 5);
    }
  }

  #negative(value: number): void {
    const { bytes, at } = this;
    if (value >= -32) {
      bytes[at] = 0x100 + value;
      this.at = at + 1;
    } else if (value >= -TWO_32 / 2) {
      bytes[at] = 0xd2;
      this.at = bytes.writeInt32BE(value, at + 1);
    } else {
      bytes[at] = 0xd3;
      this.at = bytes.writeBigInt64BE(BigInt(value), at + 1);
    }
  }
}

/** `Array.isArray` does not narrow a readonly array away. */
function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
