import { join } from 'node:path';
import { printable } from '../../checkers/explain/labels.ts';
import { type RunFilter, type RunSummary, verdictWord } from '../../results/summary.ts';
import type { StoredRuns } from '../../results/stored.ts';
import type { CommandModule } from '../command.ts';
import { BadInput, KEPT, unknownName } from '../errors.ts';
import { loadSystems } from '../plugins.ts';
import { labelsText } from '../printable-record.ts';
import { count, table } from '../table.ts';

const verdicts = ['kept', 'broken', 'undecided'] as const;

export default {
  name: 'list',
  about: 'List the stored runs, newest first.',
  register(program, io) {
    program
      .command('list')
      .option('--limit <n>', 'at most so many', '20')
      .option('--system <name>', 'of this system only')
      .option('--verdict <verdict>', `with this verdict only: ${verdicts.join(', ')}`)
      .option('--label <label>', 'with this label only: key=value, or a value')
      .option('--json', 'one JSON object a line')
      .action(async ({ limit, system, verdict, label, json }) => {
        const wanted = verdicts.find((one) => one === verdict);
        if (verdict !== undefined && wanted === undefined) throw unknownName('verdict', verdict, verdicts);
        const filter: RunFilter = {
          limit: limitOf(limit),
          ...(system === undefined ? {} : { system }),
          ...(wanted === undefined ? {} : { verdict: wanted }),
          ...(label === undefined ? {} : { label }),
        };
        const { openStoredRuns } = await import('../../results/stored.ts');
        const warn = (sentence: string): void => io.err(`tidemark: ${printable(sentence)}\n`);
        const stored = await openStoredRuns({
          folder: join(io.cwd, '.tidemark'),
          url: io.env.TIDEMARK_DATABASE_URL,
          warn,
        });
        try {
          if (system !== undefined) await checkSystem(system, stored);
          const runs = await stored.list(filter);
          if (json === true) for (const run of runs) io.out(`${JSON.stringify({ schema: 1, type: 'run', ...run })}\n`);
          else if (runs.length === 0) io.err('tidemark: no stored runs\n');
          else for (const line of listText(runs)) io.out(`${line}\n`);
          io.exit(KEPT);
        } finally {
          await stored.close();
        }
      });
  },
} satisfies CommandModule;

/** There are those that can be run, and those that were. */
async function checkSystem(name: string, stored: StoredRuns): Promise<void> {
  const systems = await loadSystems();
  if (systems.has(name) || (await stored.list({ system: name, limit: 1 })).length > 0) return;
  const ran = (await stored.list({})).map((run) => run.system);
  throw unknownName('system', name, [...new Set([...systems.keys(), ...ran])].sort());
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (!/^\d{1,9}$/.test(text) || limit < 1) throw new BadInput(`--limit ${text}: a whole number from 1 on is needed.`);
  return limit;
}

const headings = [
  'id',
  'when (UTC)',
  'system',
  'workload',
  'faults',
  'seed',
  'verdict',
  'operations',
  'labels',
] as const;

function listText(runs: readonly RunSummary[]): readonly string[] {
  const rows = runs.map((run) =>
    [
      run.id,
      run.createdAt.slice(0, 19).replace('T', ' '),
      run.system,
      run.workloads.join(','),
      shortened(run.faults),
      String(run.seed),
      verdictWord(run),
      count(run.operations),
      labelsText(run.labels),
    ].map(printable),
  );
  return table(
    [headings, ...rows],
    headings.map((heading) => (heading === 'seed' || heading === 'operations' ? 'right' : 'left')),
  );
}

/** A mix of a dozen names would fill the line. */
function shortened(faults: readonly string[]): string {
  if (faults.length === 0) return 'none';
  return faults.length <= 3 ? faults.join(',') : `${faults[0]} and ${faults.length - 1} more`;
}
