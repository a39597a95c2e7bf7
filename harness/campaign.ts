/**
 * Many runs with successive seeds, on all cores: a line each, a summary, evidence added up. What has been judged is written
 * down at once, so that an interrupted campaign goes on where it was when the same command is given again.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import { MILLISECOND, realClock } from '../history/clock.ts';
import { type Database, openDatabase } from '../results/database.ts';
import { createRunFolder, newRunId, runFolder, writeRunFiles } from '../results/files.ts';
import { saveJournal } from '../results/journals.ts';
import type { RunRecord } from '../results/record.ts';
import { saveRun } from '../results/save.ts';
import { whyUnsaved } from '../results/unavailable.ts';
import type { Done, Order } from './campaign-worker.ts';
import { Summary } from './campaign-summary.ts';
import type { Io } from './command.ts';
import { type ExitCode, HARNESS_FAILED, worst } from './errors.ts';
import { type Interrupt, onInterrupt } from './interrupt.ts';
import type { Plan, ResolvedPlan } from './plan.ts';
import { runPool } from './pool.ts';
import { replayCommand } from './replay.ts';
import { renderReport } from './report-text.ts';
import { CampaignTally, renderedCampaign } from './report/campaign.ts';
import { writeReports } from './report/formats.ts';
import type { Display } from './run-command.ts';
import { count } from './table.ts';
import { version } from './version.ts';

export interface CampaignOptions {
  readonly plan: ResolvedPlan;
  readonly display: Display;
  readonly io: Io;
  readonly runs: number;
  readonly jobs: number;
  readonly shard: { readonly index: number; readonly of: number };
  readonly bail: number | undefined;
  readonly lastFailed: boolean;
  readonly fresh: boolean;
  readonly keepAll: boolean;
}

export async function campaign(options: CampaignOptions): Promise<ExitCode> {
  const { plan, display, io } = options;
  const home = join(io.cwd, '.tidemark');
  const ledger = openLedger(home, options);
  const opening = display.database ? openDatabase({ folder: home, url: io.env.TIDEMARK_DATABASE_URL }) : undefined;
  const summary = new Summary(plan.use.system);
  const tally = new CampaignTally(summary, plan.use.system.name);
  for (const record of ledger.done.values()) {
    summary.add(record);
    tally.add(record);
  }
  const seeds = ledger.seeds.filter((seed) => !ledger.done.has(seed));
  if (ledger.done.size > 0) {
    io.err(
      `tidemark: going on with an interrupted campaign: ${count(ledger.done.size)} of ${count(ledger.seeds.length)} runs are judged (--fresh begins anew)\n`,
    );
  }
  const interrupt = onInterrupt(io.err);
  const saving = new Saving(opening, home, display.storeJournal, io);
  const clock = realClock();
  await perform(options, seeds, interrupt, (done) => {
    const record = { ...done.record, labels: display.labels };
    for (const failure of done.failures) io.err(`tidemark: the run of seed ${record.seed} went wrong: ${failure}\n`);
    ledger.write(record);
    summary.add(record);
    tally.add(record);
    keepFiles(home, { ...done, record });
    saving.add(record);
    if (display.json) io.out(`${JSON.stringify({ schema: 1, type: 'run', ...record })}\n`);
    else if (!display.quiet) io.out(`${line(record)}\n`);
  });
  await saving.end();
  interrupt.end();
  const complete = summary.runs === ledger.seeds.length;
  if (complete) ledger.finish();
  const wallMs = clock.now() / MILLISECOND;
  if (display.json)
    io.out(`${JSON.stringify({ schema: 1, type: 'campaign', ...summary.json(), wallMs: Math.round(wallMs) })}\n`);
  else
    io.out(
      `\n${summary.render({ color: io.colour.out, wallMs, ran: seeds.length, quiet: display.quiet, replay: replayCommand(plan.use.asked) })}\n`,
    );
  const wasReported = report(tally, options, join(home, 'campaigns', `${ledger.name}.report`));
  if (!complete)
    io.err(
      `tidemark: ${count(ledger.seeds.length - summary.runs)} runs were not made; the same command goes on with them\n`,
    );
  return worst(wasReported ? summary.codes : [...summary.codes, HARNESS_FAILED]);
}

/** The summary in the formats that were asked for; says where each lies, or, in one line, why one is missing. */
function report(tally: CampaignTally, { display, plan, io, runs }: CampaignOptions, folder: string): boolean {
  if (display.reports.length === 0) return true;
  try {
    const summed = tally.report(`${replayCommand(plan.use.asked)} --runs ${runs}`);
    mkdirSync(folder, { recursive: true });
    for (const path of writeReports(display.reports, (format) => renderedCampaign(summed, format), folder, io.cwd))
      if (!display.json) io.out(`report   ${relative(io.cwd, path)}\n`);
    return true;
  } catch (error) {
    io.err(`tidemark: a report was not written: ${(error as Error).message}\n`);
    return false;
  }
}

