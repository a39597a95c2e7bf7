/** `--jobs` and `--processes` of the program, with its own workers. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeEvent } from '../history/codec/jsonl.ts';
import type { Event } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import { need, vectors } from '../test-support/need.ts';
import { type Ended, tidemark } from '../test-support/tidemark.ts';
import { LARGE } from './check-tasks.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-jobs-'));
  mkdirSync(join(folder, 'many'));
  write('large.jsonl', `{"tidemark":1}\n${linesOf(atomicEvents(LARGE + 1000, LARGE))}`);
  write('small.jsonl', `{"tidemark":1}\n${linesOf(atomicEvents(50, 100))}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
const linesOf = (events: readonly Event[]): string => events.map((event) => `${encodeEvent(event)}\n`).join('');
const check = (...args: string[]): Promise<Ended> => tidemark(['check', ...args], { cwd: folder });
const timeless = (text: string): string => text.replaceAll(/"ms":[\d.]+/g, '"ms":0');

/** Of a store of one node; the read numbered `lie` returns what is not there. */
function atomicEvents(operations: number, lie: number): Event[] {
  const random = new Random('jobs');
  const state = new Map<string, { value: number; at: number }>();
  const events: object[] = [];
  for (let i = 0, log = 0; i < operations; i++) {
    const process = random.below(8);
    const key = `k${random.below(20)}`;
    const isWrite = random.chance(0.4) || i < 20;
    const common = { process, key, f: isWrite ? 'write' : 'read', session: `s${process}`, path: 'leader' };
    if (isWrite) state.set(key, { value: i, at: ++log });
    const held = state.get(key);
    const value = isWrite ? i : held === undefined ? null : i === lie ? -held.value : held.value;
    const where = { node: 'n0', version: ['g0', 1, held?.at ?? 0], position: ['g0', 1, log] };
    events.push({ type: 'invoke', time: i * 2000, ...common, value: isWrite ? i : null });
    events.push({ type: 'ok', time: i * 2000 + 1000, ...common, value, ...where });
  }
  return events as Event[];
}

describe('--jobs', () => {
  test('what is said does not depend on it', async () => {
    const args = ['large.jsonl', '--json', '--staleness', '--bound', '1s', '--jobs'];
    const [one, two] = [await check(...args, '1'), await check(...args, '2')];
    expect(one.code).toBe(1);
    expect(one.stdout).toContain('monotonic-writes');
    expect(one.stdout.trim().split('\n').length).toBeGreaterThan(6);
    expect({ ...two, stdout: timeless(two.stdout) }).toEqual({ ...one, stdout: timeless(one.stdout) });
  });

  test('a guarantee that runs out of its time is unknown, and the others are judged', async () => {
    // Waits for ever, and takes no processor from the others.
    const step = 'step: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)';
    write(
      'endless.mjs',
      `export default { name: 'e', about: 'e', methods: ['read', 'write'], initial: null, ${step} };`,
    );
    const guarantees = ['linearizable', 'fenced', 'read-your-writes'];
    const args = [
      'large.jsonl',
      '--model',
      './endless.mjs',
      '--guarantee',
      guarantees.join(),
      '--budget',
      '3s',
      '--json',
    ];
    for (const jobs of ['1', '2']) {
      const { code, stdout } = await check(...args, '--jobs', jobs);
      const told = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(told.map(({ guarantee }) => guarantee)).toEqual(guarantees);
      expect(told[0]).toMatchObject({ verdict: 'unknown', reason: '3.00 s spent' });
      expect(told.slice(1).map(({ verdict }) => verdict)).toEqual(['invalid', 'invalid']);
      expect(code).toBe(1);
    }
  });

  test.each(['0', 'two', '1.5', '-1', '65'])('%s: 254', async (jobs) => {
    const { code, stdout, stderr } = await check('small.jsonl', '--jobs', jobs);
    expect([code, stdout]).toEqual([254, '']);
    expect(stderr).toBe(`tidemark: --jobs takes how many workers may judge, 1 to 64; not '${jobs}'.\n`);
  });
});

