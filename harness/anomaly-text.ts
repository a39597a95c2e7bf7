/** What is printed below an anomaly's sentence: its operations, the last state that worked, and the drawing. */
import type { Anomaly } from '../checkers/checker.ts';
import { partsOf, printable } from '../checkers/explain/labels.ts';
import { lastStateText, timelineLines } from '../checkers/explain/text.ts';
import type { PaintPart } from '../checkers/explain/text.ts';
import { merged } from '../checkers/explain/whole.ts';
import { roundInstant } from '../checkers/linearizable/words.ts';
import { SECOND } from '../history/clock.ts';
import type { Operation } from '../history/history.ts';
import type { Value } from '../history/operation.ts';
import { shownValue } from '../history/shown.ts';
import { type Paint, painter } from './matrix.ts';
import { duration } from './table.ts';

const colours: Readonly<Record<Parameters<PaintPart>[0], Parameters<Paint>[0]>> = {
  shown: 'cyan',
  stuck: 'red',
  pending: 'dim',
  axis: 'dim',
};

/** The drawing is at most so many columns wide; the other lines are as long as they are. */
export function linesOfAnomaly(anomaly: Anomaly, columns: number, colour: boolean): string[] {
  const paint = painter(colour);
  const drawing = timelineLines(anomaly, Math.max(COLUMNS_MIN, columns), (part, text) => paint(colours[part], text));
  const state = lastStateText(anomaly);
  return [
    ...merged(anomaly.operations).map(describe),
    ...(state === '' ? [] : [state]),
    ...(drawing.length === 0 ? [] : ['', ...drawing, '']),
  ];
}

const COLUMNS_MIN = 40;

/** Long values are shown as they are: this is the line that names them. */
const shown = (value: Value | undefined): string => printable(shownValue(value ?? null, Number.POSITIVE_INFINITY));

/** `read x = 12`, `add 5 to c`, `dequeue 2 from q`. */
function whatOf({ f, key, outcome, value, expected }: Operation): string {
  const name = shown(key);
  switch (f) {
    case 'cas':
      return `cas ${name} ${shown(expected)} -> ${shown(value)}`;
    case 'txn':
    case 'readMany':
      return `${f} ${partsOf(value)}`;
    case 'read':
      return outcome === 'ok' ? `read ${name} = ${shown(value)}` : `read ${name}`;
    case 'acquire':
    case 'release':
      return value === null ? `${f} ${name}` : `${f} ${name} (token ${shown(value)})`;
    case 'add':
    case 'append':
    case 'enqueue':
      return `${f} ${shown(value)} to ${name}`;
    case 'dequeue':
    case 'drain':
      if (outcome !== 'ok') return `${f} from ${name}`;
      return value === null ? `${f} from ${name}: empty` : `${f} ${shown(value)} from ${name}`;
    case 'write':
    case 'put':
    case 'get':
    case 'send':
    case 'poll':
      return `${f} ${name} = ${shown(value)}`;
  }
}

const momentOf = (time: number): string => (time < SECOND ? roundInstant(time) : `${(time / SECOND).toFixed(3)} s`);

/** Where it stands in the file it was read from. */
function linesOf({ line, completionLine }: Operation): string {
  if (line === undefined) return '';
  return completionLine === undefined || completionLine === line
    ? ` (line ${line})`
    : ` (lines ${line} and ${completionLine})`;
}

/** One operation on one line: `[118..131] p7 s3 read x = 12 on n2 (follower) at 1.31 s, took 4.02 ms (lines 120 and 133)`. */
export function describe(operation: Operation): string {
  const { index, completionIndex, outcome } = operation;
  const what = whatOf(operation);
  const node = operation.node ? ` on ${operation.node}${operation.role ? ` (${operation.role})` : ''}` : '';
  const session = operation.session ? ` ${operation.session}` : '';
  const took = operation.retTime === undefined ? '' : `, took ${duration(operation.retTime - operation.callTime)}`;
  const at = Number.isFinite(operation.callTime) ? ` at ${momentOf(operation.callTime)}` : '';
  const mark = outcome === 'ok' ? '' : ` (${outcome})`;
  // Names of sessions, nodes and roles are what the history's writer chose.
  return printable(
    `[${index}..${completionIndex ?? ''}] p${operation.process}${session} ${what}${mark}${node}${at}${took}${linesOf(operation)}`,
  );
}
