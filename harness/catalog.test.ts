import { describe, expect, test } from 'vitest';
import { guaranteeNames } from '../history/guarantee.ts';
import { catalog, catalogText } from './catalog.ts';

describe('the catalog', () => {
  test('holds everything that can be named, and every guarantee has a checker', async () => {
    const entries = await catalog();
    const names = (kind: string): readonly string[] =>
      entries.filter((entry) => entry.kind === kind).map(({ name }) => name);
    expect(names('system')).toContain('reference');
    expect(names('environment')).toContain('simulation');
    expect(names('guarantee')).toEqual(guaranteeNames);
    for (const kind of ['workload', 'fault', 'model', 'defect']) expect(names(kind).length).toBeGreaterThan(2);
    expect(entries.filter((entry) => entry.kind === 'guarantee' && !entry.decided)).toEqual([]);
  });

  test('tells what each pair of paths promises', async () => {
    const reference = (await catalog()).find(({ kind, name }) => kind === 'system' && name === 'reference');
    expect(reference).toMatchObject({ kind: 'system', name: 'reference' });
    const { promises } = reference as Extract<typeof reference, { kind: 'system' }>;
    const row = promises.find(({ writePath, readPath }) => writePath === 'quorum-ack' && readPath === 'leader');
    expect(row?.guarantees).toContain('linearizable');
  });

  test('names the paths of every system, and what they promise together', async () => {
    const entries = await catalog();
    const paths = entries.filter((entry) => entry.kind === 'path');
    const leader = paths.find(({ name, of, system }) => name === 'leader' && of === 'reads' && system === 'reference');
    expect(leader?.promises.find((row) => row.with === 'quorum-ack')?.guarantees).toContain('linearizable');
    expect(paths.some(({ name, of }) => name === 'quorum-ack' && of === 'writes')).toBe(true);
  });

  test('as text has a heading a kind and colours only when asked', async () => {
    const entries = await catalog();
    const plain = catalogText(entries, false);
    const heading = /^[a-z]+s$/;
    expect(plain.filter((line) => heading.test(line))).toEqual([
      'systems',
      'paths',
      'workloads',
      'faults',
      'guarantees',
      'models',
      'environments',
      'defects',
    ]);
    const escape = String.fromCharCode(27);
    expect(plain.join('\n')).not.toContain(escape);
    expect(catalogText(entries, true).join('\n')).toContain(escape);
  });
});
