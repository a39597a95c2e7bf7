/**
 * MessagePack, written and read in one pass and without anything between the bytes and the typed object.
 *
 * Of our own because of who may write to us: this reader asks for the type that the protocol has in a place, so that
 * decoding is validation, and takes no count that the bytes left could not hold. A library gives whatever was sent, to be
 * looked through afterwards; msgpackr, packing arrays, took twice to three times as long even without that. The tests hold
 * it to msgpackr: what either writes the other reads.
 */
import { isUtf8 } from 'node:buffer';

/** What came is not what the protocol says. The sentence goes into the log; it never repeats what was sent. */
export class Malformed extends Error {}

/** What was to be sent cannot be: it would arrive as something else, or not at all. */
export class Unsendable extends Error {}

/** Strings up to this length are written by a loop: cheaper than a call into the runtime. */
const LOOP_LENGTH_MAX = 16;

export class Writer {
  bytes: Buffer;
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for `more` bytes. */
  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  nil(): void {
    this.reserve(1);
    this.bytes[this.at++] = 0xc0;
  }

  boolean(value: boolean): void {
    this.reserve(1);
    this.bytes[this.at++] = value ? 0xc3 : 0xc2;
  }

  /** Whole numbers in the shortest form, up to 2^53 - 1; all else as a double. */
  number(value: number): void {
    this.reserve(9);
    const { bytes } = this;
    if (value >= 0 && value <= 0xffffffff && value === Math.floor(value) && !Object.is(value, -0)) {
      if (value < 0x80) bytes[this.at++] = value;
      else if (value < 0x100) {
        bytes[this.at++] = 0xcc;
        bytes[this.at++] = value;
      } else if (value < 0x10000) {
        bytes[this.at++] = 0xcd;
        bytes[this.at++] = value >>> 8;
        bytes[this.at++] = value;
      } else {
        bytes[this.at++] = 0xce;
        this.at = bytes.writeUInt32BE(value, this.at);
      }
    } else if (value > 0 && Number.isSafeInteger(value)) {
      bytes[this.at++] = 0xcf;
      this.at = bytes.writeUInt32BE(Math.floor(value / 0x100000000), this.at);
      this.at = bytes.writeUInt32BE(value % 0x100000000, this.at);
    } else if (value >= -32 && value < 0 && value === Math.floor(value)) bytes[this.at++] = value;
    else {
      if (!Number.isFinite(value)) throw new Unsendable('a number that is not finite');
      bytes[this.at++] = 0xcb;
      this.at = bytes.writeDoubleBE(value, this.at);
    }
  }

  string(value: string): void {
    const { length } = value;
    this.reserve(length * 3 + 5);
    if (length <= LOOP_LENGTH_MAX && this.#ascii(value)) return;
    const head = headOf(length);
    const { bytes } = this;
    let { at } = this;
    const written = bytes.write(value, at + head);
    if (written !== length) {
      // What is no text would arrive as another text.
      if (!wellFormed(value)) throw new Unsendable('a string with half a surrogate pair');
      if (headOf(written) !== head) bytes.copyWithin(at + headOf(written), at + head, at + head + written);
    }
    if (written < 32) bytes[at++] = 0xa0 | written;
    else if (written < 0x100) {
      bytes[at++] = 0xd9;
      bytes[at++] = written;
    } else if (written < 0x10000) {
      bytes[at++] = 0xda;
      at = bytes.writeUInt16BE(written, at);
    } else {
      bytes[at++] = 0xdb;
      at = bytes.writeUInt32BE(written, at);
    }
    this.at = at + written;
  }

  #ascii(value: string): boolean {
    const { bytes, at } = this;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return false;
      bytes[at + 1 + i] = unit;
    }
    bytes[at] = 0xa0 | value.length;
    this.at = at + 1 + value.length;
    return true;
  }

  binary(value: Uint8Array): void {
    this.reserve(value.length + 5);
    this.bytes[this.at++] = 0xc6;
    this.at = this.bytes.writeUInt32BE(value.length, this.at);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  array(count: number): void {
    this.#count(count, 0x90, 0xdc);
  }

  map(count: number): void {
    this.#count(count, 0x80, 0xde);
  }

  #count(count: number, short: number, long: number): void {
    this.reserve(5);
    if (count < 16) this.bytes[this.at++] = short | count;
    else if (count < 0x10000) {
      this.bytes[this.at++] = long;
      this.at = this.bytes.writeUInt16BE(count, this.at);
    } else {
      this.bytes[this.at++] = long + 1;
      this.at = this.bytes.writeUInt32BE(count, this.at);
    }
  }

  /** Bytes that are MessagePack already. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}

function headOf(length: number): number {
  if (length < 32) return 1;
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : 5;
}

/** `isWellFormed` is in Node 20 and not yet in the library's types for es2023. */
function wellFormed(value: string): boolean {
  return (value as string & { isWellFormed(): boolean }).isWellFormed();
}

