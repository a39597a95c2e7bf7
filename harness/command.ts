/**
 * What a command of the `tidemark` program is: one file in harness/commands/, named as the user types it.
 *
 * A command only declares itself when it is loaded: whatever costs time to import is imported inside the action, so that
 * `tidemark --help` stays fast. The action returns nothing to commander; it hands its verdict to `io.exit`:
 *
 * ```ts
 * export default {
 *   name: 'check',
 *   about: 'Judge histories from anywhere.',
 *   register(program, io) {
 *     program
 *       .command('check')
 *       .argument('<file...>', 'histories; - is standard input')
 *       .option('--json', 'one JSON object a line')
 *       .action(async (files, options) => {
 *         const { check } = await import('../check.ts');
 *         io.exit(await check(files, options, io));
 *       });
 *   },
 * } satisfies CommandModule;
 * ```
 */
import type { Command } from '@commander-js/extra-typings';
import type { ExitCode } from './errors.ts';

/** The outside world, as a command may see it. */
export interface Io {
  /**
   * Writes to stdout as it is: end lines yourself. When the reader has gone away (`| head`), writes vanish and the
   * command goes on to its verdict.
   */
  out(text: string): void;
  /** Progress, warnings, notes: stderr. */
  err(text: string): void;
  /** Resolves when stdout can take more; for commands that print without end. */
  drained(): Promise<void>;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly cwd: string;
  /** Whether each stream is a terminal; `CI` in the environment makes both false. */
  readonly terminal: { readonly out: boolean; readonly err: boolean };
  /** Whether to colour each stream: NO_COLOR, FORCE_COLOR and the terminal decide. */
  readonly colour: { readonly out: boolean; readonly err: boolean };
  /** The arguments as typed, without node and the program: for the replay line. */
  readonly argv: readonly string[];
  /**
   * Records the verdict; ends nothing by itself. Called several times, the worst stands. The process ends when the action
   * has returned. An action that ends without having called it makes the program fail with 255.
   */
  exit(code: ExitCode): void;
}

/** A plug-in: one file in harness/commands/. */
export interface CommandModule {
  readonly name: string;
  /** One sentence, as printed by `tidemark --help`. */
  readonly about: string;
  /** Adds exactly one command, called `name`, to the program; throws nothing, imports nothing heavy. */
  register(program: Command, io: Io): void;
}
