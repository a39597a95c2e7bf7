/**
 * Finds and loads plug-ins. A plug-in is one file in a folder that holds nothing but plug-ins, with one default export
 * whose `name` is the file's name. Folders are scanned, from dist at run time and from the sources under vitest; there is
 * no registry. Users' own `.js` and `.mjs` plug-ins join them through {@link usePlugins}.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, delimiter, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Checker } from '../checkers/checker.ts';
import type { Model } from '../checkers/model.ts';
import { guaranteeNames } from '../history/guarantee.ts';
import type { Fault } from '../nemesis/fault.ts';
import type { Workload } from '../workloads/workload.ts';
import type { CommandModule } from './command.ts';
import { modules } from './entry.ts';
import type { Environment } from './environments/environment.ts';
import { BadInput } from './errors.ts';
import type { System } from './system.ts';

type FieldType = 'string' | 'function' | 'list' | 'filled list' | 'something';

interface Kind {
  /** Singular, as in messages. */
  readonly what: string;
  readonly folder: string;
  /** Whether a plug-in is a file of the folder, or a folder with an `index` of its own. */
  readonly layout: 'files' | 'folders';
  /** The function by which a user's plug-in shows what kind it is. */
  readonly mark?: string;
  readonly fields: Readonly<Record<string, FieldType>>;
}

const kinds = {
  system: {
    what: 'system',
    folder: 'harness/systems',
    layout: 'files',
    mark: 'connect',
    fields: {
      about: 'string',
      methods: 'filled list',
      readPaths: 'filled list',
      writePaths: 'filled list',
      strongestReadPath: 'string',
      stateReadPath: 'string',
      settings: 'list',
      promises: 'function',
      promisesOfWrites: 'function',
      always: 'list',
      node: 'function',
      connect: 'function',
      sight: 'function',
    },
  },
  workload: {
    what: 'workload',
    folder: 'workloads/kinds',
    layout: 'files',
    mark: 'script',
    fields: { about: 'string', methods: 'filled list', exercises: 'list', script: 'function' },
  },
  fault: {
    what: 'fault',
    folder: 'nemesis/faults',
    layout: 'files',
    mark: 'inject',
    fields: { about: 'string', levers: 'list', inject: 'function' },
  },
  checker: {
    what: 'checker',
    folder: 'checkers/guarantees',
    layout: 'files',
    mark: 'check',
    fields: { decides: 'string', check: 'function' },
  },
  model: {
    what: 'model',
    folder: 'checkers/models',
    layout: 'files',
    mark: 'machine',
    fields: { about: 'string', methods: 'filled list', machine: 'something' },
  },
  environment: {
    what: 'environment',
    folder: 'harness/environments',
    layout: 'folders',
    mark: 'deploy',
    fields: { about: 'string', levers: 'list', deploy: 'function' },
  },
  command: {
    what: 'command',
    folder: 'harness/commands',
    layout: 'files',
    fields: { about: 'string', register: 'function' },
  },
} as const satisfies Record<string, Kind>;

interface Plugins {
  readonly system: System;
  readonly workload: Workload;
  readonly fault: Fault;
  readonly checker: Checker;
  readonly model: Model;
  readonly environment: Environment;
  readonly command: CommandModule;
}

export type PluginKind = keyof Plugins;

/** Each map is sorted by name. Rejects with an error that names file and field when one is not what it should be. */
export const loadSystems = (): Promise<ReadonlyMap<string, System>> => load('system');
export const loadWorkloads = (): Promise<ReadonlyMap<string, Workload>> => load('workload');
export const loadFaults = (): Promise<ReadonlyMap<string, Fault>> => load('fault');
export const loadCheckers = (): Promise<ReadonlyMap<string, Checker>> => load('checker');
export const loadModels = (): Promise<ReadonlyMap<string, Model>> => load('model');
export const loadEnvironments = (): Promise<ReadonlyMap<string, Environment>> => load('environment');

/** The checker of a guarantee alone. Where users have plug-ins of their own, any of them may be it: then all are loaded. */
export async function loadChecker(name: string): Promise<Checker | undefined> {
  if (userPlugins().length > 0) return (await loadCheckers()).get(name);
  const found = filesOf(kinds.checker).find((file) => file.name === name);
  return found === undefined ? undefined : ((await loadFile('checker', found)).plugin as Checker); // checked for this kind
}

/** Whether there is a model of that name among our own; nothing is loaded. */
export function isOurModel(name: string): boolean {
  return filesOf(kinds.model).some((file) => file.name === name);
}

/** The commands there are, from the names of their files alone: nothing is loaded. */
export function commandNames(): readonly string[] {
  return filesOf(kinds.command).map(({ name }) => name);
}

export async function loadCommand(name: string): Promise<CommandModule> {
  const found = filesOf(kinds.command).find((file) => file.name === name);
  if (found === undefined) throw new Error(`there is no command '${name}'`);
  return (await loadFile('command', found)).plugin as CommandModule; // checked for this kind
}

/**
 * Adds users' own plug-ins, by path. They are kept in `TIDEMARK_PLUGINS` (paths, separated as in PATH), which workers and
 * child processes inherit, so that a plan means the same everywhere.
 */
