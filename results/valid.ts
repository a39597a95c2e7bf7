/** Whether what comes from a file is a run. The database looks at the rest: numbers, and states of cells. */
import type { RunRecord } from './record.ts';

export const RUN_ID = /^\d{8}-\d{6}-\d{3}-[0-9a-z]{6}$/;

const verdicts: readonly unknown[] = ['kept', 'broken', 'undecided'] satisfies RunRecord['verdict'][];

type Test = readonly [what: string, holds: (value: unknown) => boolean];

const aText: Test = ['a text', (value) => typeof value === 'string'];
const aNumber: Test = ['a number', (value) => typeof value === 'number'];
const aMap: Test = ['a map', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)];
const aList: Test = ['a list of maps', (value) => Array.isArray(value) && value.every(aMap[1])];

const fields: Readonly<Record<string, Test>> = {
  id: ['the id of a run', (value) => typeof value === 'string' && RUN_ID.test(value)],
  createdAt: [
    'a time in UTC',
    (value) => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(value),
  ],
  command: aText,
  labels: aMap,
  system: aText,
  environment: aText,
  seed: ['a whole number', Number.isSafeInteger],
  plan: aMap,
  versions: aMap,
  verdict: ['kept, broken or undecided', (value) => verdicts.includes(value)],
  exitCode: aNumber,
  virtualNs: aNumber,
  wallMs: aNumber,
  counts: aMap,
  cells: aList,
  faults: aList,
  latencies: aList,
  staleness: aList,
  failovers: aList,
  journalSha256: aText,
};

/** The record, or the sentence that says why it is none. */
export function recordOf(given: unknown): RunRecord | string {
  if (!aMap[1](given)) return 'no run';
  const record = given as Readonly<Record<string, unknown>>; // it is a map
  for (const [name, [what, holds]] of Object.entries(fields)) {
    if (!holds(record[name])) return `'${name}' of a run must be ${what}`;
  }
  return given as RunRecord; // what is looked at, is so; the database refuses the rest
}