export class Reader {
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  at = 0;

  /** Reads on from `start` up to `end`. The bytes must not change while they are read; nothing of them is kept. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.at;
  }

  /** A copy of what is left, which is left no more. */
  rest(): Buffer {
    const copy = Buffer.from(this.#bytes.subarray(this.at, this.#end));
    this.at = this.#end;
    return copy;
  }

  #byte(): number {
    if (this.at >= this.#end) throw new Malformed('ends too early');
    return this.#bytes[this.at++];
  }

  /** Moves on by `count` bytes; returns where they begin. */
  #take(count: number): number {
    const start = this.at;
    if (count > this.#end - start) throw new Malformed('ends too early');
    this.at = start + count;
    return start;
  }

  /** Takes a nil if one is next. */
  nil(): boolean {
    if (this.at >= this.#end || this.#bytes[this.at] !== 0xc0) return false;
    this.at++;
    return true;
  }

  /** Whether a string is next. */
  isString(): boolean {
    const byte = this.at < this.#end ? this.#bytes[this.at] : 0;
    return (byte & 0xe0) === 0xa0 || (byte >= 0xd9 && byte <= 0xdb);
  }

  boolean(): boolean {
    const byte = this.#byte();
    if (byte === 0xc3) return true;
    if (byte !== 0xc2) throw new Malformed('no boolean');
    return false;
  }

  /** Finite. */
  number(): number {
    return this.#number(this.#byte());
  }

  #number(byte: number): number {
    if (byte < 0x80) return byte;
    if (byte >= 0xe0) return byte - 0x100;
    switch (byte) {
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#bytes.readUInt16BE(this.#take(2));
      case 0xce:
        return this.#bytes.readUInt32BE(this.#take(4));
      case 0xcf:
      case 0xd3:
        return this.#long(byte);
      case 0xd0:
        return this.#bytes.readInt8(this.#take(1));
      case 0xd1:
        return this.#bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return this.#bytes.readInt32BE(this.#take(4));
      case 0xca:
      case 0xcb: {
        const value = byte === 0xca ? this.#bytes.readFloatBE(this.#take(4)) : this.#bytes.readDoubleBE(this.#take(8));
        if (!Number.isFinite(value)) throw new Malformed('a number that is not finite');
        return value;
      }
      default:
        throw new Malformed('no number');
    }
  }

  #long(byte: number): number {
    const start = this.#take(8);
    const high = byte === 0xd3 ? this.#bytes.readInt32BE(start) : this.#bytes.readUInt32BE(start);
    const value = high * 0x100000000 + this.#bytes.readUInt32BE(start + 4);
    if (!Number.isSafeInteger(value)) throw new Malformed('a number beyond 2^53');
    return value;
  }

  /** A whole number, 0 or above, below 2^53. */
  whole(): number {
    const value = this.number();
    if (value < 0 || !Number.isSafeInteger(value)) throw new Malformed('no whole number of 0 or above');
    return value;
  }

  string(bytesMax: number): string {
    return this.#string(this.#byte(), bytesMax);
  }

