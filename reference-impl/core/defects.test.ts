import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { defects } from './defects.ts';

const NEEDS = { deep: 'a rare interleaving', shallow: 'few seeds' } as const;

const protocol = readFileSync(new URL('../PROTOCOL.md', import.meta.url), 'utf8');

it('PROTOCOL.md lists every defect with what must catch it', () => {
  const rows = defects.map(
    ({ name, about, caughtBy, depth, unseen }) =>
      `| \`${name}\` | ${about} | ${caughtBy.join(', ')} | ${unseen ? 'more than a history' : NEEDS[depth]} |`,
  );
  for (const row of rows) expect(protocol).toContain(row);
  expect(protocol.match(/^\| `[a-z-]+` \|.*(a rare interleaving|few seeds|more than a history) \|$/gm)).toHaveLength(
    defects.length,
  );
});

it('every file that PROTOCOL.md points at is there', () => {
  const names = [...protocol.matchAll(/`(?:core\/)?([a-z-]+\.(?:txt|ts))`/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(30);
  const folders = ['./', '../client/', '../server/', '../wire/'];
  for (const name of new Set(names)) {
    const places = name.endsWith('.txt') ? ['./testdata/'] : folders;
    const found = places.some((folder) => existsSync(new URL(folder + name, import.meta.url)));
    expect(found, name).toBe(true);
  }
});
