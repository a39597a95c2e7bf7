/** Which keys of a bench are checked: the most popular ones, where most happens at a time, and others drawn from all. */
import type { Key } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { fnvHash64 } from './distributions.ts';
import { isCheckKey } from './checks.ts';
import { recordKey } from './mix.ts';
import type { BenchPlan } from './plan.ts';

/** Of the sample, so many are the most popular keys. */
const POPULAR_SHARE = 1 / 4;
/** Of the records that are inserted later, every so many-th is in the sample. */
const INSERTED_EVERY = 16;

export function sampleOf(
  { records, checkedKeys, distribution }: Pick<BenchPlan, 'records' | 'checkedKeys' | 'distribution'>,
  random: Random,
): { readonly keys: readonly Key[]; readonly has: (key: Key) => boolean } {
  const wanted = Math.min(records, checkedKeys);
  const numbers = new Set<number>();
  for (let rank = 0; numbers.size < wanted * POPULAR_SHARE && rank < records; rank++) {
    if (distribution === 'zipfian') numbers.add(Number(fnvHash64(rank) % BigInt(records)));
    else numbers.add(records - 1 - rank);
  }
  for (const n of random.shuffle(Array.from({ length: records }, (_, i) => i))) {
    if (numbers.size >= wanted) break;
    numbers.add(n);
  }
  const keys = [...numbers].sort((a, b) => a - b).map(recordKey);
  const chosen = new Set(keys);
  return {
    keys,
    has: (key) => {
      if (isCheckKey(key)) return true;
      const n = Number(String(key).slice('user'.length));
      return n < records ? chosen.has(key) : n % INSERTED_EVERY === 0;
    },
  };
}
