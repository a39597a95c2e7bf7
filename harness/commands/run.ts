import type { CommandModule } from '../command.ts';
import { list } from '../flags.ts';

function pairs(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export default {
  name: 'run',
  about: 'Deploy a cluster, drive clients and faults at it, judge what happened. One run, or many.',
  register(program, io) {
    program
      .command('run')
      .option('--system <name>', 'the store under test', 'reference')
      .option('--env <name>', 'where the cluster runs', 'simulation')
      .option(
        '--driver <command>',
        'a driver of your own for a store of your own, in any language (docs/add-a-system.md)',
      )
      .option(
        '--endpoint <name=host:port>',
        'where a node of that store is (again for each)',
        pairs,
        [] as readonly string[],
      )
      .option('--compose <file>', 'with --driver: a compose file, whose nodes are labelled tidemark.node')
      .option('--fault-commands <file>', 'with --endpoint: your own commands for faults, as YAML')
      .option('--workload <names>', 'workloads, mixed (default: all)', list('--workload'), [] as readonly string[])
      .option('--fault <names>', 'faults: none, mix, or names (default: mix)', list('--fault'), [] as readonly string[])
      .option('--plan <file>', 'a YAML file with any of these options, and phases of faults (docs/plans.md)')
      .option('--replay <run>', "a stored run again, with the same faults: 'last', an id's beginning, or a label")
      .option('--skip-unsupported', 'leave out faults that cannot be done here, and say so, rather than refuse the run')
      .option('--seed <number>', 'decides everything in a simulation', '1')
      .option('--duration <time>', 'how long clients are driven: 60s, 5m, 1500ms', '60s')
      .option('--nodes <number>', 'nodes in the cluster', '3')
      .option('--load <loop>', 'open: arrivals at a rate; closed: each session asks again after a pause', 'open')
      .option('--rate <number>', 'arrivals per second, open loop', '600')
      .option(
        '--read-path <names>',
        'read paths, or all (default: all, some with one write path only)',
        list('--read-path'),
        [] as readonly string[],
      )
      .option('--write-path <names>', 'write paths (default: all)', list('--write-path'), [] as readonly string[])
      .option('--guarantee <names>', 'guarantees to judge (default: all)', list('--guarantee'), [] as readonly string[])
      .option(
        '--set <key=value>',
        'a setting; `tidemark catalog` lists them (repeatable)',
        pairs,
        [] as readonly string[],
      )
      .option(
        '--report <formats>',
        'reports besides report.html: html, markdown, json, junit; junit=FILE says where (again for more)',
        list('--report'),
        [] as readonly string[],
      )
      .option('--label <key=value>', 'a label to find the run by (repeatable)', pairs, [] as readonly string[])
      .option('--runs <number>', 'this many runs, with successive seeds')
      .option('--jobs <number>', 'runs at once (default: one a processor)')
      .option('--shard <i/n>', 'every n-th of the seeds, beginning with the i-th')
      .option(
        '--bail <number>',
        'stop after this many runs that broke a promise; 1 without --runs: stop the run itself at its first one',
      )
      .option('--last-failed', 'only the seeds that broke or stayed undecided when this command last ran')
      .option('--fresh', 'begin anew where an interrupted --runs would be resumed')
      .option('--keep <which>', 'journals of --runs to keep: failed or all', 'failed')
      .option('--store-journal', 'put the journal into the database too; tidemark results journal gives it back')
      .option('--no-database', 'keep files only; tidemark results import saves them later')
      .option('--progress <style>', 'json: one JSON object a line on stderr')
      .option('--quiet', 'no progress, and only the three closing lines')
      .option('--json', 'only JSON on stdout: one object a run')
      .action(async (options, command) => {
        const { runCommand } = await import('../run-command.ts');
        const given = (attribute: string): boolean =>
          ['cli', 'env'].includes(command.getOptionValueSource(attribute as keyof typeof options) ?? '');
        io.exit(await runCommand(options, io, given));
      });
  },
} satisfies CommandModule;
