/** One run: executed, judged, saved, reported. */
import { join } from 'node:path';
import { type Database, openDatabase } from '../results/database.ts';
import { createRunFolder, newRunId, writePlan, writeRunFiles } from '../results/files.ts';
import { saveJournal } from '../results/journals.ts';
import type { RunRecord } from '../results/record.ts';
import { saveRun } from '../results/save.ts';
import { whyUnsaved } from '../results/unavailable.ts';
import type { Io } from './command.ts';
import { type ExitCode, HARNESS_FAILED, worst } from './errors.ts';
import { onInterrupt } from './interrupt.ts';
import type { ResolvedPlan } from './plan.ts';
import { showProgress } from './progress.ts';
import { judgeRun, plannedOf } from './record-run.ts';
import { closingLines, renderReport } from './report-text.ts';
import { FILE_NAMES, rendered, type Wanted, writeReports } from './report/formats.ts';
import { executeRun } from './run.ts';
import type { Display } from './run-command.ts';

export async function single(plan: ResolvedPlan, display: Display, bail: boolean, io: Io): Promise<ExitCode> {
  const home = join(io.cwd, '.tidemark');
  // It starts while the run runs; whether it could is asked at the end.
  const opening = display.database ? openDatabase({ folder: home, url: io.env.TIDEMARK_DATABASE_URL }) : undefined;
  const id = newRunId();
  const folder = createRunFolder(home, id);
  // What is left of a run that is killed tells what it was.
  writePlan(folder, plannedOf(plan));
  const journal = join(folder, 'journal.jsonl');
  const interrupt = onInterrupt(io.err);
  let stopProgress: () => void = () => undefined;
  const ended = await executeRun(plan, {
    journal,
    run: { id, logs: join(folder, 'nodes') },
    watching: (look) => {
      stopProgress = showProgress(io, display.progress, look);
    },
    stopped: () => interrupt.asked,
    bail,
  });
  stopProgress();
  const said = ended.notStarted === undefined ? 'the run went wrong: ' : '';
  for (const failure of ended.failures) io.err(`tidemark: ${said}${failure}\n`);
  const record = await judgeRun({ plan, ended, journal, id, labels: display.labels, histograms: true });
  const text = renderReport(record, { color: false });
  writeRunFiles(folder, record, text);
  const wasReported = report(record, folder, display.reports, io);
  if (opening !== undefined) await save(opening, record, display.storeJournal ? journal : undefined, io);
  interrupt.end();
  if (display.json) io.out(`${JSON.stringify({ schema: 1, type: 'run', ...record })}\n`);
  else if (ended.notStarted === undefined) {
    // Else a list of all that is undecided would hide why.
    if (!display.quiet) io.out(`${io.colour.out ? renderReport(record, { color: true }) : text}\n`);
    io.out(
      `${closingLines(record, join('.tidemark', 'runs', id, wasReported ? FILE_NAMES.html : 'report.txt')).join('\n')}\n`,
    );
  }
  return wasReported ? record.exitCode : worst([record.exitCode, HARNESS_FAILED]);
}

/** Whether all were written; if not, the verdict stands, and one line says what is missing and why. */
function report(record: RunRecord, folder: string, reports: readonly Wanted[], io: Io): boolean {
  try {
    writeReports([{ format: 'html' }, ...reports], (format) => rendered(record, format), folder, io.cwd);
    return true;
  } catch (error) {
    io.err(`tidemark: a report of run ${record.id} was not written: ${(error as Error).message}\n`);
    return false;
  }
}

/** Without a database the verdict and the files stand, and one line says what was not saved and why. */
async function save(opening: Promise<Database>, record: RunRecord, journal: string | undefined, io: Io): Promise<void> {
  try {
    const database = await opening;
    try {
      await saveRun(database, record);
      if (journal !== undefined) await saveJournal(database, journal, record.journalSha256);
    } finally {
      await database.close();
    }
  } catch (error) {
    const later = `Its files are whole; 'tidemark results import ${record.id}' saves it later.`;
    io.err(`tidemark: run ${record.id} was not saved in the database: ${whyUnsaved(error)}. ${later}\n`);
  }
}
