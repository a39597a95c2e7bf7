/** Arguments of the scripts: what can't be is one sentence on standard error and exit code 254, as for every command. */
import { parseArgs } from 'node:util';
import { BAD_INPUT, BadInput } from '../harness/errors.ts';

export type Kind = 'flag' | 'text' | 'count' | 'share';
type Of<K extends Kind> = K extends 'flag' ? true : K extends 'text' ? string : number;

/** `known`: each option and what it takes. A count is a whole number from 1, a share lies in [0, 1]. */
export function argumentsOf<T extends Readonly<Record<string, Kind>>>(
  known: T,
): { readonly [N in keyof T]?: Of<T[N]> } {
  return orEnd(() => readArguments(known, process.argv.slice(2)));
}

/** Ends the process as bad input asks for. */
export function orEnd<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    console.error(error.message);
    process.exit(BAD_INPUT);
  }
}

export function readArguments<T extends Readonly<Record<string, Kind>>>(
  known: T,
  given: readonly string[],
): { readonly [N in keyof T]?: Of<T[N]> } {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, kind]) => [name, { type: kind === 'flag' ? 'boolean' : 'string' } as const]),
  );
  const values = parsed(options, given);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, valueOf(name, known[name], value)]),
  ) as { [N in keyof T]?: Of<T[N]> }; // each by its own kind
}

function parsed(
  options: Record<string, { readonly type: 'boolean' | 'string' }>,
  given: readonly string[],
): Record<string, string | boolean | undefined> {
  try {
    return parseArgs({ options, args: [...given] }).values;
  } catch (error) {
    const names = Object.keys(options).map((name) => `--${name}`);
    throw new BadInput(`${error instanceof Error ? error.message : String(error)} Options: ${names.join(', ')}.`);
  }
}

function valueOf(name: string, kind: Kind, value: string | boolean | undefined): unknown {
  if (kind === 'flag' || kind === 'text') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (kind === 'count' && !(Number.isSafeInteger(number) && number >= 1)) {
    throw new BadInput(`--${name} must be a whole number from 1, not '${value}'.`);
  }
  if (kind === 'share' && !(number >= 0 && number <= 1)) {
    throw new BadInput(`--${name} must be a number from 0 to 1, not '${value}'.`);
  }
  return number;
}
