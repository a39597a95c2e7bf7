/**
 * `tidemark.config.yaml` in the working directory: defaults for options, by their long names. What stands at the top holds
 * for every command that has the option; what stands under a command's name holds for that command, and wins.
 *
 * ```yaml
 * seed: 7
 * run:
 *   fault: [isolate-leader, slow-disk]
 *   set: { keys: 16 }
 * ```
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Option } from '@commander-js/extra-typings';
import type { Document, LineCounter, Node, Pair, Scalar } from 'yaml';
import { BadInput, unknownName } from './errors.ts';

export const CONFIG_FILE = 'tidemark.config.yaml';

interface Default {
  readonly option: string;
  /** Only for this command. */
  readonly command?: string;
  readonly value: boolean | readonly string[];
  readonly line: number;
}

export type Config = readonly Default[];

/** Reads the file in `cwd`; no file is no defaults. Throws BadInput with file, line and field. */
export async function readConfig(cwd: string, commands: readonly Command[]): Promise<Config> {
  const path = join(cwd, CONFIG_FILE);
  if (!existsSync(path)) return [];
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(textOfFile(path), { lineCounter: lines, prettyErrors: false });
  const reader = new ConfigReader(yaml, document, lines, commands);
  return reader.read();
}

function textOfFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const why = { EISDIR: 'it is a directory', EACCES: 'it may not be read', EPERM: 'it may not be read' }[code];
    throw new BadInput(`${CONFIG_FILE} cannot be used: ${why ?? message}.`, { cause: error });
  }
}

/** Sets what the command line left open, and returns what it took from the file. */
export function applyConfig(config: Config, topCommand: string, command: Command): Config {
  const applied = new Map<string, Default>();
  const mine = config.filter((entry) => entry.command === undefined || entry.command === topCommand);
  // A command's own section comes last, so that it wins over the top of the file.
  for (const entry of [...mine].sort((a, b) => Number(a.command !== undefined) - Number(b.command !== undefined))) {
    const option = optionsOf(command).get(entry.option);
    if (option === undefined) continue;
    const source = command.getOptionValueSource(option.attributeName());
    if (source === 'cli' || source === 'env') continue;
    command.setOptionValueWithSource(option.attributeName(), parsed(option, entry), 'config');
    applied.set(entry.option, entry);
  }
  return [...applied.values()];
}

/** What a command did not like, with file and line if it is about a value that came from there. */
export function placed(error: BadInput, applied: Config): BadInput {
  const { message } = error;
  const entry =
    applied.find(({ option }) => new RegExp(`--${option}(?![\\w-])`).test(message)) ??
    applied.find(
      ({ option, value }) => option.split('-').some((word) => message.includes(word)) && quotes(message, value),
    );
  return entry === undefined ? error : new BadInput(`${CONFIG_FILE}:${entry.line}: ${message}`, { cause: error });
}

function quotes(message: string, value: Default['value']): boolean {
  if (typeof value === 'boolean') return false;
  const texts = value.flatMap((text) => text.split(/[,=]/)).map((text) => text.trim());
  return texts.some((text) => message.includes(`'${text}'`));
}

class ConfigReader {
  readonly #yaml: typeof import('yaml');
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #commands: ReadonlyMap<string, Command>;

  constructor(
    yaml: typeof import('yaml'),
    document: Document.Parsed,
    lines: LineCounter,
    commands: readonly Command[],
  ) {
    this.#yaml = yaml;
    this.#document = document;
    this.#lines = lines;
    this.#commands = new Map(commands.map((command) => [command.name(), command]));
  }

