import { fc } from '../../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

/** One bit at a time, as the definition says. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('crc32c', () => {
  // RFC 3720, B.4, and the check value of the catalogue.
  test.each([
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    [Buffer.alloc(0), 0],
  ])('of known bytes', (bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  test('equals the definition, from any place to any place, in one piece or in two', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(70), fc.nat(70), (bytes, a, b) => {
        const [start, cut] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
        expect(crc32c(bytes, start, cut)).toBe(slow(bytes.subarray(start, cut)));
        expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(slow(bytes));
      }),
    );
  });
});
