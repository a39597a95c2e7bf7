import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asset } from '../harness/entry.ts';
import { need } from '../test-support/need.ts';
import { openDatabase } from './database.ts';
import { schemaDocument } from './schema-document.ts';

test('docs/schema.md says what the database is; npm run schema writes it', async () => {
  need('postgres');
  const folder = mkdtempSync(join(tmpdir(), 'tm-schema-'));
  const database = await openDatabase({ folder });
  try {
    expect(await schemaDocument(database.sql)).toBe(readFileSync(asset('docs/schema.md'), 'utf8'));
    await database.sql`create table tidemark.silent (a integer)`;
    await expect(schemaDocument(database.sql)).rejects.toThrow('no migration says what these are: silent, silent.a');
  } finally {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