  read(): Config {
    const [error] = this.#document.errors;
    if (error !== undefined) throw this.#bad(error.pos[0], error.message.split('\n')[0] ?? 'not YAML');
    const root = this.#document.contents;
    if (root === null) return [];
    if (!this.#yaml.isMap(root)) throw this.#bad(this.#offset(root), 'must be a map from option names to values.');
    const everywhere = new Set([...this.#commands.values()].flatMap((command) => [...optionsOf(command).keys()]));
    return root.items.flatMap((pair) => {
      const field = this.#field(pair);
      const command = this.#commands.get(field.name);
      if (command === undefined) return [this.#default(pair, everywhere, undefined)];
      if (!this.#yaml.isMap(pair.value)) throw this.#bad(field.offset, `'${field.name}' must be a map of its options.`);
      const names = new Set(optionsOf(command).keys());
      return pair.value.items.map((inner) => this.#default(inner, names, field.name));
    });
  }

  #default(pair: Pair, names: ReadonlySet<string>, command: string | undefined): Default {
    const { name, offset } = this.#field(pair);
    if (!names.has(name)) {
      const valid = command === undefined ? [...names, ...this.#commands.keys()] : [...names];
      throw this.#bad(offset, unknownName('option', name, valid.sort()).message);
    }
    const value = this.#value(pair.value as Node | null, name, offset);
    return { option: name, value, line: this.#line(offset), ...(command === undefined ? {} : { command }) };
  }

  #field(pair: Pair): { readonly name: string; readonly offset: number } {
    const key = pair.key as Scalar;
    return { name: String(key.value), offset: this.#offset(key) };
  }

  /** A list becomes the option given several times; so does a map, as `key=value`. */
  #value(node: Node | null, field: string, offset: number): boolean | readonly string[] {
    if (this.#yaml.isScalar(node) && node.value !== null) {
      return typeof node.value === 'boolean' ? node.value : [textOf(node)];
    }
    if (this.#yaml.isSeq(node) && node.items.every((item) => this.#yaml.isScalar(item))) {
      return node.items.map((item) => textOf(item));
    }
    if (this.#yaml.isMap(node) && node.items.every((item) => this.#yaml.isScalar(item.value))) {
      return node.items.map((item) => `${textOf(item.key as Scalar)}=${textOf(item.value as Scalar)}`);
    }
    throw this.#bad(offset, `'${field}' must be a value, a list of values, or a map from names to values.`);
  }

  #offset(node: Node): number {
    return node.range?.[0] ?? 0;
  }

  #line(offset: number): number {
    return this.#lines.linePos(offset).line;
  }

  #bad(offset: number, sentence: string): BadInput {
    return new BadInput(`${CONFIG_FILE}:${this.#line(offset)}: ${sentence}`);
  }
}

/** The scalar as it was typed, so that `0x10`, `1e3` and `30s` reach the option's own parser unchanged. */
function textOf(scalar: Scalar): string {
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value));
}

/** A command's options by long name without dashes, its subcommands' included. */
export function optionsOf(command: Command): ReadonlyMap<string, Option> {
  const all = [command, ...command.commands].flatMap((one) => [...one.options]);
  return new Map(all.flatMap((option) => (option.long === undefined ? [] : [[option.long.slice(2), option]])));
}

function parsed(option: Option, entry: Default): unknown {
  const bad = (sentence: string): BadInput =>
    new BadInput(`${CONFIG_FILE}:${entry.line}: '${entry.option}' ${sentence}`);
  const { value } = entry;
  if (typeof value === 'boolean') {
    if (option.required) throw bad('needs a value, not true or false.');
    return option.negate ? !value : value;
  }
  if (!option.required && !option.optional) throw bad('must be true or false.');
  const { parseArg } = option;
  // A parser that looks at what came before collects; one that doesn't takes a list in one piece.
  const repeats = option.variadic || (parseArg !== undefined && parseArg.length >= 2);
  const texts = repeats || value.length === 1 ? value : [value.join(',')];
  try {
    let result: unknown = option.defaultValue;
    for (const text of texts) {
      if (parseArg !== undefined) result = parseArg(text, result);
      else if (option.variadic) result = [...(result === option.defaultValue ? [] : (result as string[])), text];
      else result = text;
    }
    return result;
  } catch (error) {
    throw bad(`is '${texts.join(', ')}': ${error instanceof Error ? error.message : String(error)}`);
  }
}