describe('--processes', () => {
  const late = [
    ['invoke', 'read', 0, null],
    ['invoke', 'write', 1, 1],
    ['ok', 'write', 1, 1],
    ['invoke', 'read', 0, null],
    ['ok', 'read', 0, 1],
    ['ok', 'read', 0, 0],
  ].map(([type, f, process, value], time) => ({ type, f, process, value, key: 'x', time: time * 1000 })) as Event[];
  const never = late.map((event, at): Event => (at === 4 ? { ...event, value: 0 } : event));

  test('a file of such processes is refused, and the sentence names the option', async () => {
    write('late.jsonl', linesOf(late));
    const { code, stdout, stderr } = await check('late.jsonl');
    expect([code, stdout]).toEqual([254, '']);
    expect(stderr).toBe(
      'tidemark: late.jsonl, line 4: Process 0 invokes an operation while its last one on line 1 is still open; ' +
        'where that is meant, --processes overlapping allows it.\n',
    );
  });

  test('linearizable is judged for some dealing of the answers, in every format', async () => {
    const edn = (events: readonly Event[]): string =>
      events
        .map(
          ({ type, f, process, value }) =>
            `{:type :${type}, :f :${f}, :process ${process}, :value ${(value as number) ?? 'nil'}}\n`,
        )
        .join('');
    for (const [name, events] of Object.entries({ late, never })) {
      write(`${name}.jsonl`, linesOf(events));
      write(`${name}.json`, JSON.stringify(events));
      write(`${name}.edn`, edn(events));
    }
    const options = ['--initial', '0', '--processes', 'overlapping', '--guarantee', 'linearizable'];
    const good = await check('late.jsonl', 'late.json', 'late.edn', ...options);
    expect([good.code, good.stderr, good.stdout.match(/linearizable valid/g)?.length]).toEqual([0, '', 3]);
    const bad = await check('never.jsonl', 'never.json', 'never.edn', ...options);
    expect([bad.code, bad.stderr, bad.stdout.match(/linearizable invalid/g)?.length]).toEqual([1, '', 3]);
  });

  test('--path judges the reads of one path, and the answers are dealt among all', async () => {
    const paths = late.map((event, at) => ({ ...event, path: at === 0 ? 'leader' : 'follower' })) as Event[];
    write('paths.jsonl', linesOf(paths));
    const options = ['--initial', '0', '--processes', 'overlapping', '--guarantee', 'linearizable', '--path'];
    for (const path of ['leader', 'follower']) expect((await check('paths.jsonl', ...options, path)).code).toBe(0);
  });

  test('an unknown word: 254 with both', async () => {
    const { code, stderr } = await check('small.jsonl', '--processes', 'overlaping');
    expect(code).toBe(254);
    expect(stderr).toBe(
      "tidemark: There is no way that processes work 'overlaping'. Did you mean 'overlapping'? Valid: sequential, overlapping.\n",
    );
  });

  describe('histories with known verdicts', () => {
    need('vectors');

    test('are judged as given, and none is undecided', async () => {
      const names: string[] = [];
      const expected: string[] = [];
      let found = 0;
      for (const batch of ['batch', 'b2-reg', 'b2-cas', 'b2-casok']) {
        const lines = readFileSync(vectors(`register-batches/${batch}.jsonl`), 'utf8')
          .trim()
          .split('\n');
        for (const [at, line] of lines.entries()) {
          const { valid, history } = JSON.parse(line) as { valid: boolean; history: Event[] };
          if (!overlaps(history) || found++ % 4 > 0) continue;
          const name = `many/${batch}-${at + 1}.jsonl`;
          write(name, linesOf(history));
          names.push(name);
          expected.push(`${name}: linearizable ${valid ? 'valid' : 'invalid'}`);
        }
      }
      expect(names.length).toBeGreaterThan(60);
      const { stdout, stderr } = await check(...names, '--initial', '0', '--processes', 'overlapping');
      expect(stderr).toBe('');
      expect(stdout.split('\n').flatMap((line) => /^many.*?alid/.exec(line) ?? [])).toEqual(expected);
      expect(expected.some((line) => line.endsWith(' invalid'))).toBe(true);
      expect(expected.some((line) => line.endsWith(' valid'))).toBe(true);
    });
  });
});

/** Whether a process has two operations open at once. */
function overlaps(events: readonly Event[]): boolean {
  const open = new Set<unknown>();
  for (const { type, process } of events) {
    if (type !== 'invoke') open.delete(process);
    else if (open.has(process)) return true;
    else open.add(process);
  }
  return false;
}