export function usePlugins(files: readonly string[], cwd: string): void {
  const paths = [...new Set([...userPlugins(), ...files.map((file) => resolve(cwd, file))])];
  if (paths.length > 0) process.env['TIDEMARK_PLUGINS'] = paths.join(delimiter);
}

/** The users' own plug-ins in use, by path. */
export function userPlugins(): readonly string[] {
  return (process.env['TIDEMARK_PLUGINS'] ?? '').split(delimiter).filter((path) => path !== '');
}

async function load<K extends PluginKind>(kind: K): Promise<ReadonlyMap<string, Plugins[K]>> {
  const own = await Promise.all(filesOf(kinds[kind]).map((file) => loadFile(kind, file)));
  const users = (await Promise.all(userPlugins().map(loadUserFile))).filter((loaded) => loaded.kind === kind);
  const byName = new Map<string, Plugins[K]>();
  for (const { name, path, plugin } of [...own, ...users]) {
    if (byName.has(name)) throw new BadInput(`${path}: there is ${withArticle(kinds[kind].what)} '${name}' already.`);
    byName.set(name, plugin as Plugins[K]); // checked for this kind
  }
  return new Map([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface PluginFile {
  /** As the user types it. */
  readonly name: string;
  readonly path: string;
}

interface Loaded extends PluginFile {
  readonly kind: PluginKind;
  readonly plugin: unknown;
}

function filesOf(kind: Kind): readonly PluginFile[] {
  const folder = join(modules, kind.folder);
  if (!existsSync(folder)) return [];
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const entries = readdirSync(folder, { withFileTypes: true });
  const found = entries.flatMap((entry) => {
    const { name } = entry;
    if (kind.layout === 'folders') {
      const path = join(folder, name, `index${extension}`);
      return entry.isDirectory() && existsSync(path) ? [{ name, path }] : [];
    }
    const isPlugin = name.endsWith(extension) && !name.endsWith('.d.ts') && !name.endsWith(`.test${extension}`);
    return isPlugin ? [{ name: name.slice(0, -extension.length), path: join(folder, name) }] : [];
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function loadFile(kind: PluginKind, file: PluginFile): Promise<Loaded> {
  const module = (await import(pathToFileURL(file.path).href)) as Readonly<Record<string, unknown>>;
  const fault = faultOf(kinds[kind], file.name, module['default']);
  if (fault !== undefined) throw new Error(`${file.path}: ${fault}`);
  return { ...file, kind, plugin: module['default'] };
}

async function loadUserFile(path: string): Promise<Loaded> {
  if (!/\.m?js$/.test(path)) throw new BadInput(`${path}: a plug-in is a .js or .mjs file.`);
  if (!existsSync(path)) throw new BadInput(`${path}: there is no such plug-in.`);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new BadInput(`${path}: could not be loaded: ${message}`, { cause: error });
  }
  const plugin = module['default'];
  const name = basename(path).replace(/\.m?js$/, '');
  const kind = kindOf(plugin);
  if (kind === undefined) {
    const marks = Object.values(kinds).flatMap((k) => ('mark' in k ? [`'${k.mark}' (${withArticle(k.what)})`] : []));
    throw new BadInput(`${path}: the default export shows no kind: it needs one of ${marks.join(', ')}.`);
  }
  const fault = faultOf(kinds[kind], name, plugin);
  if (fault !== undefined) throw new BadInput(`${path}: ${fault}.`);
  return { name, path, kind, plugin };
}

function kindOf(plugin: unknown): PluginKind | undefined {
  if (typeof plugin !== 'object' || plugin === null) return undefined;
  for (const [name, kind] of Object.entries(kinds)) {
    if ('mark' in kind && kind.mark in plugin) return name as PluginKind; // the keys of `kinds` are the kinds
  }
  return undefined;
}

/** What is wrong with a plug-in's default export, or undefined. */
export function faultOf(kind: Kind, fileName: string, plugin: unknown): string | undefined {
  if (plugin === undefined) return `${withArticle(kind.what)} needs a default export`;
  if (typeof plugin !== 'object' || plugin === null)
    return `the default export of ${withArticle(kind.what)} must be an object`;
  const fields = plugin as Readonly<Record<string, unknown>>;
  if (fields['name'] !== fileName) {
    return `field 'name' of the ${kind.what} must be '${fileName}', the file's name, and is ${shown(fields['name'])}`;
  }
  for (const [field, type] of Object.entries(kind.fields)) {
    if (!fits(fields[field], type))
      return `field '${field}' of the ${kind.what} must be a ${type}, and is ${shown(fields[field])}`;
  }
  const decides = fields['decides'];
  if ('decides' in kind.fields && !guaranteeNames.some((guarantee) => guarantee === decides)) {
    return `field 'decides' of the checker must be a guarantee, and is ${shown(decides)}`;
  }
  return undefined;
}

function fits(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string' && value !== '';
    case 'function':
      return typeof value === 'function';
    case 'list':
      return Array.isArray(value);
    case 'filled list':
      return Array.isArray(value) && value.length > 0;
    case 'something':
      return value !== undefined;
  }
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'function' ? 'a function' : JSON.stringify(value);
}
