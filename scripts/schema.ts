/**
 * docs/schema.md, out of the catalog of a database that has just had all migrations.
 *
 *   npm run schema              writes it
 *   npm run schema -- --check   says whether it is true
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { asset } from '../harness/entry.ts';
import { openDatabase } from '../results/database.ts';
import { schemaDocument } from '../results/schema-document.ts';

const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
const file = asset('docs/schema.md');
const folder = mkdtempSync(join(tmpdir(), 'tidemark-schema-'));
try {
  const database = await openDatabase({ folder });
  const text = await schemaDocument(database.sql);
  if (values.check !== true) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text)
    throw new Error('docs/schema.md is not what the migrations make: npm run schema');
  await database.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
