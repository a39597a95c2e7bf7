import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { realClock } from '../history/clock.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import type { Database } from './database.ts';
import { aMap } from './shape.ts';
import { exportRuns, importRuns, LINE_MAX_BYTES } from './transfer.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tm-transfer-'));
  file = join(folder, 'runs.tidemark');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Never asked: what comes before the error is no run. */
const database = {} as Database;
const head = '{"tidemark":"runs","schema":1,"runs":0}\n';
const end = '{"type":"end","runs":0}\n';
const read = (content: Uint8Array, into = database): Promise<void> => {
  writeFileSync(file, content);
  return importRuns(into, file, { plan: aMap, told: () => expect.unreachable() });
};
const packed = (...parts: readonly (string | Uint8Array)[]): Uint8Array =>
  gzipSync(Buffer.concat(parts.map((part) => Buffer.from(part))), { level: 1 });

test('a line that no text can hold is refused by its number', async () => {
  const long = Buffer.alloc(LINE_MAX_BYTES, ' ');
  await expect(read(packed(head, long, ' '))).rejects.toThrow(`${file}, line 2: it is longer than 256 MiB`);
  // One byte less, and it is read.
  await expect(read(packed(head, long))).rejects.toThrow(`${file}, line 2: no JSON object`);
});

test('a run that could not be imported again is not exported', async () => {
  const record = sampleRecord({ plan: { long: 'x'.repeat(LINE_MAX_BYTES) } });
  const source = { load: () => Promise.resolve(record), journal: () => Promise.resolve(undefined) };
  await expect(exportRuns(source, [record.id], file)).rejects.toThrow(
    `run ${record.id} is too long to be imported again: it takes more than 256 MiB`,
  );
  expect(existsSync(file)).toBe(false);
  expect(existsSync(`${file}.new`)).toBe(false);
});

test('lines are told apart by their ends, wherever the pieces of the file end', async () => {
  await read(packed(head, end));
  await read(packed(head, end.trimEnd()));
  await read(packed(`${head}{${' '.repeat(1_000_000)}${end.slice(1)}`));
  await expect(read(packed(head, end, '\n'))).rejects.toThrow(`${file}, line 3: something follows the end`);
  await expect(read(packed(head, '\n', end))).rejects.toThrow(`${file}, line 2: no JSON object`);
  await expect(read(packed(head))).rejects.toThrow(`${file} ends early, after 0 runs; those are saved`);
  // What was begun when the file was cut off is no line.
  const long = `{"a":${JSON.stringify(Array.from({ length: 9_000 }, (_, i) => Math.sqrt(i)))}}\n`;
  const cut = packed(head, long);
  await expect(read(cut.subarray(0, cut.length / 2))).rejects.toThrow(`${file} ends early, after 0 runs`);
  await expect(read(cut)).rejects.toThrow(`${file}, line 2: neither a run nor a part of a journal`);
});

describe('a journal', () => {
  const parts = ['one\n', 'two\n'];
  const sha256 = createHash('sha256').update(parts.join('')).digest('hex');
  const other = 'f'.repeat(64);
  const lines = (...names: readonly string[]): Uint8Array => {
    const chunks = parts.map((part, place) => {
      const gzip = gzipSync(part, { level: 1 }).toString('base64');
      return JSON.stringify({ type: 'chunk', sha256: names[place], place, gzip });
    });
    const journal = JSON.stringify({ type: 'journal', sha256: names[2], bytes: 8, chunks: 2 });
    return packed(head, [...chunks, journal].map((one) => `${one}\n`).join(''), end);
  };
  let asked: string[];
  const answering = (isOfRun = true): Database => {
    asked = [];
    const sql = (query: readonly string[], ...values: readonly unknown[]): Promise<readonly unknown[]> => {
      asked.push(`${/tidemark\.\w+/.exec(query.join(''))?.[0]} ${String(values[0])}`);
      return Promise.resolve(isOfRun ? [{}] : []);
    };
    return { sql, clock: realClock() } as unknown as Database;
  };

  test('comes in chunks of its name', async () => {
    await read(lines(sha256, sha256, sha256), answering());
    expect(asked).toEqual([
      `tidemark.runs ${sha256}`,
      `tidemark.save_chunk ${sha256}`,
      `tidemark.save_chunk ${sha256}`,
      `tidemark.complete_journal ${sha256}`,
    ]);
  });

  test('of no run that is here is left out', async () => {
    await read(lines(sha256, sha256, sha256), answering(false));
    expect(asked).toEqual([`tidemark.runs ${sha256}`]);
  });

  test.each([
    [[other, other, sha256], 4, sha256, other],
    [[sha256, other, sha256], 3, other, sha256],
    [[other, sha256, sha256], 3, sha256, other],
    [[sha256, sha256, other], 4, other, sha256],
  ] as const)('is refused with chunks of another name: %#', async (names, number, named, due) => {
    await expect(read(lines(...names), answering())).rejects.toThrow(
      `${file}, line ${number}: the journal ${named} comes among chunks of the journal ${due}`,
    );
    expect(asked.join()).not.toContain('complete_journal');
  });
});
