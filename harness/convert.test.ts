import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { printable } from '../checkers/explain/labels.ts';
import { encodeEvent } from '../history/codec/jsonl.ts';
import { eventsOf } from '../history/testing.ts';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-convert-'));
  buildFirst();
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const journal = (...lines: string[]): string =>
  eventsOf(...lines)
    .map((event) => `${encodeEvent(event)}\n`)
    .join(''); // prettier-ignore

/** Without the lines, which are others in another file. */
const unplaced = (said: unknown): unknown =>
  JSON.parse(JSON.stringify(said).replaceAll(/,"(?:line|completionLine)":\d+/g, ''));

test('there and back again: the same verdicts', async () => {
  writeFileSync(at('bad.jsonl'), journal('p0: w x 1', 'p0: w x 2', 'p1: r x 1', 'p2: w y 7'));
  const there = await tidemark(['convert', at('bad.jsonl'), '--output', at('bad.edn')]);
  expect(there).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'tidemark: 2 keys: values are independent tuples, [key value]\n',
  }); // prettier-ignore
  expect(readFileSync(at('bad.edn'), 'utf8')).toMatch(
    /^; tidemark: .*\n\{:index 0, .*:type :invoke, :f :write, :value \["x" 1\]\}\n/,
  );
  const back = await tidemark(['convert', '-'], { input: readFileSync(at('bad.edn'), 'utf8') });
  expect(back.code).toBe(0);
  writeFileSync(at('back.jsonl'), back.stdout);
  const judged = await tidemark(['check', at('bad.jsonl'), at('back.jsonl'), '--guarantee', 'linearizable', '--json']);
  expect(judged.code).toBe(1);
  const [one, other] = judged.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
  expect(other).toEqual({ ...one, file: at('back.jsonl'), ms: expect.any(Number) as number });
  const said = await tidemark(['check', at('bad.edn'), '--guarantee', 'linearizable', '--json']);
  expect(unplaced(JSON.parse(said.stdout))).toMatchObject({
    verdict: 'invalid',
    anomalies: unplaced(one?.['anomalies']),
  });
  // What its first line says is no command: pairs can be meant all the same.
  const pairs = await tidemark(['check', at('bad.edn'), '--no-independent', '--guarantee', 'linearizable', '--json']);
  expect(JSON.parse(pairs.stdout)).toMatchObject({ verdict: 'invalid', operations: 4 });
  expect([pairs.stdout, said.stdout].map((text) => /"keys":(\d+)/.exec(text)?.[1])).toEqual(['1', '2']);
  writeFileSync(at('unsaid.edn'), readFileSync(at('bad.edn'), 'utf8').replace(/^.*\n/, ''));
  const unsaid = await tidemark(['check', at('unsaid.edn'), '--guarantee', 'linearizable']);
  expect(unsaid).toMatchObject({ code: 254, stdout: '' });
  expect(unsaid.stderr).toMatch(/line 1: Every value is a pair, .* --independent takes them apart/);
});

