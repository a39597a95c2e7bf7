import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { asset } from './harness/entry.ts';
import {
  commandNames,
  loadCheckers,
  loadCommand,
  loadEnvironments,
  loadFaults,
  loadModels,
  loadSystems,
  loadWorkloads,
} from './harness/plugins.ts';
import { breaches, pluginFolders, type Source } from './test-support/tidy.ts';

const folders = [
  'history',
  'reference-impl',
  'workloads',
  'nemesis',
  'checkers',
  'harness',
  'results',
  'scripts',
  'test-support',
];

function sources(): readonly Source[] {
  const inFolders = folders.flatMap((folder) => {
    const names = readdirSync(asset(folder), { recursive: true, encoding: 'utf8' });
    return names.map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
  });
  const paths = [...readdirSync(asset('.')), ...inFolders].filter((path) => path.endsWith('.ts'));
  return paths.map((path) => ({ path, text: readFileSync(asset(path), 'utf8') }));
}

describe('the sources', () => {
  test('keep the rules of the house', () => {
    const all = sources();
    expect(all.length).toBeGreaterThan(50);
    expect(all.flatMap(breaches)).toEqual([]);
  });

  test.each(pluginFolders)('%s holds nothing but plug-ins and their tests', (folder) => {
    const entries = readdirSync(asset(folder), { withFileTypes: true });
    expect(entries.filter((entry) => !entry.isFile() || !entry.name.endsWith('.ts')).map(({ name }) => name)).toEqual(
      [],
    );
  });

  test('all plug-ins have the name of their file and the fields of their kind', async () => {
    const loaded = [loadSystems, loadWorkloads, loadFaults, loadCheckers, loadModels, loadEnvironments];
    for (const load of loaded) expect((await load()).size).toBeGreaterThan(0);
    for (const name of commandNames()) expect((await loadCommand(name)).name).toBe(name);
  });
});

describe('the rules', () => {
  const bad: readonly (Source & { readonly says: string })[] = [
    {
      path: 'history/clock.ts',
      text: "import { judge } from '../harness/judge.ts';",
      says: 'history/clock.ts: imports harness/judge.ts, which history/ may not',
    },
    {
      path: 'reference-impl/core/log.ts',
      text: "import { readFileSync } from 'node:fs';",
      says: "reference-impl/core/log.ts: imports 'node:fs', and reference-impl/core/ imports nothing at all",
    },
    {
      path: 'workloads/kinds/register.ts',
      text: "export { x as default } from '../../checkers/checker.ts';\nexport default 1;",
      says: 'workloads/kinds/register.ts: imports checkers/checker.ts, which workloads/ may not',
    },
    {
      path: 'results/load.ts',
      text: "import { unlimited } from '../checkers/checker.ts';",
      says: 'results/load.ts: imports checkers/checker.ts, which results/ may not',
    },
    {
      path: 'harness/judge.ts',
      text: "const core = await import('../reference-impl/core/types.ts');",
      says: 'harness/judge.ts: imports reference-impl/core/types.ts, which harness/ may not',
    },
    {
      path: 'harness/judge.ts',
      text: "type Role = import('../reference-impl/core/types.ts').Role;",
      says: 'harness/judge.ts: imports reference-impl/core/types.ts, which harness/ may not',
    },
    {
      path: 'harness/run.ts',
      text: 'const id = new Date().toISOString();',
      says: 'harness/run.ts: uses Date, which leaks real time or chance',
    },
    {
      path: 'nemesis/fault.ts',
      text: 'const shuffled = (a: string, b: string) => a.localeCompare(b);',
      says: 'nemesis/fault.ts: uses a.localeCompare, which leaks real time or chance',
    },
    {
      path: 'nemesis/fault.ts',
      text: "import { randomInt as draw } from 'node:crypto';",
      says: 'nemesis/fault.ts: uses randomInt, which leaks real time or chance',
    },
    {
      path: 'harness/run.test.ts',
      text: "import { setTimeout as sleep } from 'node:timers/promises';",
      says: 'harness/run.test.ts: uses node:timers/promises, which leaks real time or chance',
    },
    {
      path: 'harness/run.ts',
      text: 'globalThis.performance.now();',
      says: 'harness/run.ts: uses globalThis.performance, which leaks real time or chance',
    },
    {
      path: 'nemesis/faults/bridge.ts',
      text: 'export const bridge = {};',
      says: 'nemesis/faults/bridge.ts: a plug-in needs a default export',
    },
    {
      path: 'nemesis/faults/bridge.ts',
      text: 'export function half(): void {}\nexport default {};',
      says: "nemesis/faults/bridge.ts: a plug-in exports nothing but its default, and this one 'export function half(): void {}'",
    },
    {
      path: 'nemesis/faults/deep/bridge.ts',
      text: 'export default {};',
      says: 'nemesis/faults/deep/bridge.ts: nemesis/faults holds nothing but plug-ins, one file each',
    },
    {
      path: 'results/save.ts',
      text: 'const x = 1;\n'.repeat(401),
      says: "results/save.ts: has 401 lines; above 400 its head must say 'long because: …'",
    },
    {
      path: 'results/save.ts',
      text: ['// TO', 'DO: finish'].join(''),
      says: 'results/save.ts: carries a note of unfinished work',
    },
    {
      path: 'results/save.test.ts',
      text: ['test.on', "ly('x', () => {});"].join(''),
      says: 'results/save.test.ts: runs one test and hides the others',
    },
    {
      path: 'results/save.ts',
      text: ["const root = '/wo", "rk/main';"].join(''),
      says: 'results/save.ts: names a folder of one machine',
    },
  ];

  test.each(bad)('find: $says', ({ path, text, says }) => {
    expect(breaches({ path, text })).toContain(says);
  });

  const good: readonly Source[] = [
    { path: 'history/clock.ts', text: 'export const wallTime = () => new Date();' },
    {
      path: 'harness/systems/reference.ts',
      text: "import { x } from '../../reference-impl/core/defects.ts';\nexport default x;",
    },
    { path: 'results/record.ts', text: "import type { Anomaly } from '../checkers/checker.ts';" },
    {
      path: 'reference-impl/core/log.test.ts',
      text: "import { test } from 'vitest';\nimport { Random } from '../../history/random.ts';",
    },
    { path: 'harness/run.ts', text: '// Date and Math.random are banned\nconst a = { Date: 1 };\na.Date;' },
    { path: 'results/save.ts', text: `/** long because: one table */\n${'const x = 1;\n'.repeat(401)}` },
  ];

  test.each(good)('leave $path alone', (source) => {
    expect(breaches(source)).toEqual([]);
  });
});
