import type { CommandModule, Io } from '../command.ts';
import { BadInput, type ExitCode } from '../errors.ts';

const examples = `
Examples:
  tidemark cluster up --nodes 3 --learners 1 --groups 2
  tidemark cluster put greeting '"hello"' --write-path all-ack
  tidemark cluster get greeting --read-path follower
  tidemark cluster kill n1 && tidemark cluster status --watch
  tidemark cluster down --purge

Its nodes are processes on loopback that go on until 'down'; they lie in .tidemark/cluster.
Exit codes: 0 done; 2 refused, not swapped, or nobody knows which, and for up and status: a group
without a leader, or a node that does not serve; 254 bad arguments.`;

interface Named {
  readonly name: string;
  readonly json?: true | undefined;
}

type Deeds = typeof import('../cluster/deeds.ts');
type Requests = typeof import('../cluster/client.ts');

export default {
  name: 'cluster',
  about: 'Play with a cluster of the reference store: real processes on loopback.',
  register(program, io) {
    const cluster = program.command('cluster').addHelpText('after', examples);
    cluster.action(() => {
      const names = cluster.commands.map((command) => command.name());
      throw new BadInput(`What is to be done with the cluster? One of ${names.join(', ')} is needed.`);
    });
    const add = (usage: string, about: string) =>
      cluster.command(usage).description(about).option('--name <name>', 'which cluster', 'default');
    const json = ['--json', 'only JSON on stdout, one object a line'] as const;

    add('up', 'Starts a cluster, or those nodes of one that are not up.')
      .option('--nodes <number>', 'nodes that vote (default: 3)')
      .option('--learners <number>', 'nodes beside them that replicate and serve reads, and do not vote (default: 0)')
      .option('--groups <number>', 'replication groups that the keys are spread over (default: 1)')
      .option(
        '--set <key=value>',
        "a setting of every node, as in 'tidemark-store --help' (again for more)",
        collect,
        [],
      )
      .option(...json)
      .action((options) =>
        perform(io, async ({ homeOf, up }) => {
          const asked = {
            ...whole('nodes', options.nodes, 1, 9),
            ...whole('learners', options.learners, 0, 9),
            ...whole('groups', options.groups, 1, 64),
            settings: settingsOf(options.set),
          };
          return up(homeOf(io, options.name), asked, io, options.json === true);
        }),
      );

    add('status', 'Shows each node and its part in each group: role, term, commit, lag, whether it serves.')
      .option('--watch', 'again and again, until Control-C')
      .option('--interval <time>', 'how often, with --watch', '1s')
      .option(...json)
      .action((options) =>
        perform(io, async ({ homeOf, status, watch }) => {
          const home = homeOf(io, options.name);
          if (options.watch !== true) return status(home, io, options.json === true);
          return watch(home, io, options.json === true, await timeOf('--interval', options.interval));
        }),
      );

    const asking = ['--region <name>', 'where the client stands: nodes there are asked first'] as const;
    const timeout = ['--timeout <time>', 'how long to wait for an answer', '5s'] as const;
    const writePath = ['--write-path <name>', 'how the write is acknowledged', 'quorum-ack'] as const;

    add('get', 'Reads a key.')
      .argument('<key>')
      .option('--read-path <name>', 'how it is read; tidemark catalog lists the ways', 'leader')
      .option(...asking)
      .option(...timeout)
      .option(...json)
      .action((key, options) => request(io, options, async ({ get }, to) => get(to, key, options.readPath)));

    add('put', 'Writes a key.')
      .argument('<key>')
      .argument('<value>', 'JSON, or else a text as it is')
      .option(...writePath)
      .option(...asking)
      .option(...timeout)
      .option(...json)
      .action((key, value, options) =>
        request(io, options, async ({ put, valueOf }, to) => put(to, key, valueOf(value), options.writePath)),
      );

    add('cas', 'Writes a key if it holds a value: compare and set.')
      .argument('<key>')
      .argument('<old>', 'what it has to hold; null: nothing yet')
      .argument('<new>')
      .option(...writePath)
      .option(...asking)
      .option(...timeout)
      .option(...json)
      .action((key, old, next, options) =>
        request(io, options, async ({ cas, valueOf }, to) =>
          cas(to, key, [valueOf(old), valueOf(next)], options.writePath),
        ),
      );

    add('switchover', 'Has the leaders hand over as planned: no write is lost.')
      .option('--to <node>', 'to this node, instead of whoever has caught up furthest')
      .option('--group <name>', 'only of this group')
      .option(...json)
      .action((options) =>
        perform(io, async ({ homeOf, switchover }) => {
          const { to, group } = options;
          const asked = { ...(to !== undefined && { to }), ...(group !== undefined && { group }) };
          return switchover(homeOf(io, options.name), asked, io, options.json === true);
        }),
      );

    add('kill', 'Kills a node, as kill -9 does.')
      .argument('<node>')
      .action((node, options) => perform(io, async ({ homeOf, kill }) => kill(homeOf(io, options.name), node, io)));

    add('start', 'Starts a node that is not up.')
      .argument('<node>')
      .action((node, options) => perform(io, async ({ homeOf, start }) => start(homeOf(io, options.name), node, io)));

    add('down', 'Ends every node.')
      .option('--purge', 'removes the data too')
      .action((options) =>
        perform(io, async ({ homeOf, down }) => down(homeOf(io, options.name), options.purge === true, io)),
      );
  },
} satisfies CommandModule;

async function perform(io: Io, deed: (deeds: Deeds) => Promise<ExitCode>): Promise<void> {
  io.exit(await deed(await import('../cluster/deeds.ts')));
}

interface Asked extends Named {
  readonly region?: string | undefined;
  readonly timeout: string;
}

async function request(
  io: Io,
  options: Asked,
  deed: (requests: Requests, asking: Parameters<Requests['get']>[0]) => Promise<ExitCode>,
): Promise<void> {
  const [{ homeOf }, requests] = await Promise.all([import('../cluster/deeds.ts'), import('../cluster/client.ts')]);
  const timeoutMs = await timeOf('--timeout', options.timeout);
  const home = homeOf(io, options.name);
  io.exit(await deed(requests, { home, io, json: options.json === true, timeoutMs, region: options.region }));
}

async function timeOf(flag: string, text: string): Promise<number> {
  const { parseTime } = await import('../limits.ts');
  return parseTime(flag, text);
}

function whole<Name extends string>(
  name: Name,
  text: string | undefined,
  least: number,
  most: number,
): { readonly [one in Name]?: number } {
  if (text === undefined) return {};
  const n = Number(text);
  if (!/^\d{1,3}$/.test(text) || n < least || n > most) {
    throw new BadInput(`--${name} ${text}: a whole number from ${least} to ${most} is needed.`);
  }
  return { [name]: n } as { readonly [one in Name]?: number }; // which is that name
}

function settingsOf(items: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    items.map((item): [string, string] => {
      const at = item.indexOf('=');
      if (at < 1) throw new BadInput(`--set ${item}: key=value is needed.`);
      return [item.slice(0, at), item.slice(at + 1)];
    }),
  );
}

function collect(item: string, items: readonly string[] = []): readonly string[] {
  return [...items, item];
}
