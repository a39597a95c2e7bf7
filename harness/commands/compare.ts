import { printable } from '../../checkers/explain/labels.ts';
import type { CommandModule } from '../command.ts';
import { BadInput, KEPT } from '../errors.ts';

export default {
  name: 'compare',
  about: 'Compare stored runs: verdicts, latencies fault by fault, throughput, with intervals.',
  register(program, io) {
    program
      .command('compare')
      .argument('<a>', "an id's beginning, a label, a branch, a commit, HEAD, or 'last'")
      .argument('<b>', 'likewise')
      .option('--percentiles <numbers>', 'of the latencies', '50,99')
      .option('--every-path', 'path by path under each fault too, not only in the calm')
      .option('--markdown', 'for a pull request')
      .option('--json', 'one JSON object')
      .action(async (a, b, { percentiles, everyPath, markdown, json }) => {
        const numbers = percentiles.split(',').map(Number);
        if (numbers.some((one) => !(one > 0 && one <= 100)))
          throw new BadInput(
            `--percentiles ${percentiles}: numbers above 0 and up to 100 are needed, such as 50,99,99.9.`,
          );
        const { storedSides } = await import('../gate/stored.ts');
        const { compare } = await import('../../results/compare.ts');
        const { comparedMarkdown, comparedText } = await import('../compare/text.ts');
        const [ofA, ofB] = await storedSides([a, b], io);
        const compared = compare(ofA, ofB, numbers);
        if (json === true) io.out(`${JSON.stringify({ schema: 1, type: 'comparison', ...compared })}\n`);
        else if (markdown === true) io.out(comparedMarkdown(compared, everyPath));
        else for (const line of comparedText(compared, everyPath)) io.out(`${printable(line)}\n`);
        io.exit(KEPT);
      });
  },
} satisfies CommandModule;
