/**
 * The `tidemark` program: finds the command, runs it, and turns whatever happens into an exit code. This is the one place
 * where the process is ended.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, Help, type Option } from '@commander-js/extra-typings';
import { printable } from '../checkers/explain/labels.ts';
import type { Io } from './command.ts';
import { applyConfig, type Config, CONFIG_FILE, placed, readConfig } from './config.ts';
import { BAD_INPUT, BadInput, type ExitCode, HARNESS_FAILED, KEPT, unknownName, worst } from './errors.ts';
import { commandNames, loadCommand, usePlugins } from './plugins.ts';
import { UnusableFolder } from '../results/unusable.ts';
import { version } from './version.ts';

const examples = `
Examples:
  tidemark run                                    one minute of virtual time, all faults, all paths
  tidemark run --seed 7 --fault isolate-leader    one seed, one kind of fault
  tidemark run --runs 100 --jobs 2                a hundred seeds, evidence added up
  tidemark check history.jsonl --guarantee linearizable
  tidemark catalog faults

Exit codes:
  0    all promises kept
  1    a promise broken, a threshold missed, or a regression
  2    undecided
  254  bad arguments or input
  255  the harness itself failed

Defaults for options may stand in ${CONFIG_FILE}, by their long names; a flag wins.`;

/** Runs the program on the process's own streams, and ends the process. */
export async function main(argv: readonly string[]): Promise<void> {
  const codes: ExitCode[] = [];
  const io = processIo(argv, codes);
  const end = (code: ExitCode): never => process.exit(worst([...codes, code]));
  const fail = (error: unknown): never => end(report(error, io));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.on('beforeExit', () => {
    io.err('tidemark: nothing is left to wait for, and there is no verdict\n');
    end(HARNESS_FAILED);
  });
  let code: ExitCode;
  try {
    await runCommand(argv, io);
    code = codes.length > 0 ? worst(codes) : report(new Error('the command ended without a verdict'), io);
  } catch (error) {
    code = report(error, io);
  }
  await new Promise((resolve) => process.stdout.write('', resolve));
  end(code);
}

/** Loads what the arguments ask for and runs it. Throws BadInput for what commander does not like. */
async function runCommand(argv: readonly string[], io: Io): Promise<void> {
  const program = new Command('tidemark')
    .description('Tests what a replicated store promises, and measures what its followers cost.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', examples)
    .configureHelp({ optionDescription });
  const configured = existsSync(join(io.cwd, CONFIG_FILE));
  const [first] = argv;
  const names = commandNames();
  const wanted = first !== undefined && names.includes(first) && !configured ? [first] : names;
  for (const { name, about, register } of await Promise.all(wanted.map(loadCommand))) {
    register(program, io);
    const command = program.commands.find((candidate) => candidate.name() === name);
    if (command === undefined) throw new Error(`harness/commands/${name} registers no command '${name}'`);
    command.summary(about);
    if (command.description() === '') command.description(about);
    command.option('--plugin <file>', 'a plug-in of your own, .js or .mjs (again for more)', collect);
  }
  for (const command of [program, ...program.commands.flatMap(withSubcommands)]) govern(command, io);
  const config = configured ? await readConfig(io.cwd, program.commands as Command[]) : [];
  let applied: Config = [];
  program.hook('preAction', (_, command) => {
    applied = applyConfig(config, topCommandOf(command as Command).name(), command as Command);
    const { plugin } = command.opts() as { readonly plugin?: readonly string[] };
    usePlugins(plugin ?? [], io.cwd);
  });
  if (first === undefined) {
    io.err(program.helpInformation());
    io.exit(BAD_INPUT);
    return;
  }
  checkNames(program, argv);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    throw error instanceof BadInput ? placed(error, applied) : error;
  }
}

/** Commander answers --help for any command, there or not. */
function checkNames(program: Command, argv: readonly string[]): void {
  let command = program;
  for (const name of argv[0] === 'help' ? argv.slice(1) : argv) {
    const subcommands = command.commands as readonly Command[];
    if (name.startsWith('-') || subcommands.length === 0 || command.registeredArguments.length > 0) return;
    const found = subcommands.find((one) => one.name() === name || one.aliases().includes(name));
    if (found === undefined) throw unknownName('command', name, [...subcommands.map((one) => one.name()), 'help']);
    command = found;
  }
}

