/**
 * What the keys of a history hold, where that shows in what was asked of them. Where some keys hold something else than a register (sets,
 * counters, strings, queues …), a key that was only read may do so as well: what it held at first is not known then, and as a register
 * it would be judged by a guess.
 */
import type { Guarantee } from '../history/guarantee.ts';
import { CAS, type History, READ } from '../history/history.ts';
import type { Semantics } from './checker.ts';

/** By key: 1 where nobody knows what it holds. Undefined: there is none. */
function unknownKinds({
  length,
  f,
  key,
  keys,
}: Pick<History, 'length' | 'f' | 'key' | 'keys'>): Uint8Array | undefined {
  let others = false;
  const isChanged = new Uint8Array(keys.length);
  for (let row = 0; row < length; row++) {
    if (f[row] === READ) continue;
    isChanged[key[row]] = 1;
    if (f[row] > CAS) others = true;
  }
  if (!others) return undefined;
  const unknown = isChanged.map((is) => 1 - is);
  return unknown.includes(1) ? unknown : undefined;
}

/** Those that tell of registers; the others know by what was asked for which keys are theirs. */
const OF_REGISTERS: ReadonlySet<Guarantee> = new Set<Guarantee>([
  'linearizable',
  'sequential',
  'causal',
  'causal-memory',
  'causal-weak',
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
  'consistent-prefix',
  'bounded-staleness',
  'durable',
  'fenced',
]);
const REGISTERS: ReadonlySet<unknown> = new Set(['register', 'cas-register', 'multi-register']);

/** What a guarantee is judged on: those of registers, without the keys of which nobody knows what they hold. */
export function judgedOn(history: History, guarantee: Guarantee, { model }: Pick<Semantics, 'model'>): History {
  if (!OF_REGISTERS.has(guarantee) || (guarantee === 'linearizable' && !REGISTERS.has(model))) return history;
  const unknown = unknownKinds(history);
  return unknown === undefined ? history : history.filter((row) => unknown[history.key[row]] === 0);
}
