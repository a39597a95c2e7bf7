/** Everything that a user can name on the command line, as plain data and as text. */
import { styleText } from 'node:util';
import { type Guarantee, guaranteeNames, guarantees } from '../history/guarantee.ts';
import { loadCheckers, loadEnvironments, loadFaults, loadModels, loadSystems, loadWorkloads } from './plugins.ts';
import type { Setting } from './setting.ts';
import type { Path, System } from './system.ts';

interface NamedThing {
  readonly name: string;
  readonly about: string;
}

export type CatalogEntry =
  | (NamedThing & {
      readonly kind: 'system';
      readonly methods: readonly string[];
      readonly readPaths: readonly Path[];
      readonly writePaths: readonly (Path & { readonly promises: readonly Guarantee[] })[];
      /** What each way of writing and reading promises together. */
      readonly promises: readonly {
        readonly writePath: string;
        readonly readPath: string;
        readonly guarantees: readonly Guarantee[];
      }[];
      readonly always: readonly Guarantee[];
      readonly settings: readonly NamedThing[];
    })
  | (NamedThing & {
      readonly kind: 'path';
      readonly system: string;
      /** What goes by it. */
      readonly of: 'reads' | 'writes';
      /** What each path of the other sort makes of it. */
      readonly promises: readonly { readonly with: string; readonly guarantees: readonly Guarantee[] }[];
    })
  | (NamedThing & {
      readonly kind: 'workload';
      readonly methods: readonly string[];
      readonly optional: readonly string[];
      readonly exercises: readonly Guarantee[];
    })
  | (NamedThing & { readonly kind: 'fault'; readonly levers: readonly string[]; readonly optIn: boolean })
  | (NamedThing & {
      readonly kind: 'guarantee';
      readonly source: string;
      readonly scope: string;
      /** Whether there is a checker that decides it. */
      readonly decided: boolean;
    })
  | (NamedThing & { readonly kind: 'model'; readonly methods: readonly string[] })
  | (NamedThing & { readonly kind: 'environment'; readonly settings: readonly NamedThing[] })
  | (NamedThing & { readonly kind: 'defect'; readonly system: string });

/** All entries, kind by kind, each kind sorted by name (guarantees in the order of their definitions). */
export async function catalog(): Promise<readonly CatalogEntry[]> {
  const [systems, workloads, faults, checkers, models, environments] = await Promise.all([
    loadSystems(),
    loadWorkloads(),
    loadFaults(),
    loadCheckers(),
    loadModels(),
    loadEnvironments(),
  ]);
  const decided = new Set([...checkers.values()].map((checker) => checker.decides));
  return [
    ...[...systems.values()].map(systemEntry),
    ...[...systems.values()].flatMap(pathEntries),
    ...[...workloads.values()].map(({ name, about, methods, optional = [], exercises }): CatalogEntry => {
      return { kind: 'workload', name, about, methods, optional, exercises };
    }),
    ...[...faults.values()].map(({ name, about, levers, optIn = false }): CatalogEntry => {
      return { kind: 'fault', name, about, levers, optIn };
    }),
    ...guaranteeNames.map((name): CatalogEntry => {
      const { definition, source, scope } = guarantees[name];
      return { kind: 'guarantee', name, about: definition, source, scope, decided: decided.has(name) };
    }),
    ...[...models.values()].map(({ name, about, methods }): CatalogEntry => ({ kind: 'model', name, about, methods })),
    ...[...environments.values()].map(({ name, about, settings }): CatalogEntry => {
      return { kind: 'environment', name, about, settings: settings.map(named) };
    }),
    ...[...systems.values()].flatMap((system) => {
      const values = system.settings.find((setting) => setting.name === 'defect')?.values ?? [];
      return values.map((value): CatalogEntry => ({ kind: 'defect', ...named(value), system: system.name }));
    }),
  ];
}

function systemEntry(system: System): CatalogEntry {
  const { name, about, methods, readPaths, writePaths, always } = system;
  return {
    kind: 'system',
    name,
    about,
    methods,
    readPaths,
    writePaths: writePaths.map((path) => ({ ...path, promises: system.promisesOfWrites(path.name) })),
    promises: writePaths.flatMap((write) =>
      readPaths.map((read) => {
        return { writePath: write.name, readPath: read.name, guarantees: system.promises(write.name, read.name) };
      }),
    ),
    always,
    settings: system.settings.map(named),
  };
}

function pathEntries(ofSystem: System): readonly CatalogEntry[] {
  const { name: system, readPaths, writePaths } = ofSystem;
  const writes = writePaths.map(({ name, about }): CatalogEntry => {
    const made = readPaths.map((read) => ({ with: read.name, guarantees: ofSystem.promises(name, read.name) }));
    return { kind: 'path', name, about, system, of: 'writes', promises: made };
  });
  const reads = readPaths.map(({ name, about }): CatalogEntry => {
    const made = writePaths.map((write) => ({ with: write.name, guarantees: ofSystem.promises(write.name, name) }));
    return { kind: 'path', name, about, system, of: 'reads', promises: made };
  });
  return [...writes, ...reads];
}

function named({ name, about }: NamedThing | Setting): NamedThing {
  return { name, about };
}

/** The same for people. */
export function catalogText(entries: readonly CatalogEntry[], colour: boolean): readonly string[] {
  const bold = (text: string): string => (colour ? styleText('bold', text, { validateStream: false }) : text);
  const lines: string[] = [];
  for (const kind of new Set(entries.map((entry) => entry.kind))) {
    const ofKind = entries.filter((entry) => entry.kind === kind);
    const width = ofKind.reduce((widest, entry) => Math.max(widest, entry.name.length), 0);
    if (lines.length > 0) lines.push('');
    lines.push(bold(`${kind}s`));
    for (const entry of ofKind) {
      lines.push(`  ${entry.name.padEnd(width)}  ${entry.about}`);
      lines.push(...details(entry).map((detail) => `  ${' '.repeat(width)}  ${detail}`));
    }
  }
  return lines;
}

function details(entry: CatalogEntry): readonly string[] {
  switch (entry.kind) {
    case 'system':
      return systemDetails(entry);
    case 'path':
      return [`of the ${entry.of} of ${entry.system}: --${entry.of === 'reads' ? 'read' : 'write'}-path ${entry.name}`];
    case 'workload':
      return [
        `asks ${[...entry.methods, ...entry.optional.map((one) => `${one} where there is one`)].join(', ')}; exercises ${entry.exercises.join(', ')}`,
      ];
    case 'guarantee':
      return [`of the ${entry.scope}; ${entry.source}${entry.decided ? '' : '; no checker decides it yet'}`];
    case 'environment':
      return entry.settings.map((setting) => `--set ${setting.name}=…: ${setting.about}`);
    case 'fault':
      return entry.optIn ? ['not part of mix: only where it is named'] : [];
    case 'model':
    case 'defect':
      return [];
  }
}

function systemDetails(system: Extract<CatalogEntry, { kind: 'system' }>): readonly string[] {
  return [
    ...system.writePaths.map((path) => `write path ${path.name}: ${path.about}; promises ${list(path.promises)}`),
    ...system.readPaths.map((path) => `read path ${path.name}: ${path.about}`),
    ...system.promises.map((row) => `${row.writePath} with ${row.readPath} promises ${list(row.guarantees)}`),
    `always promises ${list(system.always)}`,
    ...system.settings.map((setting) => `--set ${setting.name}=…: ${setting.about}`),
  ];
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}