/** Deals seeds to workers until none is left, the user has had enough, or enough have failed. */
async function perform(
  options: CampaignOptions,
  seeds: readonly number[],
  interrupt: Interrupt,
  told: (done: Done) => void,
): Promise<void> {
  const { plan, jobs, bail, io, keepAll } = options;
  const queue = seeds.values();
  let broken = 0;
  // Of many runs each goes on to its end, so that its evidence counts in full; a single one is stopped as without --runs.
  const alone = bail === 1 && options.runs === 1;
  const next = (): Order | undefined => {
    if (interrupt.asked || (bail !== undefined && broken >= bail)) return undefined;
    const { value: seed } = queue.next();
    return seed === undefined ? undefined : { plan: { ...plan.use.asked, seed }, id: newRunId(), bail: alone };
  };
  await runPool({
    jobs: Math.min(jobs, seeds.length),
    setup: { folder: join(io.cwd, '.tidemark', 'runs', `.campaign-${newRunId()}`), keepAll },
    next,
    done: (done) => {
      if (done.record.verdict === 'broken') broken++;
      told(done);
    },
  });
}

/** Runs that broke a promise, stayed undecided, or were asked for keep their files; a seed remakes the rest. */
function keepFiles(home: string, { record, journal, logs }: Done): void {
  if (journal === undefined) return;
  const folder = createRunFolder(home, record.id);
  renameSync(journal, join(folder, 'journal.jsonl'));
  if (logs !== undefined) renameSync(logs, join(folder, 'nodes'));
  writeRunFiles(folder, record, renderReport(record, { color: false }));
}

function line(record: RunRecord): string {
  const { seed, verdict, counts, cells } = record;
  const done = (counts.ok ?? 0) + (counts.mismatch ?? 0);
  const why =
    verdict === 'kept'
      ? ''
      : `  ${cells
          .filter((cell) => cell.state === (verdict === 'broken' ? 'broken' : 'undecided'))
          .slice(0, 3)
          .map((cell) => [cell.guarantee, cell.writePath, cell.readPath].filter(Boolean).join('/'))
          .join(', ')}`;
  const failed = record.exitCode === 255 ? '  HARNESS FAILED' : '';
  return `seed ${String(seed).padEnd(8)} ${verdict.padEnd(9)} ${count(done).padStart(9)} operations  ${String(counts.failovers ?? 0).padStart(3)} failovers  ${(record.wallMs / 1000).toFixed(1).padStart(5)} s${why}${failed}`;
}

interface Ledger {
  readonly name: string;
  readonly seeds: readonly number[];
  /** Runs that were judged before this command was given. */
  readonly done: ReadonlyMap<number, RunRecord>;
  write(record: RunRecord): void;
  finish(): void;
}