  #string(byte: number, bytesMax: number): string {
    let length: number;
    if ((byte & 0xe0) === 0xa0) length = byte & 0x1f;
    else if (byte === 0xd9) length = this.#byte();
    else if (byte === 0xda) length = this.#bytes.readUInt16BE(this.#take(2));
    else if (byte === 0xdb) length = this.#bytes.readUInt32BE(this.#take(4));
    else throw new Malformed('no string');
    if (length > bytesMax) throw new Malformed(`a string of more than ${bytesMax} bytes`);
    const start = this.#take(length);
    const text = this.#bytes.toString('utf8', start, this.at);
    // What is no UTF-8 comes out with replacement characters, and two such texts might be taken for one.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, this.at))) throw new Malformed('no UTF-8');
    return text;
  }

  /** A view of the bytes, good until they change. */
  binary(bytesMax: number): Buffer {
    const byte = this.#byte();
    let length: number;
    if (byte === 0xc4) length = this.#byte();
    else if (byte === 0xc5) length = this.#bytes.readUInt16BE(this.#take(2));
    else if (byte === 0xc6) length = this.#bytes.readUInt32BE(this.#take(4));
    else throw new Malformed('no bytes');
    if (length > bytesMax) throw new Malformed(`more than ${bytesMax} bytes`);
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.at);
  }

  /** How many items follow. An item takes a byte at least, so a count beyond the bytes left is refused at once. */
  array(countMax: number): number {
    return this.#array(this.#byte(), countMax);
  }

  #array(byte: number, countMax: number): number {
    let count: number;
    if ((byte & 0xf0) === 0x90) count = byte & 0x0f;
    else if (byte === 0xdc) count = this.#bytes.readUInt16BE(this.#take(2));
    else if (byte === 0xdd) count = this.#bytes.readUInt32BE(this.#take(4));
    else throw new Malformed('no array');
    if (count > countMax || count > this.left) throw new Malformed('an array of too many items');
    return count;
  }

  #map(byte: number): number {
    let count: number;
    if ((byte & 0xf0) === 0x80) count = byte & 0x0f;
    else if (byte === 0xde) count = this.#bytes.readUInt16BE(this.#take(2));
    else if (byte === 0xdf) count = this.#bytes.readUInt32BE(this.#take(4));
    else throw new Malformed('no map');
    if (count * 2 > this.left) throw new Malformed('a map of too many items');
    return count;
  }

  /** How many pairs follow. */
  map(): number {
    return this.#map(this.#byte());
  }

  /** Null, boolean, number, text, or arrays and maps of them, at most `depth` deep. */
  plain(depth: number): Plain {
    const byte = this.#byte();
    if (byte === 0xc0) return null;
    if (byte === 0xc2 || byte === 0xc3) return byte === 0xc3;
    if ((byte & 0xe0) === 0xa0 || (byte >= 0xd9 && byte <= 0xdb)) return this.#string(byte, this.left);
    if ((byte & 0xf0) === 0x90 || byte === 0xdc || byte === 0xdd) return this.#list(byte, depth);
    if ((byte & 0xf0) === 0x80 || byte === 0xde || byte === 0xdf) return this.#record(byte, depth);
    return this.#number(byte);
  }

  #list(byte: number, depth: number): Plain[] {
    if (depth <= 0) throw new Malformed('nested too deeply');
    const count = this.#array(byte, this.left);
    const items: Plain[] = [];
    for (let i = 0; i < count; i++) items.push(this.plain(depth - 1));
    return items;
  }

  #record(byte: number, depth: number): { readonly [name: string]: Plain } {
    if (depth <= 0) throw new Malformed('nested too deeply');
    const count = this.#map(byte);
    const record: { [name: string]: Plain } = {};
    for (let i = 0; i < count; i++) {
      const name = this.string(this.left);
      // Assigning to it would change what the object inherits, and add nothing to it.
      if (name === '__proto__') throw new Malformed("a field named '__proto__'");
      record[name] = this.plain(depth - 1);
    }
    return record;
  }
}

/** What MessagePack and JSON have in common. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };
