/** Many runs in one report: the matrix on the evidence of all, what broke and by which seeds, failovers by cause, a line for each run. */
import { wallTime } from '../../history/clock.ts';
import type { FailoverRecord, RunRecord } from '../../results/record.ts';
import { Summary, type SummedCell } from '../campaign-summary.ts';
import { BadInput } from '../errors.ts';
import { loadSystems } from '../plugins.ts';
import { failuresOf, title } from '../report-text.ts';
import type { System } from '../system.ts';
import { count, duration, many } from '../table.ts';
import { outageNs } from './failover-pictures.ts';
import type { Format } from './formats.ts';
import { type Testcase, suite } from './junit.ts';
import { failedText, markOf, markOfAll } from './mark.ts';
import { cut, html, type Markup, name, prose } from './markup.ts';
import { bounded, matrix } from './markdown.ts';
import { fenced, folded, plain, tableOf } from './markdown-parts.ts';
import { matrixTables } from './matrix-table.ts';
import { documentOf } from './page.ts';

/** Runs that did not keep their promises come first; of the others so many are listed. */
const FAILED_MAX = 1000;
const KEPT_MAX = 300;
/** Cells of one guarantee that the Markdown names. */
const CELLS_MAX = 12;
/** Outages of one cause that are remembered: enough for percentiles. */
const OUTAGES_MAX = 20_000;

export interface CampaignRun {
  readonly id: string;
  readonly seed: number;
  readonly verdict: RunRecord['verdict'];
  readonly exitCode: RunRecord['exitCode'];
  readonly operations: number;
  readonly failovers: number;
  readonly wallMs: number;
  readonly command: string;
  /** The first broken promise, or the first that is undecided. */
  readonly what: string;
}

export interface Cause {
  readonly cause: string;
  readonly failovers: number;
  /** Until a write was answered again; infinite ones are left aside and counted. */
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  readonly never: number;
  readonly lostWrites: number;
}

export interface CampaignReport {
  readonly command: string;
  readonly createdAt: string;
  readonly system: string;
  /** As it was judged, those that failed in the harness included. */
  readonly verdict: RunRecord['verdict'];
  readonly verdicts: Readonly<Record<RunRecord['verdict'], number>>;
  readonly harnessFailures: number;
  readonly operations: number;
  readonly runs: readonly CampaignRun[];
  /** How many runs there were in all. */
  readonly runCount: number;
  readonly cells: readonly SummedCell[];
  readonly causes: readonly Cause[];
}

/** Hears of each run, and remembers what the report tells. */
export class CampaignTally {
  readonly #summary: Summary;
  readonly #system: string;
  readonly #failed: CampaignRun[] = [];
  readonly #kept: CampaignRun[] = [];
  readonly #causes = new Map<string, { outages: number[]; failovers: number; never: number; lost: number }>();

  /** `summary` is told of the runs by whoever made it. */
  constructor(summary: Summary, system: string) {
    this.#summary = summary;
    this.#system = system;
  }

  add(record: RunRecord): void {
    const list = record.exitCode === 0 ? this.#kept : this.#failed;
    if (list.length < (record.exitCode === 0 ? KEPT_MAX : FAILED_MAX)) list.push(runOf(record));
    for (const failover of record.failovers) this.#addFailover(failover, record.failovers);
  }

  #addFailover(one: FailoverRecord, all: readonly FailoverRecord[]): void {
    const cause =
      one.cause === '' || one.cause === 'none'
        ? 'no fault in force'
        : one.cause.includes(',')
          ? 'several faults'
          : one.cause;
    const known = this.#causes.get(cause) ?? { outages: [], failovers: 0, never: 0, lost: 0 };
    this.#causes.set(cause, known);
    const ns = outageNs(one, all);
    known.failovers++;
    known.lost += Object.values(one.lostWrites).reduce((sum, n) => sum + n, 0);
    if (!Number.isFinite(ns)) known.never++;
    else if (known.outages.length < OUTAGES_MAX) known.outages.push(ns);
  }

  report(command: string): CampaignReport {
    const { verdicts, operations, codes, runs } = this.#summary;
    const causes = [...this.#causes].map(([cause, { outages, failovers, never, lost }]): Cause => {
      const sorted = outages.sort((a, b) => a - b);
      const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
      return { cause, failovers, p50Ns: at(0.5), p99Ns: at(0.99), maxNs: at(1), never, lostWrites: lost };
    });
    return {
      command,
      createdAt: wallTime().toISOString(),
      system: this.#system,
      verdict: verdicts.broken > 0 ? 'broken' : verdicts.undecided > 0 ? 'undecided' : 'kept',
      verdicts: { ...verdicts },
      harnessFailures: codes.filter((code) => code === 255).length,
      operations,
      runs: [...this.#failed, ...this.#kept],
      runCount: runs,
      cells: this.#summary.cells(),
      causes: causes.sort((a, b) => b.failovers - a.failovers),
    };
  }
}

