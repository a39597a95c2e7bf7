/** Reads what {@link Packer} writes: MessagePack without extensions and binary strings. */
import type { Value } from '../../core/types.ts';

const TWO_32 = 2 ** 32;
/** Up to here a loop in JavaScript beats a call into the runtime. */
const SHORT = 12;

export class Unpacker {
  bytes: Buffer;
  at = 0;
  end = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  array(): number {
    return this.#head(0x90, 0xdc, 'list');
  }

  number(): number {
    const byte = this.bytes[this.at];
    if (byte < 128 && this.at < this.end) {
      this.at++;
      return byte;
    }
    const value = this.value();
    if (typeof value !== 'number') throw new Error(`a number was expected, not ${typeof value}`);
    return value;
  }

  string(): string {
    const value = this.value();
    if (typeof value !== 'string') throw new Error(`a string was expected, not ${typeof value}`);
    return value;
  }

  value(): Value {
    const byte = this.bytes[this.at];
    if (this.at >= this.end) throw new Error('it ends too early');
    this.at++;
    if (byte < 0x80) return byte;
    if (byte < 0x90) return this.#map(byte & 15);
    if (byte < 0xa0) return this.#list(byte & 15);
    if (byte < 0xc0) return this.#text(byte & 31);
    if (byte >= 0xe0) return byte - 256;
    return this.#wide(byte);
  }

  #wide(byte: number): Value {
    switch (byte) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xcb:
        return this.bytes.readDoubleBE(this.#skip(8));
      case 0xcc:
        return this.bytes[this.#skip(1)];
      case 0xcd:
        return this.bytes.readUInt16BE(this.#skip(2));
      case 0xce:
        return this.bytes.readUInt32BE(this.#skip(4));
      case 0xcf:
        return this.bytes.readUInt32BE(this.#skip(4)) * TWO_32 + this.bytes.readUInt32BE(this.#skip(4));
      case 0xd2:
        return this.bytes.readInt32BE(this.#skip(4));
      case 0xd3:
        return Number(this.bytes.readBigInt64BE(this.#skip(8)));
      case 0xd9:
        return this.#text(this.bytes[this.#skip(1)]);
      case 0xda:
        return this.#text(this.bytes.readUInt16BE(this.#skip(2)));
      case 0xdb:
        return this.#text(this.bytes.readUInt32BE(this.#skip(4)));
      case 0xdc:
        return this.#list(this.bytes.readUInt16BE(this.#skip(2)));
      case 0xdd:
        return this.#list(this.bytes.readUInt32BE(this.#skip(4)));
      case 0xde:
        return this.#map(this.bytes.readUInt16BE(this.#skip(2)));
      case 0xdf:
        return this.#map(this.bytes.readUInt32BE(this.#skip(4)));
      default:
        throw new Error(`a value cannot begin with byte ${byte.toString(16)}`);
    }
  }

  #head(fix: number, wide: number, what: string): number {
    const byte = this.bytes[this.#skip(1)];
    if ((byte & 0xf0) === fix) return byte & 15;
    if (byte === wide) return this.bytes.readUInt16BE(this.#skip(2));
    if (byte === wide + 1) return this.bytes.readUInt32BE(this.#skip(4));
    throw new Error(`a ${what} was expected, not byte ${byte.toString(16)}`);
  }

  /** The place it was at, behind which it now stands. */
  #skip(count: number): number {
    const { at } = this;
    if (at + count > this.end) throw new Error('it ends too early');
    this.at = at + count;
    return at;
  }

  #text(length: number): string {
    const start = this.#skip(length);
    if (length <= SHORT) {
      let text = '';
      let at = start;
      for (; at < this.at && this.bytes[at] < 128; at++) text += String.fromCharCode(this.bytes[at]);
      if (at === this.at) return text;
    }
    return this.bytes.toString('utf8', start, this.at);
  }

  #list(length: number): readonly Value[] {
    const list: Value[] = [];
    for (let i = 0; i < length; i++) list.push(this.value());
    return list;
  }

  #map(size: number): { readonly [name: string]: Value } {
    const named: [string, Value][] = [];
    for (let i = 0; i < size; i++) named.push([this.string(), this.value()]);
    // Not by assignment: `__proto__` may be among the names.
    return Object.fromEntries(named);
  }
}
