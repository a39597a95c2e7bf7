/** What `tidemark check` writes besides lines for people: pictures, Knossos's shape; and of what names no key. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeEvent } from '../history/codec/jsonl.ts';
import { eventsOf } from '../history/testing.ts';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-formats-'));
  buildFirst();
  write('good.jsonl', 'p0: w x 1', 'p1: r x 1');
  write('bad.jsonl', 'p0: w x 1', 'p0: w x 2', 'p1: r x 1');
  writeFileSync(join(folder, 'junk.bin'), 'no history');
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, ...lines: string[]): void {
  const text = eventsOf(...lines).map((event) => `${encodeEvent(event)}\n`);
  writeFileSync(join(folder, name), text.join(''));
}

const untimed = (json: string): string => json.replaceAll(/"ms":\d+/g, '');

const check = (...args: string[]) => tidemark(['check', ...args], { cwd: folder });

test('what would move the cursor in the name of a file is shown by its number', async () => {
  write('\u001b[2Jgood.jsonl', 'p0: w x 1', 'p1: r x 1');
  const { code, stdout, stderr } = await check('\u001b[2Jno.jsonl', '\u001b[2Jgood.jsonl');
  expect([code, stderr]).toEqual([254, 'tidemark: \\u{1b}[2Jno.jsonl: There is no such file.\n']);
  expect(stdout).toMatch(/^\\u\{1b\}\[2Jgood\.jsonl: linearizable valid [^\u001b]*$/);
});

test('--svg: a picture of each anomaly, in a folder that is made', async () => {
  const { code, stderr } = await check('bad.jsonl', '--guarantee', 'linearizable', '--svg', 'made/pictures');
  expect([code, stderr]).toEqual([1, 'tidemark: wrote made/pictures/bad.jsonl-linearizable-1.svg\n']);
  const svg = readFileSync(join(folder, 'made/pictures/bad.jsonl-linearizable-1.svg'), 'utf8');
  expect(svg).toMatch(/^<svg .*<\/svg>\n$/s);
  const inAFile = await check('bad.jsonl', '--svg', 'bad.jsonl/x');
  expect([inAFile.code, inAFile.stderr]).toEqual([254, expect.stringMatching(/--svg cannot write .*ENOTDIR/)]);
});

test('--format knossos: JSON, EDN, a file that is none', async () => {
  const ended = await check('good.jsonl', 'bad.jsonl', 'junk.bin', '--format', 'knossos');
  const [good, bad, junk] = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(ended.code).toBe(1);
  expect(good).toMatchObject({ 'valid?': true });
  expect(bad).toMatchObject({ 'valid?': false, op: { process: 1, f: 'read', index: 5 }, 'previous-ok': { index: 3 } });
  expect(junk).toMatchObject({ 'valid?': 'unknown', cause: 'bad-input' });
  const edn = await check('bad.jsonl', '--format', 'knossos-edn');
  expect(edn.stdout).toMatch(/^\{:valid\? false, :analyzer :linear, :op \{:process 1, :type :ok, :f :read, :value 1/);
});

test('an unknown format, and one that cannot tell what is asked', async () => {
  const unknown = await check('bad.jsonl', '--format', 'xml');
  expect([unknown.code, unknown.stderr]).toEqual([
    254,
    expect.stringContaining('Valid: text, json, knossos, knossos-edn.'),
  ]);
  expect((await check('bad.jsonl', '--format', 'knossos', '--guarantee', 'durable')).code).toBe(254);
});

test('a history a line: each is judged by itself, and named by its line', async () => {
  const ofValue = (value: number, note: string): string =>
    `{"valid":${value === 1},"note":"${note}","history":${JSON.stringify(eventsOf('p0: w x 1', `p1: r x ${value}`))}}\n`;
  const large = ofValue(1, 'large').replaceAll('"value":1', '"value":9007199254740993');
  const other = large.replace(/(.*)9007199254740993/, '$19007199254740992');
  writeFileSync(
    join(folder, 'batch.jsonl'),
    [
      '{"valid":true,"history":[]}\n',
      ofValue(2, '\\"history\\":[3]'),
      '\n',
      ofValue(1, ']}'),
      'junk\n',
      large,
      other,
    ].join(''),
  );
  const ended = await check('batch.jsonl', 'good.jsonl', '--guarantee', 'linearizable', '--json');
  const told = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { file: string; verdict?: string });
  expect(told.map(({ file, verdict }) => `${file} ${verdict ?? 'refused'}`)).toEqual([
    'batch.jsonl:1 unknown',
    'batch.jsonl:2 invalid',
    'batch.jsonl:4 valid',
    'batch.jsonl:5 refused',
    'batch.jsonl:6 valid',
    'batch.jsonl:7 invalid',
    'good.jsonl valid',
  ]);
  expect(told[1]).toMatchObject({ anomalies: [{ operations: [{ line: 2, completionLine: 2 }] }] });
  expect(ended.code).toBe(1);
  // The same gzipped, and from standard input.
  const packed = gzipSync(readFileSync(join(folder, 'batch.jsonl')));
  writeFileSync(join(folder, 'packed'), packed);
  for (const [name, input] of [
    ['packed', undefined],
    ['-', packed],
  ] as const) {
    const other = await tidemark(['check', name, '--guarantee', 'linearizable', '--json'], {
      cwd: folder,
      ...(input && { input }),
    });
    const same = ended.stdout.replaceAll(/.*"good\.jsonl".*\n/g, '').replaceAll('"batch.jsonl:', `"${name}:`);
    expect(untimed(other.stdout)).toBe(untimed(same));
    expect(other.code).toBe(1);
  }
  expect(ended.stderr).toMatch(/^tidemark: batch\.jsonl:5: This line of a file of histories holds none: [^\n]*\n$/);
});

test('a read of no keys is 1 operation, of nothing', async () => {
  const event = (type: string): string => `{"type":"${type}","process":0,"time":0,"f":"readMany","value":[]}\n`;
  writeFileSync(join(folder, 'nothing.jsonl'), event('invoke') + event('ok'));
  const { code, stdout } = await check('nothing.jsonl');
  expect(code).toBe(2);
  expect(stdout).toMatch(/^nothing\.jsonl: \S+ unknown \(no operation names a key; 1 operation; /);
});
