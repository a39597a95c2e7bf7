/**
 * CRC32C (Castagnoli), the checksum of frames and of the log on disk. Eight tables, eight bytes a step (Kounavis & Berry
 * 2008, "slicing-by-8").
 */
const POLYNOMIAL = 0x82f63b78; // reflected

const tables: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const made = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[0][byte] = crc;
  }
  for (let slice = 1; slice < 8; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const shorter = made[slice - 1][byte];
      made[slice][byte] = (shorter >>> 8) ^ made[0][shorter & 0xff];
    }
  }
  return made;
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;

/** Of `bytes` from `start` up to `end`, going on from the checksum of what came before (0: nothing). Unsigned. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  let crc = ~before;
  let at = start;
  for (const eights = end - 7; at < eights; at += 8) {
    const low = crc ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
    crc =
      t7[low & 0xff] ^
      t6[(low >>> 8) & 0xff] ^
      t5[(low >>> 16) & 0xff] ^
      t4[low >>> 24] ^
      t3[bytes[at + 4]] ^
      t2[bytes[at + 5]] ^
      t1[bytes[at + 6]] ^
      t0[bytes[at + 7]];
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}