/** `.tidemark/campaigns/<hash of plan>.jsonl` while it goes on; `<hash>.last.jsonl` once it is complete. */
function openLedger(home: string, { plan, runs, shard, lastFailed, fresh }: CampaignOptions): Ledger {
  const asked = plan.use.asked;
  const folder = join(home, 'campaigns');
  mkdirSync(folder, { recursive: true });
  const name = hash({ ...asked, runs, shard, version: version() });
  const file = join(folder, `${name}${lastFailed ? '.failed' : ''}.jsonl`);
  const last = join(folder, `${name}.last.jsonl`);
  let seeds = Array.from({ length: runs }, (_, i) => asked.seed + i).filter((_, i) => i % shard.of === shard.index - 1);
  if (lastFailed) {
    const failed = new Set(
      [...readLedger(last).values()].filter((record) => record.exitCode !== 0).map((record) => record.seed),
    );
    seeds = seeds.filter((seed) => failed.has(seed));
  }
  if (fresh || lastFailed) rmSync(file, { force: true });
  return {
    name,
    seeds,
    done: readLedger(file),
    write: (record) => appendFileSync(file, `${JSON.stringify(slim(record))}\n`),
    finish: () => {
      if (!existsSync(file)) return;
      if (lastFailed) rmSync(file);
      else renameSync(file, last);
    },
  };
}

/** Enough for the summary and the exit code; anomalies are in the run's own files. */
function slim(record: RunRecord): RunRecord {
  return {
    ...record,
    latencies: [],
    cells: record.cells.map((cell) => ({ ...cell, anomalies: cell.anomalies.slice(0, 1) })),
  };
}

function readLedger(file: string): Map<number, RunRecord> {
  const records = new Map<number, RunRecord>();
  if (!existsSync(file)) return records;
  for (const text of readFileSync(file, 'utf8').split('\n')) {
    try {
      const record = JSON.parse(text) as RunRecord; // our own file
      records.set(record.seed, record);
    } catch {
      // The line that was being written when the campaign was killed: its seed runs again.
    }
  }
  return records;
}

function hash(plan: Plan & { readonly runs: number; readonly shard: unknown; readonly version: string }): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 16);
}

/** Saves runs one after another while others are made; the first failure is said once and ends the saving. */
class Saving {
  /** Undefined where files alone are kept. */
  readonly #opening: Promise<Database> | undefined;
  readonly #home: string;
  readonly #journals: boolean;
  readonly #io: Io;
  #chain: Promise<void> = Promise.resolve();
  #unsaved = 0;
  #why: string | undefined;

  constructor(opening: Promise<Database> | undefined, home: string, journals: boolean, io: Io) {
    this.#opening = opening;
    this.#home = home;
    this.#journals = journals;
    this.#io = io;
  }

  add(record: RunRecord): void {
    this.#chain = this.#chain.then(async () => {
      if (this.#opening !== undefined && this.#why === undefined) {
        try {
          return await this.#save(await this.#opening, record);
        } catch (error) {
          this.#why = whyUnsaved(error);
        }
      }
      this.#unsaved++;
      // What is in no database must be in files, or nothing can be saved later.
      const folder = runFolder(this.#home, record.id);
      if (!existsSync(folder)) writeRunFiles(folder, record, renderReport(record, { color: false }));
    });
  }

  async #save(database: Database, record: RunRecord): Promise<void> {
    await saveRun(database, record);
    const journal = join(runFolder(this.#home, record.id), 'journal.jsonl');
    if (this.#journals && existsSync(journal)) await saveJournal(database, journal, record.journalSha256);
  }

  async end(): Promise<void> {
    await this.#chain;
    if (this.#why !== undefined)
      this.#io.err(
        `tidemark: ${count(this.#unsaved)} runs were not saved in the database: ${this.#why}. Their files are whole; 'tidemark results import' saves them later.\n`,
      );
    await this.#opening?.then((database) => database.close()).catch(() => undefined); // said above, if it mattered
  }
}
