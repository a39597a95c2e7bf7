import type { CommandModule } from '../command.ts';
import { list } from '../flags.ts';

const examples = `
Examples:
  tidemark check journal.jsonl                            all guarantees that the history tells about
  tidemark check *.edn --model cas-register --initial 0   Jepsen's and Knossos's histories
  gunzip -c journal.jsonl.gz | tidemark check - --guarantee linearizable,read-your-writes
  tidemark check queue.edn --model fifo-queue             linearizable as a queue; see 'tidemark catalog models'
  tidemark check stack.jsonl --model ./stack.mjs          as your own model: { name, about, methods, initial, step }
  tidemark check elle.edn                                 transactions: linearizable (strictly serializable), and causal
  tidemark check elle.edn --guarantee sequential,causal   weaker levels, by name: causal-memory, causal-weak as well
  tidemark check journal.jsonl --path follower            the reads of one path, and all writes
  tidemark check mutated.jsonl --processes overlapping    processes that have several operations open at once
  tidemark check journal.jsonl --staleness                how stale reads were, by path and node
  tidemark check journal.jsonl --svg pictures             each anomaly as a timeline
  tidemark check *.edn --initial 0 --format knossos-edn   for tools that read Knossos's results
  tidemark check journal.jsonl --guarantee bounded-staleness --bound 500ms`;

export default {
  name: 'check',
  about: 'Judge histories from anywhere: our journals, JSON, EDN; gzipped or not.',
  register(program, io) {
    program
      .command('check')
      .argument('<file...>', 'histories; - is standard input')
      .option(
        '--model <name>',
        "what each key is, for linearizable: one of 'tidemark catalog models', or a file of your own, ./model.mjs (default: cas-register; multi-register for transactions of reads and writes)",
      )
      .option(
        '--guarantee <names>',
        'guarantees to judge (default: all that the history tells about)',
        list('--guarantee'),
        [] as readonly string[],
      )
      .option('--initial <json>', 'what a register holds before the first write (default: null)')
      .option(
        '--nil-read <how>',
        'an ok read of null: initial, or any state (default: any where --initial is not null)',
      )
      .option('--failed-cas <how>', 'a cas that failed with mismatch: constrain the state, or ignore it', 'constrain')
      .option('--independent', "values are Jepsen's independent tuples, [key value]")
      .option('--no-independent', 'values that are pairs are just values')
      .option(
        '--thread <whose>',
        "whether session guarantees follow the user's session, or each of its devices by itself: session or device",
        'session',
      )
      .option('--bound <time>', 'how old answers may be, for bounded-staleness (default: what paths bounded-<n>ms say)')
      .option(
        '--staleness',
        'also tell how stale reads were: Δ, k, and for each path and node their ages and visibility',
      )
      .option('--path <name>', 'only the reads of this path, and all writes')
      .option('--budget <limits>', 'time and memory for each guarantee of each file: 60s,4GB', '60s,4GB')
      .option('--format <name>', 'text, json, knossos (its result map as JSON) or knossos-edn (default: text)')
      .option('--jobs <n>', 'how many workers judge one file at the same time (default: one a core, at most 4)')
      .option(
        '--processes <how>',
        'whether a process has one operation open at a time, or several: sequential or overlapping',
        'sequential',
      )
      .option('--json', 'one JSON object a verdict; the same as --format json')
      .option('--svg <folder>', 'a picture of each anomaly shown')
      .addHelpText('after', examples)
      .action(async (files, options) => {
        const { check } = await import('../check.ts');
        io.exit(await check(files, options, io));
      });
  },
} satisfies CommandModule;
