/** A run as it may be printed: what was imported holds whatever its writer put there, and stores answer what they like. */
import type { Anomaly } from '../checkers/checker.ts';
import { cutTo, printable } from '../checkers/explain/labels.ts';
import type { RunRecord } from '../results/record.ts';

/**
 * The record with all its texts and names {@link printable}, but for the operations of anomalies: their values are shown as values, and
 * who describes them makes that printable.
 */
export function printableRecord(record: RunRecord): RunRecord {
  const { cells, plan, ...rest } = record;
  return {
    ...shown(rest),
    plan: { ...shown(plan), ...(plan['failures'] === undefined ? {} : { failures: linesOf(plan['failures']) }) },
    cells: cells.map(({ anomalies, ...cell }) => ({ ...shown(cell), anomalies: anomalies.map(anomalyOf) })),
  };
}

/** Of failures only the first line is told, so the ends of their lines stay what they are. */
function linesOf(failures: unknown): unknown {
  if (!Array.isArray(failures)) return shown(failures);
  return failures.map((one: unknown) =>
    typeof one === 'string' ? one.split('\n').map(textOf).join('\n') : shown(one),
  );
}

function anomalyOf(anomaly: Anomaly): Anomaly {
  return {
    kind: printable(anomaly.kind),
    sentence: printable(anomaly.sentence),
    operations: anomaly.operations,
    // Found out when it is first read, as that of the original.
    get lastState() {
      return anomaly.lastState;
    },
  };
}

/** Plain data of the same shape. */
function shown<T>(value: T): T {
  return inner(value) as T; // only texts and names have changed
}

function inner(value: unknown): unknown {
  if (typeof value === 'string') return textOf(value);
  if (Array.isArray(value)) return value.map(inner);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [textOf(name), inner(of)]));
}

/** Most are plain, and some are long. */
function textOf(text: string): string {
  return /[^\x20-\x7e]|##|::/.test(text) ? printable(text) : text;
}

const LABELS_SHOWN = 12;
const LABEL_COLUMNS = 60;

/** `kind=nightly ticket=T-1`, each cut to what a table has room for. */
export function labelsText(labels: RunRecord['labels']): string {
  const all = Object.entries(labels);
  const some = all
    .slice(0, LABELS_SHOWN)
    .map(([name, value]) => cutTo(printable(`${name}=${value}`.slice(0, LABEL_COLUMNS + 1)), LABEL_COLUMNS));
  return [...some, ...(all.length > LABELS_SHOWN ? [`and ${all.length - LABELS_SHOWN} more`] : [])].join(' ');
}