function runOf(record: RunRecord): CampaignRun {
  const { id, seed, verdict, exitCode, counts, failovers, wallMs, command, cells } = record;
  const cell = cells.find(({ state }) => state === (verdict === 'broken' ? 'broken' : 'undecided'));
  const why = cell === undefined || verdict === 'kept' ? '' : `${title(cell)}: ${cell.note}`;
  const [failure] = failuresOf(record);
  const failed = failure === undefined ? 'the harness failed' : `the harness failed: ${failure.replace(/[.;]$/, '')}`;
  const both = verdict === 'broken' ? [why, failed] : [failed, why];
  const what = exitCode === 255 || failure !== undefined ? both.filter((one) => one !== '').join('; ') : why;
  const operations = (counts['ok'] ?? 0) + (counts['mismatch'] ?? 0);
  return {
    id,
    seed,
    verdict,
    exitCode,
    operations,
    failovers: failovers.length,
    wallMs,
    command,
    what: cut(what, 300),
  };
}

/** Of stored runs, all of one system. Throws {@link BadInput} where they are not, or where nobody knows the system. */
export async function campaignOf(records: readonly RunRecord[], command: string): Promise<CampaignReport> {
  const [{ system: first }] = records;
  const other = records.find(({ system }) => system !== first);
  if (other !== undefined)
    throw new BadInput(`Runs of ${first} and of ${other.system} have no matrix in common: name runs of one system.`);
  const system: System | undefined = (await loadSystems()).get(first);
  if (system === undefined)
    throw new BadInput(`What '${first}' promises is not known here: give its file with --plugin.`);
  const summary = new Summary(system);
  const tally = new CampaignTally(summary, first);
  for (const record of records) {
    summary.add(record);
    tally.add(record);
  }
  return tally.report(command);
}

export function renderedCampaign(campaign: CampaignReport, format: Format): string {
  switch (format) {
    case 'html':
      return htmlCampaign(campaign);
    case 'markdown':
      return markdownCampaign(campaign);
    case 'junit':
      return junitCampaign(campaign);
    case 'json':
      return `${JSON.stringify({ schema: 1, type: 'campaign-report', sentence: sentenceOf(campaign), ...campaign })}\n`;
  }
}

/** `100 runs: 97 kept, 2 broken, 1 undecided.` */
export function sentenceOf({ verdicts, runCount, harnessFailures }: CampaignReport): string {
  const failed = failedText(harnessFailures);
  return `${count(runCount)} ${runCount === 1 ? 'run' : 'runs'}: ${count(verdicts.kept)} kept, ${count(verdicts.broken)} broken, ${count(verdicts.undecided)} undecided${failed}.`;
}

function htmlCampaign(campaign: CampaignReport): string {
  const { command, system, operations, createdAt, cells, runs, runCount } = campaign;
  const mark = markOfAll(campaign.verdict, campaign.harnessFailures);
  const broken = cells.filter(({ brokenRuns }) => brokenRuns > 0);
  const links = new Map(broken.map((cell, i) => [cell, `broken-${i + 1}`]));
  const head = html`<header><p class="product">Tidemark · a campaign</p>
<div class="verdict ${mark.type}"><span class="sign" aria-hidden="true">${mark.sign}</span><div><h1>${mark.word.toUpperCase()}</h1><p>${sentenceOf(campaign)}</p></div></div>
<p class="facts">${name(system, 60)}; ${count(operations)} operations completed. ${createdAt.slice(0, 19).replace('T', ' ')} UTC.</p><code class="command">${cut(command, 4000)}</code></header>`;
  const list = runs.map((run) => {
    const { sign, word, type } = markOf(run);
    return html`<tr><td class="n">${run.seed}</td><td><b class="state ${type}"><i aria-hidden="true">${sign}</i> ${word}</b></td><td class="n">${count(run.operations)}</td><td class="n">${count(run.failovers)}</td><td class="n">${(run.wallMs / 1000).toFixed(1)} s</td><td>${prose(run.what, 300)}${run.exitCode !== 0 && html`<br><code>${cut(run.command, 600)}</code>`}</td></tr>`;
  });
  const more =
    runCount > runs.length &&
    html`<p class="soft">${count(runCount - runs.length)} ${runCount - runs.length === 1 ? 'more run is' : 'more runs are'} not listed.</p>`;
  return documentOf(
    `${mark.word}: ${many(runCount, 'run')}`,
    [
      head,
      html`<main><section id="promises"><h2>Promises and findings over all runs</h2>${matrixTables(cells, links)}</section>
${broken.length > 0 && html`<section id="broken"><h2>Broken promises</h2>${broken.map((cell) => brokenCell(cell, links.get(cell) ?? ''))}</section>`}
<section id="failovers"><h2>Failovers, by what caused them</h2>${causeTable(campaign)}</section>
<section id="runs"><h2>Runs</h2><div class="scroll"><table class="figures"><thead><tr><th class="n">seed</th><th>verdict</th><th class="n">operations</th><th class="n">failovers</th><th class="n">took</th><th>what, and how to run it again</th></tr></thead><tbody>${list}</tbody></table></div>${more}</section>
<footer>Tidemark. Everything that this page shows is in it; it asks nobody for anything.</footer></main>`,
    ],
    false,
  );
}

