import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  loadCheckers,
  loadEnvironments,
  loadFaults,
  loadModels,
  loadSystems,
  loadWorkloads,
  usePlugins,
} from './plugins.ts';

describe("the package's own plug-ins", () => {
  test.each([
    ['systems', loadSystems, 'reference'],
    ['workloads', loadWorkloads, 'register'],
    ['faults', loadFaults, 'isolate-leader'],
    ['checkers', loadCheckers, 'linearizable'],
    ['models', loadModels, 'cas-register'],
    ['environments', loadEnvironments, 'simulation'],
  ] as const)('%s are found, by name, sorted', async (_, load, one) => {
    const names = [...(await load()).keys()];
    expect(names).toContain(one);
    expect(names).toEqual([...names].sort());
  });
});

describe("a user's plug-in", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-plugins-'));
    vi.stubEnv('TIDEMARK_PLUGINS', '');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
  });

  const use = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text);
    usePlugins([file], folder);
    return join(folder, file);
  };

  test('joins those of its kind, and no other', async () => {
    use('flood.mjs', "export default { name: 'flood', about: 'x', levers: [], inject: async () => undefined };");
    expect([...(await loadFaults()).keys()]).toContain('flood');
    expect([...(await loadWorkloads()).keys()]).not.toContain('flood');
  });

  test.each([
    [
      'flood.mjs',
      "export default { name: 'food', inject() {} };",
      "field 'name' of the fault must be 'flood', the file's name, and is \"food\".",
    ],
    [
      'flood.mjs',
      "export default { name: 'flood', inject() {}, about: 'x' };",
      "field 'levers' of the fault must be a list, and is missing.",
    ],
    [
      'fresh.js',
      "export default { name: 'fresh', decides: 'fresh', check() {} };",
      'field \'decides\' of the checker must be a guarantee, and is "fresh".',
    ],
    ['flood.mjs', 'export const flood = 1;', 'the default export shows no kind: it needs one of'],
    ['flood.mjs', 'throw new Error("no water");', 'could not be loaded: no water'],
    [
      'slow-disk.mjs',
      "export default { name: 'slow-disk', about: 'x', levers: [], inject() {} };",
      "there is a fault 'slow-disk' already.",
    ],
  ])('%s that is not one is refused, with file and field', async (file, text, says) => {
    const path = use(file, text);
    const refused = loadFaults();
    await expect(refused).rejects.toMatchObject({ name: 'BadInput' });
    await expect(refused).rejects.toThrow(`${path}: ${says}`);
  });

  test('that is not there, or not JavaScript, is refused', async () => {
    usePlugins(['absent.mjs'], folder);
    await expect(loadFaults()).rejects.toThrow(`${join(folder, 'absent.mjs')}: there is no such plug-in.`);
    vi.stubEnv('TIDEMARK_PLUGINS', '');
    use('flood.ts', 'export default {};');
    await expect(loadFaults()).rejects.toThrow('a plug-in is a .js or .mjs file.');
  });
});
