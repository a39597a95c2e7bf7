import type { CommandModule } from '../command.ts';

const examples = `
Examples:
  tidemark serve                                  http://127.0.0.1:4747, for this machine alone
  tidemark serve --host 0.0.0.0                   for others too, with a token that is made and printed
  TIDEMARK_TOKEN=… tidemark serve --host 10.0.0.5 --allow-host reports.example.org:4747

It only shows; nothing can be changed through it. What goes over the network is not encrypted: put a proxy with TLS before it.`;

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export default {
  name: 'serve',
  about: 'Show the stored runs in a browser: search, reports, runs in progress, comparisons, trends.',
  register(program, io) {
    program
      .command('serve')
      .addHelpText('after', examples)
      .option('--port <number>', 'where it listens; 0: any that is free', '4747')
      .option('--host <address>', 'the address it listens at; any but a loopback one needs a token', '127.0.0.1')
      .option('--allow-host <name>', 'a name that browsers may call it by, with its port (repeatable)', collect, [])
      .option('--require-token', 'ask for a token on loopback too (from TIDEMARK_TOKEN, or made)')
      .option('--json', 'its address as one JSON object')
      .action(async (options) => {
        const { serveRuns } = await import('../serve/command.ts');
        await serveRuns(options, io);
      });
  },
} satisfies CommandModule;
