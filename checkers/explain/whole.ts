/** Objects and operations as a model has them: of some, an object is several keys, and a transaction one operation. */
import { objectsOf } from '../linearizable/partition.ts';
import type { Model } from '../model.ts';
import { METHODS, NONE, READ, TRANSACTION, WRITE } from '../../history/history.ts';
import type { History, Operation } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';

export interface Whole {
  /** Per row, the number of its object. */
  readonly of: Int32Array;
  /** Whether an object may be registers of several keys. */
  readonly isJoint: boolean;
  /** Whether the row stands for its operation. */
  isFirst(row: number): boolean;
  /** A transaction is a `txn`, a read of many keys a `readMany`, of `["r"|"w"|…, key, value]` each. */
  operation(row: number): Operation;
}

/** By default each key is an object, and each row an operation. */
export function wholeOf(history: History, model?: Model): Whole {
  const { batch } = history;
  if (model?.partition === undefined) {
    return { of: history.key, isJoint: false, isFirst: () => true, operation: (row) => history.operation(row) };
  }
  return {
    of: objectsOf(history, model).of,
    isJoint: model.partition === 'linked',
    isFirst: (row) => batch[row] === NONE || batch[row] === row,
    operation: (row) => (batch[row] === NONE ? history.operation(row) : transaction(history, batch[row])),
  };
}

/** The same operations, those of one transaction (or read of many keys) as one. */
export function merged(operations: readonly Operation[]): readonly Operation[] {
  const together = new Map<string, Operation[]>();
  for (const operation of operations) {
    const name = `${operation.index} ${operation.process}`;
    const parts = together.get(name);
    if (parts === undefined) together.set(name, [operation]);
    else parts.push(operation);
  }
  return [...together.values()].map((parts) => {
    if (parts.length === 1) return parts[0];
    const value = parts.map(({ f, key, value: of }): Value => [f === 'read' ? 'r' : f === 'write' ? 'w' : f, key, of]);
    const isRead = parts.every(({ f, isOfTransaction }) => f === 'read' && isOfTransaction !== true);
    return { ...parts[0], f: isRead ? 'readMany' : 'txn', value };
  });
}

function transaction(history: History, first: number): Operation {
  const { batch, f, key, keys, length, value, values } = history;
  const parts: Value[] = [];
  for (let row = first; row < length && batch[row] === first; row++) {
    const what = f[row] === READ ? 'r' : f[row] === WRITE ? 'w' : METHODS[f[row]];
    parts.push([what, keys[key[row]], values.get(value[row])]);
  }
  const name = (history.flags[first] & TRANSACTION) === 0 ? 'readMany' : 'txn';
  return { ...history.operation(first), f: name, value: parts };
}
