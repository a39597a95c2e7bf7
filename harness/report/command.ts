/** `tidemark report`: the report of one stored run, or the summary of several. */
import { existsSync, mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { runFolder } from '../../results/files.ts';
import type { RunRecord } from '../../results/record.ts';
import type { Io } from '../command.ts';
import { BadInput, type ExitCode, KEPT } from '../errors.ts';
import { storedRun } from '../stored-run.ts';
import { campaignOf, renderedCampaign } from './campaign.ts';
import { completed } from './complete.ts';
import { checkPlace, FILE_NAMES, type Format, formatNamed, rendered, writing } from './formats.ts';

export interface ReportFlags {
  readonly format: readonly string[];
  readonly output?: string | undefined;
  readonly json?: true | undefined;
}

export async function report(words: readonly string[], flags: ReportFlags, io: Io): Promise<ExitCode> {
  const formats = [...flags.format, ...(flags.json === true ? ['json'] : [])].map(formatNamed);
  const [format = 'html', another] = new Set(formats);
  if (another !== undefined)
    throw new BadInput(`--format ${another}: one format at a time is written, and ${format} is asked for as well.`);
  const { output } = flags;
  if (output !== undefined && output !== '-') checkPlace(`--output ${output}`, resolve(io.cwd, output));
  const home = join(io.cwd, '.tidemark');
  const records: RunRecord[] = [];
  for (const word of words) {
    const record = await storedRun(word, io);
    const same = records.findIndex(({ id }) => id === record.id);
    if (same >= 0)
      throw new BadInput(
        `'${words[same]}' and '${word}' both mean run ${record.id}: name each run once, or it would count twice.`,
      );
    records.push(record);
  }
  const [first] = records;
  if (records.length > 1) {
    if (format === 'html' && output === undefined)
      throw new BadInput('The summary of several runs is no file of one of them: --output FILE says where it goes.');
    const campaign = await campaignOf(records, `tidemark report ${words.join(' ')}`);
    put(renderedCampaign(campaign, format), format, output, undefined, io);
    return KEPT;
  }
  const record = completed(first, home, (sentence) => io.err(`tidemark: ${sentence}\n`));
  put(rendered(record, format), format, output, runFolder(home, record.id), io);
  return KEPT;
}

/** HTML goes into the run's folder and the rest to standard output, where nothing else is said. */
function put(text: string, format: Format, output: string | undefined, folder: string | undefined, io: Io): void {
  if (output === '-' || (output === undefined && (format !== 'html' || folder === undefined))) return io.out(text);
  const path = output === undefined ? join(folder ?? io.cwd, FILE_NAMES[format]) : resolve(io.cwd, output);
  // A run that only the database has, has no folder here.
  if (output === undefined && folder !== undefined && !existsSync(folder)) mkdirSync(folder, { recursive: true });
  writing(format, path, () => text);
  io.out(`${relative(io.cwd, path)}\n`);
}
