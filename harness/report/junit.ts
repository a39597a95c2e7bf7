/** The report of a run as JUnit XML: a test for each promise, so that any CI shows which one broke. */
import type { Cell, RunRecord } from '../../results/record.ts';
import { faultRows, unsupportedLines } from '../report-faults.ts';
import { failuresOf, title } from '../report-text.ts';
import { count } from '../table.ts';
import { verdictSentence } from './answers.ts';
import { cut, html, type Markup, type Piece } from './markup.ts';

const EXAMPLES_MAX = 3;
/** Findings are no tests, and neither are faults; the first of them are told beside. */
const FINDINGS_MAX = 100;
const FAULTS_MAX = 100;

/** What a test came to; absent: it passed. */
export interface Testcase {
  readonly classname: string;
  readonly name: string;
  readonly seconds?: number;
  readonly outcome?: {
    readonly type: 'failure' | 'error' | 'skipped';
    readonly message: string;
    readonly text?: string;
  };
}

export function junitReport(record: RunRecord): string {
  const promised = record.cells.filter(
    ({ state, suspendedBy }) => state !== 'holds' && state !== 'violated' && suspendedBy === undefined,
  );
  const cases = [wholeOf(record), ...promised.map((cell) => caseOf(record, cell))];
  const findings = record.cells.filter(({ state }) => state === 'violated').slice(0, FINDINGS_MAX);
  const faults = faultRows(record).map(({ fault, times, effect, warnings }) => {
    const came = [effect, ...warnings].filter((text) => text !== '');
    return `fault: ${fault}, ${count(times)} ${times === 1 ? 'time' : 'times'}: ${came.join('; ')}`;
  });
  const out = [
    `replay: ${record.command}`,
    ...faults.slice(0, FAULTS_MAX),
    ...unsupportedLines(record),
    ...findings.map((cell) => `finding: ${title(cell)}: ${cell.note}`),
  ];
  return suite(
    `tidemark ${record.system} ${record.environment} seed ${record.seed}`,
    record.createdAt,
    record.wallMs / 1000,
    cases,
    out,
  );
}

/** Whatever no promise is to blame for: nothing was decided, or the harness failed. */
function wholeOf(record: RunRecord): Testcase {
  const { system, exitCode, verdict, counts } = record;
  const base = { classname: `tidemark.${system}`, name: 'the run as a whole', seconds: record.wallMs / 1000 };
  if (exitCode === 255 || exitCode === 254 || (counts['harness failures'] ?? 0) > 0)
    return {
      ...base,
      outcome: {
        type: 'error',
        // Of a run that broke a promise as well, the exit code is that of the promise.
        message: `the harness itself failed${exitCode === 1 ? '' : ` (exit code ${exitCode})`}: ${failuresOf(record).join('; ') || 'see what the run said'}`,
      },
    };
  if (verdict === 'undecided')
    return { ...base, outcome: { type: 'error', message: `undecided: ${verdictSentence(record)}` } };
  return base;
}

function caseOf({ system, command }: RunRecord, cell: Cell): Testcase {
  const { guarantee, state, note, anomalies, anomalyCount } = cell;
  const name = title(cell);
  const base = { classname: `tidemark.${system}.${guarantee}`, name };
  if (state === 'broken') {
    const told = anomalies.slice(0, EXAMPLES_MAX).map(({ kind, sentence }) => `${kind}: ${cut(sentence, 1000)}`);
    const text = [...told, `${count(anomalyCount)} in all`, `replay: ${command}`].join('\n');
    return { ...base, outcome: { type: 'failure', message: cut(note, 500), text } };
  }
  if (state === 'kept') return base;
  const why = state === 'undecided' ? `undecided: ${note}` : 'untried: no fault of this plan puts it to the test';
  return { ...base, outcome: { type: 'skipped', message: why } };
}

export function suite(
  name: string,
  at: string,
  seconds: number,
  cases: readonly Testcase[],
  out: readonly string[],
): string {
  const of = (type: 'failure' | 'error' | 'skipped'): number =>
    cases.filter(({ outcome }) => outcome?.type === type).length;
  const counts = html`tests="${cases.length}" failures="${of('failure')}" errors="${of('error')}" skipped="${of('skipped')}" time="${seconds.toFixed(3)}"`;
  const tests = cases.map(
    (
      one,
    ) => html`<testcase classname="${cut(one.classname, 200)}" name="${cut(one.name, 300)}" time="${(one.seconds ?? 0).toFixed(3)}">${outcomeOf(one)}</testcase>
`,
  );
  const xml = html`<testsuites name="tidemark" ${counts}><testsuite name="${cut(name, 300)}" timestamp="${at.slice(0, 19)}" ${counts}>
${tests}<system-out>${linesOf(out.map((line) => cut(line, 1000)))}</system-out>
</testsuite></testsuites>
`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml.text}`;
}

function outcomeOf({ outcome }: Testcase): Markup | undefined {
  if (outcome === undefined) return undefined;
  const message = cut(outcome.message, 500);
  if (outcome.type === 'skipped') return html`<skipped message="${message}"/>`;
  const text = linesOf((outcome.text ?? '').split('\n').map((line) => cut(line, 1200)));
  return outcome.type === 'failure'
    ? html`<failure type="broken" message="${message}">${text}</failure>`
    : html`<error type="undecided or failed" message="${message}">${text}</error>`;
}

const newline = html`\n`;

function linesOf(lines: readonly string[]): Piece {
  return lines.map((line, i) => html`${i > 0 && newline}${line}`);
}
