import type { CommandModule } from '../command.ts';

const examples = `
Examples:
  tidemark convert journal.jsonl --output history.edn     for the tools of Jepsen: Knossos, Elle
  tidemark convert history.edn --independent | gzip > journal.jsonl.gz
  tidemark convert mutated.jsonl --processes overlapping  processes stay what they are: check needs to be told as well

In EDN, values of a history with more than one key are independent tuples, [key value], and a comment in the first line
says so: check and convert read them back. Operations of several keys, and what a journal's events tell besides, are written with fields of their own.`;

export default {
  name: 'convert',
  about: "Write a history in another format: our journal, or EDN for Jepsen's tools.",
  register(program, io) {
    program
      .command('convert')
      .argument('<file>', 'a history of any format that check reads; - is standard input')
      .option(
        '--to <format>',
        'edn or jsonl (default: what --output ends with, or else the one that the history is not)',
      )
      .option('--output <file>', 'where to write (default, and -: standard output)')
      .option('--independent', "values are Jepsen's independent tuples, [key value]")
      .option('--no-independent', 'values that are pairs are just values')
      .option(
        '--processes <how>',
        'whether a process has one operation open at a time, or several: sequential or overlapping',
        'sequential',
      )
      .addHelpText('after', examples)
      .action(async (file, options) => {
        const { convert } = await import('../convert.ts');
        io.exit(await convert(file, options, io));
      });
  },
} satisfies CommandModule;
