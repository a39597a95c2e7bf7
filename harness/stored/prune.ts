/** `tidemark prune`: shows what would be lost, and with --yes takes it away. */
import { join } from 'node:path';
import { printable } from '../../checkers/explain/labels.ts';
import { wallTime } from '../../history/clock.ts';
import { lossOf, type Loss, pruneRuns, type PruneFilter, runsToPrune } from '../../results/prune.ts';
import type { RunSummary } from '../../results/summary.ts';
import type { Io } from '../command.ts';
import { BadInput, KEPT, unknownName } from '../errors.ts';
import { withStoredRuns } from '../stored-run.ts';
import { labelsText } from '../printable-record.ts';
import { count, table } from '../table.ts';

export interface PruneFlags {
  readonly olderThan?: string | undefined;
  readonly label?: string | undefined;
  readonly system?: string | undefined;
  readonly branch?: string | undefined;
  readonly verdict?: string | undefined;
  readonly keep: readonly string[];
  readonly yes?: true | undefined;
  readonly json?: true | undefined;
}

/** Named one by one; the rest is counted. */
const SHOWN_MAX = 20;
const verdicts = ['kept', 'broken', 'undecided'] as const;

export async function prune(flags: PruneFlags, io: Io): Promise<void> {
  const filter = filterOf(flags);
  const yes = flags.yes === true;
  const json = flags.json === true;
  const folder = join(io.cwd, '.tidemark');
  await withStoredRuns(io, async (stored) => {
    if (stored.incomplete) throw new BadInput('What is in the database cannot be seen now; nothing was removed.');
    const runs = await runsToPrune(stored, filter);
    const ids = runs.map((run) => run.id);
    const loss = await lossOf(stored.database, folder, ids);
    if (json)
      for (const { id } of runs) io.out(`${JSON.stringify({ schema: 1, type: 'prune', run: id, removed: yes })}\n`);
    else if (runs.length === 0) io.out('no stored run is meant\n');
    else for (const line of linesOf(runs, loss, yes)) io.out(`${line}\n`);
    if (yes) await pruneRuns(stored.database, folder, ids);
    if (json) io.out(`${JSON.stringify({ schema: 1, type: 'pruned', runs: runs.length, removed: yes, ...loss })}\n`);
    else if (runs.length > 0) io.out(yes ? 'removed\n' : 'Nothing was removed; --yes removes them.\n');
    io.exit(KEPT);
  });
}

function filterOf({ olderThan, label, system, branch, verdict, keep }: PruneFlags): PruneFilter {
  const wanted = verdicts.find((one) => one === verdict);
  if (verdict !== undefined && wanted === undefined) throw unknownName('verdict', verdict, verdicts);
  const filter = {
    ...(olderThan !== undefined && { before: momentBefore(olderThan) }),
    ...(label !== undefined && { label }),
    ...(system !== undefined && { system }),
    ...(branch !== undefined && { branch }),
    ...(wanted !== undefined && { verdict: wanted }),
  };
  if (Object.keys(filter).length === 0)
    throw new BadInput(
      'Which runs? At least one of --older-than, --label, --system, --branch and --verdict is needed.',
    );
  return { ...filter, keep };
}

const hours = { h: 1, d: 24, w: 168 };

function momentBefore(text: string): string {
  const match = /^(\d{1,5})([hdw])$/.exec(text);
  if (match === null)
    throw new BadInput(`--older-than ${text}: a number of hours, days or weeks is needed: 36h, 90d, 12w.`);
  const moment = wallTime();
  moment.setTime(moment.getTime() - Number(match[1]) * hours[match[2] as keyof typeof hours] * 3_600_000); // the pattern's
  return moment.toISOString();
}

function linesOf(runs: readonly RunSummary[], loss: Loss, yes: boolean): readonly string[] {
  const rows = runs
    .slice(0, SHOWN_MAX)
    .map((run) =>
      [
        `  ${run.id}`,
        run.createdAt.slice(0, 16).replace('T', ' '),
        run.system,
        run.verdict,
        count(run.operations),
        labelsText(run.labels),
      ].map(printable),
    );
  const heading = ['  id', 'when (UTC)', 'system', 'verdict', 'operations', 'labels'];
  const more = runs.length - SHOWN_MAX;
  const tally = verdicts.map((verdict) => `${count(runs.filter((run) => run.verdict === verdict).length)} ${verdict}`);
  return [
    `${yes ? 'Removing' : 'Would remove'} ${count(runs.length)} ${runs.length === 1 ? 'run' : 'runs'} (${tally.join(', ')}), made ${runs.at(-1)?.createdAt.slice(0, 10)} to ${runs[0].createdAt.slice(0, 10)}:`,
    ...table([heading, ...rows], ['left', 'left', 'left', 'left', 'right']),
    ...(more > 0 ? [`  … and ${count(more)} more`] : []),
    `with ${count(loss.anomalies)} anomalies, ${count(loss.histograms)} latency histograms, ${count(loss.journals)} stored journals (${size(loss.journalBytes)}); ` +
      `${count(loss.folders)} folders of files (${size(loss.folderBytes)})`,
  ];
}

function size(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
