/** Which rows belong to one object: linearizability is local, so each object is judged by itself. */
import type { Model } from '../model.ts';
import { NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';

export interface Objects {
  /** Per row, the number of its object. */
  readonly of: Int32Array;
  readonly count: number;
}

export function objectsOf(history: History, { partition }: Model): Objects {
  const { key, keys, length } = history;
  if (partition === undefined) return { of: key, count: keys.length };
  if (partition === 'whole') return { of: new Int32Array(length), count: 1 };
  const groups = linkedKeys(history);
  return { of: Int32Array.from(key, (k) => groups.of[k]), count: groups.count };
}

/** Keys that some batch has together are in one group, and so are those that these lead to (Tarjan's union and find). */
function linkedKeys({ batch, key, keys, length }: History): Objects {
  const parent = Int32Array.from(keys, (_, k) => k);
  const find = (k: number): number => {
    let root = k;
    while (parent[root] !== root) {
      parent[root] = parent[parent[root]];
      root = parent[root];
    }
    return root;
  };
  for (let row = 0; row < length; row++) {
    if (batch[row] === NONE || batch[row] === row) continue;
    const [a, b] = [find(key[row]), find(key[batch[row]])];
    // The lower number leads, so that groups are numbered in the order of their first keys.
    if (a !== b) parent[Math.max(a, b)] = Math.min(a, b);
  }
  const of = new Int32Array(keys.length);
  let count = 0;
  for (let k = 0; k < keys.length; k++) of[k] = find(k) === k ? count++ : of[find(k)];
  return { of, count };
}

/** All rows that `keep`, by object, each ascending; linear in the history. */
export function rowsByObject(
  length: number,
  { of, count }: Objects,
  keep: (row: number) => boolean,
): (object: number) => Int32Array {
  const from = new Int32Array(count + 1);
  for (let row = 0; row < length; row++) if (keep(row)) from[of[row] + 1]++;
  for (let object = 0; object < count; object++) from[object + 1] += from[object];
  const rows = new Int32Array(from[count]);
  const next = from.slice();
  for (let row = 0; row < length; row++) if (keep(row)) rows[next[of[row]]++] = row;
  return (object) => rows.subarray(from[object], from[object + 1]);
}
