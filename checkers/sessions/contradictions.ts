/** A state holds one value of each key, however often one read asks for it. */
import { type History, NONE, OK, READ, TRANSACTION } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import type { Findings } from './findings.ts';
import { operationsOf, type Prepared } from './rule.ts';
import { answer, key, value } from './words.ts';

/** Reports reads of several keys that returned two values of one. A transaction may write between its reads. */
export function reportContradictions({ history, registers }: Prepared, findings: Findings): void {
  const { batch, f, flags, key, length, outcome } = history;
  /** For each key the batch that last held it, plus one, and the row. */
  const batchOf = new Int32Array(history.keys.length);
  const rowOf = new Int32Array(history.keys.length);
  for (let row = 0; row < length; row++) {
    if (batch[row] === NONE || (flags[row] & TRANSACTION) !== 0 || f[row] !== READ || outcome[row] !== OK) continue;
    if (batchOf[key[row]] !== batch[row] + 1) {
      batchOf[key[row]] = batch[row] + 1;
      rowOf[key[row]] = row;
      continue;
    }
    const first = rowOf[key[row]];
    if (registers.differ(first, row)) findings.add(() => explain(history, first, row));
  }
}

function explain(history: History, first: number, second: number): Anomaly {
  return {
    kind: 'state that contradicts itself',
    sentence:
      `One read of several keys returned both ${value(history, first)} and ${value(history, second)} for ` +
      `${key(history, first)}${answer(history, first)}.`,
    operations: operationsOf(history, [first]),
  };
}