test("the output's name says the format, unless --to does; any other name leaves it to the input", async () => {
  writeFileSync(
    at('one.edn'),
    '{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write :value 1}',
  );
  const firstOf = async (...options: string[]): Promise<string> => {
    const output = at(options[0]);
    const { code, stderr } = await tidemark(['convert', at('one.edn'), '--output', output, ...options.slice(1)]);
    expect([code, stderr]).toEqual([0, '']);
    return readFileSync(output, 'utf8').slice(0, 7);
  };
  expect(await firstOf('two.edn')).toMatch(/^\{:/);
  expect(await firstOf('two.jsonl')).toMatch(/^\{"/);
  expect(await firstOf('two.txt')).toMatch(/^\{"/);
  expect(await firstOf('three.edn', '--to', 'jsonl')).toMatch(/^\{"/);
  expect(await firstOf('three.jsonl', '--to', 'edn')).toMatch(/^\{:/);
  const piped = await tidemark(['convert', at('one.edn'), '--output', '-']);
  expect(piped).toMatchObject({ code: 0, stdout: readFileSync(at('two.jsonl'), 'utf8') });
});

test.each([
  [['nowhere.jsonl'], /nowhere\.jsonl: There is no such file\.\n$/],
  [['broken.jsonl'], /broken\.jsonl, line 2: This is not JSON: \{"half\.\n$/],
  [['nowhere.jsonl', '--output', 'to.jsonl.gz'], /convert writes no gzip; .* \| gzip > to\.jsonl\.gz\.\n$/],
  [['broken.jsonl', '--to', 'xml'], /There is no format 'xml'\..* Valid: edn, jsonl\.\n$/],
])('%j is refused in a sentence', async ([file, ...options], sentence) => {
  writeFileSync(at('broken.jsonl'), `${journal('p0: w x 1').split('\n')[0]}\n{"half\n\n`);
  const ended = await tidemark(['convert', at(file), ...options]);
  expect(ended).toMatchObject({ code: 254, stdout: '' });
  expect(ended.stderr).toMatch(sentence);
});

test('processes that overlap are converted where that is meant, and judged alike', async () => {
  const lines = journal('p0 w x 1', 'p1: w x 2', 'p0: r x 1').split('\n');
  // The write of process 0 ends after its read.
  const late = journal('p0 w x 1', 'p0 ok')
    .split('\n')[1]
    .replace(/"time":\d+/, '"time":9000000');
  writeFileSync(at('overlapping.jsonl'), `${[...lines.slice(0, -1), late].join('\n')}\n`);
  const refused = await tidemark(['convert', at('overlapping.jsonl')]);
  expect(refused).toMatchObject({ code: 254, stdout: '' });
  expect(refused.stderr).toMatch(/, line 4: .*where that is meant, --processes overlapping allows it\.\n$/);
  const overlapping = ['--processes', 'overlapping'];
  const there = await tidemark(['convert', at('overlapping.jsonl'), '--output', at('overlapping.edn'), ...overlapping]);
  expect(there).toMatchObject({ code: 0, stderr: '' });
  for (const name of ['overlapping.jsonl', 'overlapping.edn']) {
    const judged = await tidemark(['check', at(name), '--guarantee', 'linearizable', '--json', ...overlapping]);
    expect(JSON.parse(judged.stdout), name).toMatchObject({ verdict: 'valid', operations: 3 });
  }
  const unknown = await tidemark(['convert', at('overlapping.jsonl'), '--processes', 'both']);
  expect(unknown).toMatchObject({ code: 254, stdout: '' });
  expect(unknown.stderr).toMatch(/There is no way that processes work 'both'\..* Valid: sequential, overlapping\.\n$/);
});

test('of a file that was cut off the name is told as everywhere', async () => {
  writeFileSync(at('cut\u001b[2J.jsonl'), `${journal('p0: w x 1')}{"half`);
  const { code, stderr } = await tidemark(['convert', at('cut\u001b[2J.jsonl')]);
  expect(code).toBe(0);
  expect(stderr).toBe(`tidemark: ${printable(at('cut\u001b[2J.jsonl'))}: line 3 is cut off, and left out\n`);
  expect(stderr).not.toContain('\u001b');
});

test('the header goes there and back: reads of what is uncommitted stay that', async () => {
  const ms = (time: number): string => `time=${time * 1e6}`;
  const lines = journal(
    `p0 w x 2 ${ms(0)}`,
    `p0 info ${ms(10)}`,
    `p2: r x 2 path=local ${ms(20)}`,
    `p1: r x null path=bounded-100ms ${ms(600)}`,
  );
  const header = '{"tidemark":1,"uncommittedPaths":["local"]}';
  writeFileSync(at('uncommitted.jsonl'), `${header}\n${lines}`);
  await tidemark(['convert', at('uncommitted.jsonl'), '--output', at('uncommitted.edn')]);
  for (const name of ['uncommitted.jsonl', 'uncommitted.edn'])
    expect((await tidemark(['check', at(name), '--guarantee', 'bounded-staleness'])).code, name).toBe(0);
  const back = await tidemark(['convert', at('uncommitted.edn'), '--to', 'jsonl']);
  expect(back.stdout.split('\n')[0]).toBe(header);
});

test('two leaders in one term are told where there are no operations at all', async () => {
  const note = (node: string): string =>
    JSON.stringify({
      process: 'cluster',
      type: 'info',
      f: 'sighting',
      time: 0,
      value: { node, role: 'leader', term: 3 },
    });
  writeFileSync(at('leaders.jsonl'), `${note('n1')}\n${note('n2')}\n`);
  expect(await tidemark(['check', at('leaders.jsonl')])).toMatchObject({ code: 1 });
});