function brokenCell(cell: SummedCell, id: string): Markup {
  const [example] = cell.anomalies;
  return html`<section class="promise" id="${id}"><h3><b class="state broken">✗ BROKEN</b> ${title(cell)}</h3><p>${capital(brokenIn(cell))}, ${cell.anomalyCount === 1 ? 'once' : `${count(cell.anomalyCount)} times in all`}.</p>${example !== undefined && html`<p class="soft">e.g. ${prose(example.sentence)}</p>`}</section>`;
}

/** `in 2 runs, first by seeds 3, 7` */
function brokenIn({ brokenRuns, seeds }: SummedCell): string {
  return `in ${many(brokenRuns, 'run')}, ${brokenRuns === 1 ? 'by' : 'first by'} ${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ')}`;
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const causeHead = [
  'cause',
  'failovers',
  'no write, p50',
  'p99',
  'longest',
  'no write again',
  'acknowledged writes lost',
];

function causeRow(one: Cause): readonly string[] {
  return [
    one.cause,
    count(one.failovers),
    duration(one.p50Ns),
    duration(one.p99Ns),
    duration(one.maxNs),
    count(one.never),
    count(one.lostWrites),
  ];
}

function causeTable({ causes }: CampaignReport): Markup {
  if (causes.length === 0) return html`<p>No leader was replaced in any of the runs.</p>`;
  const rows = causes
    .map(causeRow)
    .map(
      ([cause, ...figures]) =>
        html`<tr><th>${name(cause, 80)}</th>${figures.map((text) => html`<td class="n">${text}</td>`)}</tr>`,
    );
  return html`<div class="scroll"><table class="figures"><thead><tr>${causeHead.map((head, i) => html`<th class="${i > 0 ? 'n' : ''}">${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function markdownCampaign(campaign: CampaignReport): string {
  const { cells, runs, causes, command } = campaign;
  const { type, word } = markOfAll(campaign.verdict, campaign.harnessFailures);
  const sign = { kept: '✅', broken: '❌', undecided: '❔', failed: '⚠️' }[type];
  const some = cells.filter(({ brokenRuns }) => brokenRuns > 0);
  // As in the report of a run: by guarantee, the cell that broke most often first.
  const broken = [...new Set(some.map(({ guarantee }) => guarantee))].flatMap((guarantee) => {
    const mine = some.filter((cell) => cell.guarantee === guarantee).sort((x, y) => y.brokenRuns - x.brokenRuns);
    const example = mine.find(({ anomalies }) => anomalies.length > 0)?.anomalies[0].sentence;
    const rest = mine.length - CELLS_MAX;
    return [
      `- **${guarantee}**${example === undefined ? '' : `: e.g. ${plain(example)}`}`,
      ...mine.slice(0, CELLS_MAX).map((cell) => `  - ${plain(title(cell))}: ${brokenIn(cell)}`),
      ...(rest > 0 ? [`  - and ${count(rest)} more`] : []),
    ];
  });
  const failed = runs.filter(({ exitCode }) => exitCode !== 0).slice(0, 20);
  return bounded([
    `## ${sign} ${word.toUpperCase()}: ${plain(sentenceOf(campaign))}`,
    broken.length === 0 ? '' : `### Broken promises\n\n${broken.join('\n')}`,
    failed.length === 0 ? '' : `### Run again\n\n${fenced(failed.map((run) => run.command).join('\n'), 'sh')}`,
    folded('Promises and findings over all runs', matrix(cells)),
    causes.length === 0
      ? ''
      : folded(
          'Failovers, by what caused them',
          tableOf(
            causeHead,
            causes.map((one) => causeRow(one).map((text) => plain(text))),
            [1, 2, 3, 4, 5, 6],
          ),
        ),
    fenced(cut(command, 4000), 'sh'),
  ]);
}

/** A test for each run. */
function junitCampaign({ runs, system, createdAt, command }: CampaignReport): string {
  const cases = runs.map((run): Testcase => {
    const base = { classname: `tidemark.${system}`, name: `seed ${run.seed}`, seconds: run.wallMs / 1000 };
    const text = `replay: ${run.command}`;
    if (run.verdict === 'broken') return { ...base, outcome: { type: 'failure', message: run.what, text } };
    if (run.exitCode !== 0)
      return {
        ...base,
        outcome: { type: 'error', message: run.what === '' ? `exit code ${run.exitCode}` : run.what, text },
      };
    return base;
  });
  const seconds = runs.reduce((sum, { wallMs }) => sum + wallMs, 0) / 1000;
  return suite(`tidemark campaign of ${system}`, createdAt, seconds, cases, [command]);
}
