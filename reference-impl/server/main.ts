/**
 * The `tidemark-store` program: one node of the reference store. Exit codes: 0 stopped as asked, 254 bad arguments, input
 * or data directory, 255 failed.
 */
import { Command, CommanderError } from '@commander-js/extra-typings';
import { after } from './clock.ts';
import { BadInput, type Flags, type Settings, readSettings } from './config.ts';
import { Log } from './log.ts';
import { listUndone, replayUndone } from './rollback.ts';
import { StorageRefused } from './storage.ts';
import { Store } from './store.ts';

const BAD_INPUT = 254;
const FAILED = 255;
/** A stop that takes longer is cut short: the log on disk is whole at any moment. */
const STOP_MS = 15_000;

const collect = (one: string, all: readonly string[] = []): readonly string[] => [...all, one];

export async function main(argv: readonly string[]): Promise<void> {
  process.on('uncaughtException', (error) => crash(error));
  process.on('unhandledRejection', (error) => crash(error));
  try {
    await program().parseAsync([...argv], { from: 'user' });
  } catch (error) {
    end(error);
  }
}

function program() {
  const store = new Command('tidemark-store')
    .enablePositionalOptions()
    .description('One node of the reference store: a leader/follower key-value store that knows its promises.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `\nExamples:\n${examples}\n`)
    .option('--config <file>', 'YAML file with settings, by the names of these flags; a flag wins')
    .option('--node <id>', "this node's name")
    .option('--cluster <name>', 'nodes of other clusters are turned away (default: tidemark)')
    .option('--listen <host:port>', 'for peers and clients (default: 127.0.0.1:7600)')
    .option('--admin <host:port>', "HTTP: /health, /status, /metrics, operations; or 'off' (default: 127.0.0.1:7601)")
    .option('--peer <node=host:port>', 'another node, again for more; naming this node does no harm', collect)
    .option('--learner <node>', 'of these nodes, one that begins without a vote; again for more', collect)
    .option('--join', 'this node is added to a running cluster: it waits for the leader to come')
    .option('--data <folder>', 'where the log and the snapshots are')
    .option('--region <name>', 'where this node stands, for its status (default: default)')
    .option('--groups <number>', 'replication groups that the keys are spread over; for ever (default: 1)')
    .option('--acknowledgement <path>', 'leader-ack, quorum-ack, all-ack, all-applied (default: quorum-ack)')
    .option('--heartbeat-ms <ms>', 'how often a leader is heard (default: 100)')
    .option('--election-ms <ms>', 'shortest time without a leader; the longest is twice that (default: 1000)')
    .option('--request-timeout-ms <ms>', 'a request is answered within (default: 5000)')
    .option('--clock-drift-ppm <ppm>', 'bound on the drift of any clock, for leases (default: 1000)')
    .option('--serve-leader-silent-ms <ms>', "a follower without its leader refuses reads, or 'off' (default: 5000)")
    .option('--serve-lag-entries <n>', "a follower so far behind refuses reads, or 'off' (default: 100000)")
    .option('--serve-disk-ms <ms>', "a node whose disk is slower refuses reads, or 'off' (default: 5000)")
    .option('--election <how>', 'built-in, or etcd=http://host:port: a lease there decides (default: built-in)')
    .option('--spread-leaders <bool>', 'the groups are led by different nodes (default: true)')
    .option('--origins-kept <n>', 'repeats are recognised for so many entries (default: 100000)')
    .option('--fsync <on|off>', 'off loses acknowledged writes: for demonstrations (default: on)')
    .option('--files <real|forgetful>', 'forgetful: a kill loses what was not synced: for tests (default: real)')
    .option('--segment-bytes <n>', 'size of a segment of the log (default: 67108864)')
    .option('--snapshot-entries <n>', 'a snapshot after so many entries of a group (default: 100000)')
    .option('--snapshot-bytes <n>', 'or after so many bytes of entries in memory, about (default: 67108864)')
    .option('--snapshot-keep <n>', 'entries that stay below it, in a quarter of those bytes (default: 10000)')
    .option('--connections <n>', 'most connections at a time (default: 4096)')
    .option('--peer-secret-file <file>', 'shared by the nodes (or TIDEMARK_STORE_PEER_SECRET)')
    .option('--client-secret-file <file>', 'shared with the clients (or TIDEMARK_STORE_CLIENT_SECRET)')
    .option('--operator-secret-file <file>', 'for operations at the admin port (or TIDEMARK_STORE_OPERATOR_SECRET)')
    .option('--defect <name>', 'a deliberate bug, see PROTOCOL.md')
    .option('--log <text|json>', 'how the log on stderr is written (default: text)')
    .action(({ config, ...flags }) => serve(readSettings(byLongName(flags), config, process.env)));
  store.addCommand(rollbackCommand());
  for (const command of [store, ...store.commands, ...store.commands.flatMap((one) => one.commands)]) govern(command);
  return store;
}

/** Commander gives `--election-ms` as `electionMs`. */
function byLongName(flags: Readonly<Record<string, string | readonly string[] | boolean | undefined>>): Flags {
  const named = Object.entries(flags).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(named) as Flags; // each name is one of the options above
}

const examples = `  tidemark-store --node n1 --data /var/lib/tidemark/n1 --listen 127.0.0.1:7101 --admin 127.0.0.1:7201 \\
    --peer n2=127.0.0.1:7102 --peer n3=127.0.0.1:7103
  tidemark-store --config n1.yaml
  tidemark-store rollback list --data /var/lib/tidemark/n1`;

function rollbackCommand() {
  const data = ['--data <folder>', 'the data directory of the node that undid them'] as const;
  const list = new Command('list')
    .description('Lists the entries that a failover undid on this node.')
    .requiredOption(...data)
    .option('--json', 'one JSON object a line')
    .action(({ data: folder, json }) => listUndone(folder, json === true, print));
  const replay = new Command('replay')
    .description(
      'Writes undone entries again, as new operations in their order: each only where the key holds what it had ' +
        'overwritten, so that a key that nobody has written since ends at its newest undone value. What an entry had ' +
        'overwritten may not be known, where it was committed: such a one is left alone without --force.',
    )
    .requiredOption(...data)
    .requiredOption(
      '--to <host:port>',
      'a node of the cluster, again for each: the leaders are looked for among those that are named',
      collect,
    )
    .option('--cluster <name>', 'the name of the cluster', 'tidemark')
    .option('--client-secret-file <file>', 'shared with the clients (or TIDEMARK_STORE_CLIENT_SECRET)')
    .option(
      '--force',
      'overwrites whatever the keys hold now; a cas of which it is not known if it matched is tried again',
    )
    .option('--id <id>', 'only this one, as `list` names it; again for more', collect)
    .action((options) => replayUndone(options, process.env, print));
  return new Command('rollback')
    .description('Entries that were acknowledged or taken once, and replaced after a failover.')
    .addCommand(list)
    .addCommand(replay);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Commander throws instead of ending the process, and leaves it to us what is printed. */
function govern(command: { readonly name: () => string }): void {
  (command as Command).exitOverride().configureOutput({ outputError: () => undefined });
}

async function serve(settings: Settings): Promise<void> {
  const log = new Log(settings.node, settings.log, (line) => process.stderr.write(line));
  const fatal = (error: unknown): never => {
    log.say('error', `stops at once: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exit(FAILED);
  };
  const store = await Store.start(settings, log, fatal);
  let asked = 0;
  const stop = (signal: NodeJS.Signals): void => {
    if (++asked > 1) {
      log.say('warning', `${signal} again: stops at once`);
      process.exit(0);
    }
    log.say('info', `${signal}: hands over and stops`);
    after(STOP_MS, () => fatal(new Error(`did not stop within ${STOP_MS} ms`)));
    store.stop().then(() => {
      log.say('info', 'has stopped');
      process.exit(0);
    }, fatal);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function crash(error: unknown): never {
  process.stderr.write(
    `tidemark-store: failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(FAILED);
}

function end(error: unknown): never {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) process.exit(0);
    const sentence = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    if (error.code === 'commander.help') process.exit(BAD_INPUT);
    process.stderr.write(`tidemark-store: ${sentence}\n`);
    process.exit(BAD_INPUT);
  }
  const refused = error instanceof BadInput || error instanceof StorageRefused || isForTheOperator(error);
  if (!refused) crash(error);
  process.stderr.write(`tidemark-store: ${(error as Error).message}\n`);
  process.exit(BAD_INPUT);
}

/** What the system refuses because of what was asked: a port in use, a folder that may not be read. */
function isForTheOperator(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return [
    'EADDRINUSE',
    'EADDRNOTAVAIL',
    'EACCES',
    'EPERM',
    'ENOTDIR',
    'ENOENT',
    'EROFS',
    'EEXIST',
    'EISDIR',
    'ENOTFOUND',
  ].includes(code);
}
