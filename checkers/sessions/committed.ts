/**
 * Transactions as others may see them: of several writes to one key only the last one is left there, and who reads what his own
 * transaction wrote reads no state of the store. Both are taken out: as if such a write had been refused, and such a read.
 */
import { FAIL, type History, NONE, OK, READ, TRANSACTION, WRITE } from '../../history/history.ts';

const known = new WeakMap<History, History>();

/** The same rows; the history itself where there is nothing of the kind. */
export function committed(history: History): History {
  let told = known.get(history);
  if (told === undefined) known.set(history, (told = withoutOwn(history)));
  return told;
}

function withoutOwn(history: History): History {
  const { batch, f, flags, key, keys, length, value } = history;
  let outcome: Uint8Array | undefined;
  const silence = (row: number): void => {
    outcome ??= history.outcome.slice();
    outcome[row] = FAIL;
  };
  /** By key: the last row that wrote it in a transaction. */
  let written: Int32Array | undefined;
  for (let row = 0; row < length; row++) {
    if ((flags[row] & TRANSACTION) === 0 || history.outcome[row] === FAIL) continue;
    written ??= new Int32Array(keys.length).fill(NONE);
    const last = written[key[row]];
    const isOwn = last !== NONE && batch[last] === batch[row];
    if (f[row] === WRITE) {
      if (isOwn) silence(last);
      written[key[row]] = row;
    } else if (f[row] === READ && isOwn && history.outcome[row] === OK && value[row] === value[last]) silence(row);
  }
  // What is shown of them is as it was.
  return outcome === undefined ? history : { ...history, outcome };
}

/** A write of the value that a row read, and the one that its own transaction replaced it by. */
export function replacedWrite(
  history: History,
  read: number,
): { readonly write: number; readonly by: number } | undefined {
  const { batch, f, flags, key, length, outcome, value } = history;
  for (let write = 0; write < length; write++) {
    if ((flags[write] & TRANSACTION) === 0 || f[write] !== WRITE || outcome[write] !== FAIL) continue;
    if (key[write] !== key[read] || value[write] !== value[read]) continue;
    for (let by = write + 1; by < length && batch[by] === batch[write]; by++) {
      if (f[by] === WRITE && key[by] === key[write] && outcome[by] !== FAIL) return { write, by };
    }
  }
  return undefined;
}
