import type { CommandModule } from '../command.ts';
import { list } from '../flags.ts';

function pairs(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

const none: readonly string[] = [];

export default {
  name: 'bench',
  about: 'Measure latency and throughput, leader against followers, with a sample of the keys checked.',
  register(program, io) {
    const mixes = list('--mix');
    program
      .command('bench')
      .option('--system <name>', 'the store to be measured', 'reference')
      .option(
        '--env <name>',
        'where the cluster runs; in a simulation the model is measured, not the machine',
        'processes',
      )
      .option('--mix <names>', "YCSB's mixes, one after another: a, b, c, d, e, f (default: b)", mixes, none)
      .option('--distribution <name>', "of the keys: zipfian, latest, uniform (default: the mix's own)")
      .option('--records <number>', 'keys that are loaded first', '1000')
      .option('--value-bytes <number>', 'size of a value; 0: a bare number', '100')
      .option(
        '--read-path <names>',
        'read paths; path@routing chooses whom clients ask (default: the strongest, a follower in turn, the nearest follower)',
        list('--read-path'),
        none,
      )
      .option('--write-path <name>', 'the write path (default: the first that promises durability)')
      .option(
        '--rate <numbers>',
        'operations per second in all, open loop; several: one after another (default: 500)',
        list('--rate'),
        none,
      )
      .option('--ladder', 'look for the highest rate within --limit, for each read path by itself')
      .option('--limit <time>', 'with --ladder: where p99 of the reads is to stay', '20ms')
      .option('--rate-max <number>', 'with --ladder: no more than this', '50000')
      .option('--duration <time>', 'of each measurement', '10s')
      .option('--warm-up <time>', 'before each measurement, not measured', '2s')
      .option('--repeats <number>', 'of each measurement', '1')
      .option('--sessions <number>', 'for each read path', '128')
      .option('--checked-keys <number>', 'keys whose operations are recorded and judged', '32')
      .option('--nodes <number>', 'nodes in the cluster', '3')
      .option('--seed <number>', 'decides what is asked', '1')
      .option('--set <key=value>', 'a setting; `tidemark catalog` lists them (repeatable)', pairs, none)
      .option('--label <key=value>', 'a label to find the run by (repeatable)', pairs, none)
      .option('--no-database', 'keep files only')
      .option('--quiet', 'no progress')
      .option('--json', 'only JSON on stdout: one object a mix')
      .action(async ({ mix, ...options }) => {
        const { benchCommand } = await import('../bench/command.ts');
        io.exit(await benchCommand({ ...options, mix: mix.length === 0 ? ['b'] : mix }, io));
      });
  },
} satisfies CommandModule;
