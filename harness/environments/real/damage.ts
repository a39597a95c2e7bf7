/** Damage to the files of a node that is down, as a failing disk does it: a flipped bit, or a file that ends too early. */
import { closeSync, fsyncSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../../history/random.ts';

export interface Damage {
  readonly file: string;
  readonly kind: 'bit flipped' | 'file cut';
  readonly offset: number;
}

/** Damages the log of a data folder at a random place of what was written. Undefined: there is nothing yet. */
export function damageLog(data: string, random: Random): Damage | undefined {
  const folder = join(data, 'log');
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort();
  const written = files.map((name) => ({ file: join(folder, name), bytes: writtenBytes(join(folder, name)) }));
  const total = written.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total === 0) return undefined;
  let at = random.below(total);
  for (const { file, bytes } of written) {
    if (at < bytes) {
      const kind = random.chance(0.5) ? 'bit flipped' : 'file cut';
      if (kind === 'bit flipped') flip(file, at, random.below(8));
      else cut(file, at);
      return { file, kind, offset: at };
    }
    at -= bytes;
  }
  return undefined;
}

/** Segments are made longer than what is in them: up to the last byte that is not zero. */
function writtenBytes(file: string): number {
  const bytes = readFileSync(file);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

function flip(file: string, offset: number, bit: number): void {
  const byte = readFileSync(file)[offset] ^ (1 << bit);
  const handle = openSync(file, 'r+');
  writeSync(handle, Uint8Array.of(byte), 0, 1, offset);
  fsyncSync(handle);
  closeSync(handle);
}

function cut(file: string, length: number): void {
  const handle = openSync(file, 'r+');
  ftruncateSync(handle, length);
  fsyncSync(handle);
  closeSync(handle);
}
