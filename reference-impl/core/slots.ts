/**
 * Which group a key belongs to. The number of slots is fixed for ever, so that groups may one day be split by moving
 * slots; clients and nodes compute the same.
 */
import type { GroupId, Key } from './types.ts';

export const SLOTS = 4096;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const STRING = 0x73;
const NUMBER = 0x6e;

/**
 * The slot of a key, 0 … 4095: FNV-1a (32 bits) over the letter `s` or `n` for the key's type and then over its text (a
 * number's decimal text as JavaScript writes it), two bytes for each UTF-16 code unit, low byte first; mixed by the
 * finalizer of MurmurHash3, for the low bits of FNV alone hardly differ between short texts; the low 12 bits of that.
 */
export function slotOf(key: Key): number {
  const text = typeof key === 'string' ? key : String(key);
  let hash = Math.imul(FNV_OFFSET ^ (typeof key === 'string' ? STRING : NUMBER), FNV_PRIME);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), FNV_PRIME);
    hash = Math.imul(hash ^ (unit >>> 8), FNV_PRIME);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash & (SLOTS - 1);
}

/** Number of the group that has the key, of so many: even ranges of slots, in order. */
export function groupOf(key: Key, groups: number): number {
  return groups === 1 ? 0 : Math.floor((slotOf(key) * groups) / SLOTS);
}

/** Name of the group of this number. */
export function groupName(number: number): GroupId {
  return `g${number}`;
}
