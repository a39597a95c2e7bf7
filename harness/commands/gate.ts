import type { CommandModule } from '../command.ts';

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

const none: readonly string[] = [];

export default {
  name: 'gate',
  about: 'Fail when a candidate breaks a promise, or is slower than its baseline beyond limit and noise.',
  register(program, io) {
    program
      .command('gate')
      .option('--baseline <word>', 'stored runs: an id, label, branch, commit; with --live: a revision to check out')
      .option('--candidate <word>', 'likewise; HEAD is the commit that is checked out')
      .option('--policy <file>', 'what is run, and how much worse what may be (docs/ci.md)', 'gate.yaml')
      .option('--live', 'run both now, by turns: A B B A')
      .option('--prepare <command>', 'with revisions: what makes a checkout ready, such as `npm ci && npm run build`')
      .option('--command <words>', 'how Tidemark is started on both sides (default: that of its folder, else this one)')
      .option('--baseline-command <words>', 'how it is started for the baseline')
      .option('--candidate-command <words>', 'how it is started for the candidate')
      .option('--baseline-set <key=value>', 'a setting of the baseline only (repeatable)', collect, none)
      .option('--candidate-set <key=value>', 'a setting of the candidate only (repeatable)', collect, none)
      .option('--baseline-dir <folder>', 'where the baseline is run')
      .option('--candidate-dir <folder>', 'where the candidate is run')
      .option('--calibrate', 'run the baseline against itself, and keep what this machine makes of it')
      .option('--blocks <number>', 'with --calibrate: how many blocks of four runs (default: 10)')
      .option('--run-timeout <seconds>', 'how long one run may take', '600')
      .option('--report <kind=file>', 'junit, markdown, json or text into a file (repeatable)', collect, none)
      .option('--no-database', 'keep files only')
      .option('--quiet', 'no progress')
      .option('--json', 'one JSON object')
      .action(async (options) => {
        const { gateCommand } = await import('../gate/command.ts');
        io.exit(await gateCommand(options, io));
      });
  },
} satisfies CommandModule;
