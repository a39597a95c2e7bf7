import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Definition, definitions, drive } from '../checkers/linearizable/objects-testing.ts';
import { encodeEvent } from '../history/codec/jsonl.ts';
import { Random } from '../history/random.ts';
import { eventsOf } from '../history/testing.ts';
import { buildFirst, type Ended, tidemark } from '../test-support/tidemark.ts';

let folder: string;
beforeAll(() => {
  buildFirst();
  folder = mkdtempSync(join(tmpdir(), 'tidemark-models-'));
  const stack = (step: string): string => `export default {
    name: 'stack', about: 'Last in, first out.', methods: ['enqueue', 'dequeue'], initial: [],
    step(state, { f, value, outcome }) { ${step} },
  };`;
  const rightly = `if (f === 'enqueue') return [...state, value];
    if (outcome === 'info') return state.slice(0, -1);
    return value === (state.at(-1) ?? null) ? state.slice(0, -1) : undefined;`;
  write('stack.mjs', stack(rightly));
  write('loud.mjs', `console.log('loaded'); ${stack(`console.log('step'); ${rightly}`)}`);
  write('exits.mjs', stack('process.exit(0);'));
  write('mutates.mjs', stack('state.push(value); return state;'));
  write('spins.mjs', stack('for (;;);'));
  write('hangs.mjs', `for (;;);\n${stack(rightly)}`);
  write('leaves.mjs', `process.exit(0);\n${stack(rightly)}`);
  write('grows.mjs', stack('const all = []; for (;;) all.push(new Array(1e5).fill(all.length));'));
  write('lacks.mjs', "export default { name: 'lacks', about: 'a', methods: ['read'], initial: 0 };");
  write('strange.mjs', stack('return new Map();'));
  write('empty.mjs', '');
  write('lifo.jsonl', journal('p0: enqueue q 1', 'p0: enqueue q 2', 'p1: dequeue q 2', 'p1: dequeue q 1'));
  write('fifo.jsonl', journal('p0: enqueue q 1', 'p0: enqueue q 2', 'p1: dequeue q 1', 'p1: dequeue q 2'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const journal = (...lines: string[]): string =>
  eventsOf(...lines)
    .map((event) => `${encodeEvent(event)}\n`)
    .join('');
const check = (...args: string[]): Promise<Ended> =>
  tidemark(['check', '--guarantee', 'linearizable', ...args], { cwd: folder });

test("a model of one's own judges; ours judge the same histories otherwise", async () => {
  const own = await check('lifo.jsonl', 'fifo.jsonl', '--model', './stack.mjs');
  expect([own.code, own.stderr]).toEqual([1, '']);
  expect(own.stdout).toMatch(/^lifo\.jsonl: linearizable valid \(4 operations/);
  expect(own.stdout).toMatch(/\nfifo\.jsonl: linearizable invalid \(1 anomaly/);
  const ours = await check('lifo.jsonl', 'fifo.jsonl', '--model', 'fifo-queue');
  expect(ours.stdout).toMatch(/^lifo\.jsonl: linearizable invalid \(1 anomaly/);
  expect(ours.stdout).toMatch(/\nfifo\.jsonl: linearizable valid/);
});

test("what a model of one's own prints goes to stderr: stdout is the verdict alone", async () => {
  const { code, stdout, stderr } = await check('lifo.jsonl', '--model', './loud.mjs', '--json');
  expect([code, (JSON.parse(stdout) as { verdict: string }).verdict]).toEqual([0, 'valid']);
  expect(stderr).toMatch(/^loaded\n[^]*step\n/);
});

test.each([
  ['sees both writes of the other', '(', ')', 4, 'valid'],
  ['sees one write of two', '[', ']', 0, 'invalid'],
])("multi-register, a history in Knossos's words that %s", async (_what, open, close, y, verdict) => {
  const txn = (process: number, type: string, ...parts: string[]): string =>
    `{:type :${type} :f :txn :value ${open}${parts.join(' ')}${close} :process ${process}}\n`;
  const writes = [`[:write :x 3]`, `[:write :y 4]`];
  write(
    'multi.edn',
    [
      txn(0, 'invoke', '[:read :x nil]', '[:read :y nil]'),
      txn(0, 'ok', '[:read :x 0]', '[:read :y 0]'),
      txn(1, 'invoke', ...writes),
      txn(2, 'invoke', '[:read :y nil]', '[:read :x nil]'),
      txn(1, 'ok', ...writes),
      txn(2, 'ok', `[:read :y ${y}]`, '[:read :x 3]'),
    ].join(''),
  );
  const { stdout, stderr } = await check('multi.edn', '--model', 'multi-register', '--initial', '0');
  expect([stdout.slice(0, stdout.indexOf(' (')), stderr]).toEqual([`multi.edn: linearizable ${verdict}`, '']);
});

test('transactions of which nobody says what they are of are judged as such, and as causal', async () => {
  const lines = (...events: [string, number, string][]): string =>
    events.map(([type, process, value]) => `{:type :${type} :f :txn :value ${value} :process ${process}}\n`).join('');
  write(
    'lost.edn',
    lines(
      ['invoke', 0, '[[:r :x nil] [:w :x 1]]'],
      ['ok', 0, '[[:r :x nil] [:w :x 1]]'],
      ['invoke', 1, '[[:r :x nil] [:w :x 2]]'],
      ['ok', 1, '[[:r :x nil] [:w :x 2]]'],
    ),
  );
  write('list.edn', lines(['invoke', 0, '[[:append :x 1] [:r :x nil]]'], ['ok', 0, '[[:append :x 1] [:r :x [1]]]']));
  const lost = await tidemark(['check', 'lost.edn'], { cwd: folder });
  expect(lost.code).toBe(1);
  expect(lost.stdout).toMatch(/^lost\.edn: linearizable invalid \(1 anomaly in 2 operations/);
  expect(lost.stdout).toMatch(/\nlost\.edn: causal valid \(/);
  const named = await tidemark(['check', 'lost.edn', '--guarantee', 'linearizable'], { cwd: folder });
  expect([named.code, named.stdout.includes('linearizable invalid')]).toEqual([1, true]);
  const list = await tidemark(['check', 'list.edn'], { cwd: folder });
  expect(list.code).toBe(2);
  expect(list.stdout).toMatch(
    /^list\.edn: causal unknown \(.*list-append.* read but not judged: record .* or give this history to Elle;/,
  );
});

test.each([
  ['lacks.mjs', "lacks.mjs: Field 'step' of the model must be a function, and is missing."],
  ['empty.mjs', 'empty.mjs: a model needs a default export.'],
  ['./absent.mjs', './absent.mjs: there is no such model.'],
  ['leaves.mjs', 'leaves.mjs: could not be loaded: a model must not call process.exit'],
  [
    'exits.mjs',
    "lifo.jsonl: The model 'stack' failed: step of the enqueue of process 0, index 0: a model must not call process.exit.",
  ],
  [
    'mutates.mjs',
    "lifo.jsonl: The model 'stack' failed: step of the enqueue of process 0, index 0: Cannot add property 0, object is not extensible.",
  ],
  [
    'strange.mjs',
    "lifo.jsonl: The model 'stack' failed: step of the enqueue of process 0, index 0: a state must be a plain JSON value, and holds a Map.",
  ],
])('%s: 254 and one sentence', async (model, sentence) => {
  const { code, stdout, stderr } = await check('lifo.jsonl', '--model', model);
  expect([code, stdout, stderr]).toEqual([254, '', `tidemark: ${sentence}\n`]);
});

test.each([
  ['spins.mjs', '300ms', '300 ms spent'],
  ['grows.mjs', '20s,400MB', '400 MB spent'],
])('%s: the budget ends it, and the next file is judged', async (model, budget, reason) => {
  const { code, stdout } = await check('lifo.jsonl', 'fifo.jsonl', '--model', model, '--budget', budget);
  expect(code).toBe(2);
  const line = (file: string): string => `${file}: linearizable unknown \\(${reason}; 4 operations; [^\n]*\\)\n`;
  expect(stdout).toMatch(new RegExp(`^${line('lifo\\.jsonl')}${line('fifo\\.jsonl')}$`));
});

test('a model whose file never ends is under the same budget: no file is read, and each is undecided', async () => {
  const { code, stdout } = await check('lifo.jsonl', 'fifo.jsonl', '--model', 'hangs.mjs', '--budget', '300ms');
  expect(code).toBe(2);
  const spent = '300 ms spent while [^\n]*hangs\\.mjs was loaded or the history read';
  const line = (file: string): string => `${file}: linearizable unknown \\(${spent}; 0 operations; [^\n]*\\)\n`;
  expect(stdout).toMatch(new RegExp(`^${line('lifo\\.jsonl')}${line('fifo\\.jsonl')}$`));
});

describe('queues of 20 clients', () => {
  const queue = (what: string): Definition => {
    const found = definitions.find(([name, values]) => name === 'fifo-queue' && values === what);
    if (found === undefined) throw new Error(`no queue with ${what}`);
    return found[2];
  };
  const record = (name: string, what: string): void => {
    const how = { processes: 20, operations: 2000, infoPercent: 0, lies: 0, swaps: 0 };
    const events = drive(new Random('queues'), queue(what), how);
    const taken = events.flatMap(({ type, f, value }, at) =>
      type === 'ok' && f === 'dequeue' && value !== null && at > 2000 ? [at] : [],
    );
    // Two values, far apart, come out the other way round.
    const [a, b] = [taken[0], taken[Math.floor(taken.length / 2)]];
    [events[a], events[b]] = [
      { ...events[a], value: events[b].value },
      { ...events[b], value: events[a].value },
    ];
    write(name, events.map((event) => `${encodeEvent(event)}\n`).join(''));
  };

  test('that hold each value once are judged at once, however many orders there are', async () => {
    record('once.jsonl', 'values enqueued once');
    const { code, stdout } = await check('once.jsonl', '--model', 'fifo-queue', '--budget', '20s,1GB');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^once\.jsonl: linearizable invalid \(1 anomaly in 2,000 operations/);
    expect(stdout).toMatch(/ {2}(out of order|dequeue before enqueue): /);
  });

  test('that nobody can judge in time end in time, and say how far they came', async () => {
    record('again.jsonl', 'values that repeat');
    const { code, stdout } = await check('again.jsonl', '--model', 'fifo-queue', '--budget', '500ms,1GB');
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /unknown \((key k: )?500 ms spent( with \d+ of \d+ operations placed \(at most \d+ at once\))?; 2,000 operations/,
    );
  });
});

test('a model that is named is judged, the default one too, beside what the history tells by itself', async () => {
  const judged = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await tidemark(['check', 'lifo.jsonl', '--json', ...args], { cwd: folder });
    const lines = stdout.trim().split('\n');
    return lines.map((line) => String((JSON.parse(line) as Record<string, unknown>)['guarantee']));
  };
  expect(await judged()).toEqual(['queue']);
  expect(await judged('--model', 'fifo-queue')).toEqual(['linearizable', 'queue']);
  expect(await judged('--model', 'cas-register')).toEqual(['linearizable', 'queue']);
});
