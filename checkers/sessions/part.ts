/** Some rows of a history as a history of their own: as large as they are, whatever they were part of. */
import { type Columns, type History, NEVER, NONE } from '../../history/history.ts';
import { historyOf, mapColumns } from '../../history/table.ts';

/** @param rows in ascending order, each once */
export function partOf(history: History, rows: readonly number[]): History {
  const gather = <T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T): T => {
    rows.forEach((row, i) => (to[i] = from[row]));
    return to;
  };
  const columns: Columns = mapColumns(
    (name) => gather(history[name], new Uint8Array(rows.length)),
    (name) => gather(history[name], new Int32Array(rows.length)),
    (name) => gather(history[name], new Float64Array(rows.length)),
  );
  const { call, ret, batch } = columns;
  const moments = [...new Set([...call, ...ret])].filter((at) => at !== NEVER).sort((a, b) => a - b);
  const rank = new Map(moments.map((at, i): [number, number] => [at, i]));
  const keys = numbered(columns.key);
  const firsts = new Map<number, number>();
  let operations = 0;
  for (let row = 0; row < rows.length; row++) {
    call[row] = rank.get(call[row]) ?? NONE;
    ret[row] = rank.get(ret[row]) ?? NEVER;
    columns.key[row] = keys.get(columns.key[row]) ?? NONE;
    if (batch[row] !== NONE) {
      const first = firsts.get(batch[row]) ?? row;
      firsts.set(batch[row], first);
      batch[row] = first;
    }
    if (batch[row] === NONE || batch[row] === row) operations++;
  }
  const { filter: _filter, operation: _operation, length: _length, eventIndex, lines, ...others } = history;
  return historyOf({
    ...others,
    ...columns,
    operations,
    keys: [...keys.keys()].map((key) => history.keys[key]),
    positions: moments.length,
    eventIndex: Int32Array.from(moments, (at) => (eventIndex === undefined ? at : eventIndex[at])),
    ...(lines === undefined ? {} : { lines: lines.moved((position) => moments[position]) }),
    notes: history.notes.map((note) => ({ ...note, at: moments.filter((at) => at < note.at).length })),
  });
}

function numbered(column: Int32Array): Map<number, number> {
  const numbers = new Map<number, number>();
  for (const one of column) if (!numbers.has(one)) numbers.set(one, numbers.size);
  return numbers;
}