/** What commander throws once it has printed what was asked for: the help, the version. */
const printed = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

/** Makes a command speak through `io` and throw instead of ending the process. */
function govern(command: Command, io: Io): void {
  command
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHasColors: () => io.colour.out,
    })
    .exitOverride((error) => {
      if (!printed.has(error.code)) throw usageError(command, error);
      io.exit(KEPT);
      throw error;
    });
}

function usageError(command: Command, error: CommanderError): BadInput {
  const named = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  if (error.code === 'commander.unknownCommand') {
    const names = command.commands.map((one) => one.name());
    return unknownName('command', named, names);
  }
  if (error.code === 'commander.unknownOption') {
    const options = [...command.options.flatMap((option) => option.long ?? option.short ?? []), '--help'];
    return unknownName('option', named.split('=')[0] ?? named, options);
  }
  const sentence = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  return new BadInput(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${sentence.endsWith('.') ? '' : '.'}`);
}

/** Says on stderr, in one line, what went wrong; returns the code that it means. */
function report(failure: unknown, io: Io): ExitCode {
  const error = ofOurFolder(failure, io.cwd) ?? failure;
  if (error instanceof CommanderError && printed.has(error.code)) return KEPT;
  const debug = (io.env['TIDEMARK_DEBUG'] ?? '') !== '';
  const bad = error instanceof BadInput || error instanceof UnusableFolder;
  // Some messages have several lines; what else moves the cursor came from a name or a value.
  const message = (error instanceof Error ? error.message : String(error)).split('\n').map(printable).join('\n');
  const line = message.split('\n')[0] ?? '';
  io.err(bad ? `tidemark: ${message}\n` : `tidemark: failed itself: ${line} (TIDEMARK_DEBUG=1 shows where)\n`);
  if (debug && error instanceof Error) io.err(`${error.stack ?? message}\n`);
  return bad ? BAD_INPUT : HARNESS_FAILED;
}

/** What the file system refuses below `.tidemark` is for the user to see to. */
function ofOurFolder(error: unknown, cwd: string): UnusableFolder | undefined {
  const { code = '', path } = (error ?? {}) as NodeJS.ErrnoException;
  const refused = ['ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC'].includes(code);
  return refused && path?.startsWith(join(cwd, '.tidemark')) ? new UnusableFolder(path, error) : undefined;
}

function processIo(argv: readonly string[], codes: ExitCode[]): Io {
  const { stdin, stdout, stderr, env } = process;
  const gone = new Set<NodeJS.WriteStream>();
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      gone.add(stream);
    });
  }
  const write = (stream: NodeJS.WriteStream, text: string): void => {
    if (!gone.has(stream)) stream.write(text);
  };
  const attended = (stream: NodeJS.WriteStream): boolean => stream.isTTY && (env['CI'] ?? '') === '';
  return {
    out: (text) => write(stdout, text),
    err: (text) => write(stderr, text),
    async drained() {
      if (!stdout.writableNeedDrain || gone.has(stdout)) return;
      await new Promise<void>((resolve) => {
        stdout.once('drain', resolve);
        stdout.once('error', () => resolve());
      });
    },
    stdin,
    env,
    cwd: process.cwd(),
    terminal: { out: attended(stdout), err: attended(stderr) },
    colour: { out: coloured(attended(stdout), env), err: coloured(attended(stderr), env) },
    argv,
    exit: (code) => void codes.push(code),
  };
}

/** NO_COLOR wins over FORCE_COLOR, which wins over what the stream is. */
export function coloured(attended: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  return attended && env['TERM'] !== 'dumb';
}

/** Commander would print an empty list as a default; what no value means is in the description. */
function optionDescription(option: Option): string {
  const isEmpty = Array.isArray(option.defaultValue) && option.defaultValue.length === 0;
  return isEmpty ? option.description : new Help().optionDescription(option);
}

function withSubcommands(command: { readonly commands: readonly unknown[] }): Command[] {
  const subcommands = command.commands as Command[];
  return [command as Command, ...subcommands.flatMap(withSubcommands)];
}

function topCommandOf(command: Command): Command {
  let top = command;
  while (top.parent?.parent) top = top.parent as Command;
  return top;
}

function collect(file: string, files: readonly string[] = []): string[] {
  return [...files, file];
}
