/** The matrix for the terminal: a row per (write path, read path), a column per guarantee, in each cell what came of it. */
import { styleText } from 'node:util';
import { type Guarantee, guaranteeNames, guarantees } from '../history/guarantee.ts';
import type { Cell } from '../results/record.ts';
import { count, percent, table } from './table.ts';

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

export function painter(color: boolean): Paint {
  return color ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

export type MatrixCell = Pick<
  Cell,
  'guarantee' | 'writePath' | 'readPath' | 'state' | 'evidence' | 'anomalyCount' | 'suspendedBy'
>;

/** In two lines, for narrow columns. */
export const headings: Readonly<Record<Guarantee, readonly [string, string]>> = {
  linearizable: ['', 'linearizable'],
  'read-your-writes': ['read-your-', 'writes'],
  'monotonic-reads': ['monotonic-', 'reads'],
  'monotonic-writes': ['monotonic-', 'writes'],
  'writes-follow-reads': ['writes-', 'follow-reads'],
  'bounded-staleness': ['bounded-', 'staleness'],
  durable: ['', 'durable'],
  fenced: ['', 'fenced'],
  convergent: ['', 'convergent'],
  'one-leader-per-term': ['one-leader-', 'per-term'],
  sequential: ['', 'sequential'],
  causal: ['', 'causal'],
  'causal-memory': ['causal-', 'memory'],
  'causal-weak': ['causal-', 'weak'],
  'consistent-prefix': ['consistent-', 'prefix'],
  set: ['', 'set'],
  queue: ['', 'queue'],
  log: ['', 'log'],
  counter: ['', 'counter'],
  lock: ['', 'lock'],
};

/** Lines: first what is promised of pairs of paths, then of write paths, then of the whole system. */
export function renderMatrix(cells: readonly MatrixCell[], paint: Paint): string[] {
  const lines: string[] = [];
  for (const scope of ['row', 'write path', 'system'] as const) {
    const some = cells.filter((cell) => guarantees[cell.guarantee].scope === scope);
    if (some.length === 0) continue;
    if (lines.length > 0) lines.push('');
    lines.push(...block(some, scope, paint));
  }
  lines.push(
    '',
    paint('dim', 'Promised: kept, BROKEN, undecided, untried (no fault of this plan puts it to the test).'),
    paint('dim', 'Not promised, so a finding and no failure: holds, violated. The number is what it was judged on.'),
  );
  if (cells.some(({ suspendedBy }) => suspendedBy !== undefined))
    lines.push(paint('dim', '* Promised, but suspended: a fault of this plan goes beyond what the system assumes.'));
  return lines;
}

function block(cells: readonly MatrixCell[], scope: 'row' | 'write path' | 'system', paint: Paint): string[] {
  const columns = guaranteeNames.filter((g) => cells.some((cell) => cell.guarantee === g));
  const label = ({ writePath, readPath }: MatrixCell): string[] =>
    scope === 'row' ? [writePath ?? '', readPath ?? ''] : [scope === 'system' ? 'system' : (writePath ?? '')];
  const names = scope === 'row' ? ['write path', 'read path'] : [scope === 'system' ? '' : 'write path'];
  const rows = new Map<string, string[]>();
  for (const cell of cells) {
    const key = label(cell).join('\0');
    const row = rows.get(key) ?? [...label(cell), ...columns.map(() => '')];
    row[names.length + columns.indexOf(cell.guarantee)] = word(cell, paint);
    rows.set(key, row);
  }
  const first = [...names.map(() => ''), ...columns.map((g) => headings[g][0])];
  const second = [...names, ...columns.map((g) => headings[g][1])];
  const head = first.some((text) => text !== '') ? [first, second] : [second];
  return table([...head.map((row) => row.map((text) => paint('dim', text))), ...rows.values()]);
}

function word(cell: MatrixCell, paint: Paint): string {
  return `${state(cell, paint)}${cell.suspendedBy === undefined ? '' : paint('yellow', '*')}`;
}

function state(cell: MatrixCell, paint: Paint): string {
  const figure = figureOf(cell);
  switch (cell.state) {
    case 'broken':
      return paint(['red', 'bold'], `BROKEN ${figure}`);
    case 'violated':
      return paint('yellow', `violated ${figure}`);
    case 'kept':
      return `${paint('green', 'kept')} ${paint('dim', figure)}`;
    case 'holds':
      return `holds ${paint('dim', figure)}`;
    case 'undecided':
      return paint('magenta', 'undecided');
    case 'not exercised':
      return paint('dim', 'untried');
  }
}

/** The number beside the word: how many anomalies, their share, or what the verdict rests on; nothing where there is none. */
export function figureOf(cell: MatrixCell): string {
  switch (cell.state) {
    case 'broken':
      return `${count(cell.anomalyCount)}x`;
    case 'violated':
      return shareOf(cell);
    case 'kept':
    case 'holds':
      return count(examined(cell));
    case 'undecided':
    case 'not exercised':
      return '';
  }
}

/** What the verdict rests on: sightings, reads, or writes where those were judged, otherwise operations. */
function examined({ evidence }: MatrixCell): number {
  return evidence.sightings ?? evidence.reads ?? evidence.writes ?? evidence.operations;
}

/** Conflicts of linearizability involve whole groups of operations: they are counted, and are no share of the reads. */
function shareOf(cell: MatrixCell): string {
  const { anomalyCount, guarantee } = cell;
  const of = examined(cell);
  return of >= anomalyCount && guarantee !== 'linearizable' ? percent(anomalyCount, of) : `${count(anomalyCount)}x`;
}
