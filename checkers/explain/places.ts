/** Operations by where they stand: for sentences that show them no closer. */
import { READ, type History } from '../../history/history.ts';

const NAMED = 3;

/** `operation 6 (line 8)`, `operations 0, 4, 9, … (lines 1, 5, 10, …)`; a read stands where its answer does. */
export function placesOf(history: History, rows: readonly number[]): string {
  const named = rows.slice(0, NAMED).map((row) => ({ row, operation: history.operation(row) }));
  const list = (numbers: readonly (number | undefined)[]): string =>
    `${rows.length === 1 ? '' : 's'} ${numbers.join(', ')}${rows.length > NAMED ? ', …' : ''}`;
  const indices = list(named.map(({ operation }) => operation.index));
  const lines = named.map(({ row, operation: { line, completionLine } }) =>
    history.f[row] === READ ? (completionLine ?? line) : line,
  );
  return `operation${indices}${lines.includes(undefined) ? '' : ` (line${list(lines)})`}`;
}
