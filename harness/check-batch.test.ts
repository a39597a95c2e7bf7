import { expect, test } from 'vitest';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchLines, looksLikeBatch } from './check-batch.ts';

test('a batch may begin with a byte order mark, as any other history', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch-'));
  try {
    const file = join(folder, 'marked.jsonl');
    writeFileSync(file, '\ufeff{"valid":true,"history":[{"a":"]"}]}\n\n{"more":{"history":[1]},"history":[2]}\n');
    expect(looksLikeBatch(file)).toBe(true);
    const lines: unknown[] = [];
    for await (const line of batchLines(file)) lines.push(line);
    expect(lines).toEqual([
      { line: 1, events: '[{"a":"]"}]' },
      { line: 3, events: '[2]' },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
