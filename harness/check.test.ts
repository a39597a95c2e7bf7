import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Readable } from 'node:stream';
import { Command } from '@commander-js/extra-typings';
import { encodeEvent } from '../history/codec/jsonl.ts';
import { eventsOf } from '../history/testing.ts';
import { missing, need, vectors } from '../test-support/need.ts';
import { buildFirst, type Ended, tidemark } from '../test-support/tidemark.ts';

import type { Io } from './command.ts';
import command from './commands/check.ts';
import { BAD_INPUT, BadInput, type ExitCode, worst } from './errors.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-check-'));
  buildFirst();
  write('good.jsonl', journal('p0: w x 1 session=a path=q', 'p1: r x 1 session=b path=leader'));
  write('bad.jsonl', journal('p0: w x 1', 'p0: w x 2', 'p1: r x 1'));
  write('broken.jsonl', `${journal('p0: w x 1')}{"half\n${journal('p0: w x 1')}`);
  write('torn.jsonl', journal('p0: w x 1', 'p1: r x 1').slice(0, -9));
  write('empty.jsonl', '');
  mkdirSync(at('many'));
  names.add('many');
  write('junk.bin', Buffer.from([0, 1, 2, 3, 255]));
});
afterAll(() => rmSync(folder, { recursive: true }));

const journal = (...lines: string[]): string =>
  eventsOf(...lines)
    .map((event) => `${encodeEvent(event)}\n`)
    .join('');
const at = (name: string): string => join(folder, name);
const names = new Set<string>(['nowhere.jsonl', 'good.jsonl/x']);
const write = (name: string, content: string | Uint8Array): void => {
  names.add(name);
  writeFileSync(at(name), content);
};

/** Runs the command in this process, which is quicker than starting the program; the worker comes from dist as always. */
async function check(...args: string[]): Promise<Ended> {
  return checkWith(Readable.from([]), ...args);
}

async function checkWith(stdin: Readable, ...args: string[]): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const codes: ExitCode[] = [];
  const io: Io = {
    out: (text) => void (stdout += text),
    err: (text) => void (stderr += text),
    drained: () => Promise.resolve(),
    stdin,
    env: {},
    cwd: folder,
    terminal: { out: false, err: false },
    colour: { out: false, err: false },
    argv: args,
    exit: (code) => void codes.push(code),
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  command.register(program, io);
  const paths = args.map((arg) => (arg.startsWith('-') || !names.has(arg) ? arg : at(arg)));
  try {
    await program.parseAsync(['check', ...paths], { from: 'user' });
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    io.err(`tidemark: ${error.message}\n`);
    io.exit(BAD_INPUT);
  }
  const local = (text: string): string => text.replaceAll(`${folder}/`, '');
  return { code: worst(codes), signal: null, stdout: local(stdout), stderr: local(stderr) };
}

const linearizable = ['--guarantee', 'linearizable'];

interface Line {
  readonly file: string;
  readonly guarantee: string;
  readonly verdict: string;
  readonly operations: number;
  readonly reason?: string;
  readonly error?: string;
  readonly line?: number;
  readonly exitCode?: number;
  readonly anomalies: readonly { readonly sentence: string; readonly operations: readonly unknown[] }[];
}
const linesOf = ({ stdout }: Ended): Line[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('one line a file and guarantee', () => {
  test('a valid file: exit 0', async () => {
    const { code, stdout, stderr } = await check('good.jsonl', ...linearizable);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^good\.jsonl: linearizable valid \(2 operations, .*1 read, 1 write.*\)\n$/);
  });

  test('the program ends with the verdict', async () => {
    expect((await tidemark(['check', at('bad.jsonl'), at('junk.bin'), at('good.jsonl')])).code).toBe(1);
  });

  test('an invalid file: exit 1, with the anomaly and its operations below', async () => {
    const { code, stdout } = await check('bad.jsonl', ...linearizable);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^bad\.jsonl: linearizable invalid \(1 anomaly in 3 operations.*\)\n {2}.+: .+\.\n( {4}\[.*\n)+ {4}last state that worked: x held 2 \(.*\n\n( {4}p\d.*├.*\n)+ {4} .*\n\n$/,
    );
  });

  test('--json', async () => {
    const ended = await check('good.jsonl', 'bad.jsonl', 'junk.bin', '--json', ...linearizable);
    const [good, bad, junk] = linesOf(ended);
    expect(good).toMatchObject({
      schema: 1,
      file: 'good.jsonl',
      guarantee: 'linearizable',
      verdict: 'valid',
      operations: 2,
      anomalies: [],
    });
    expect(bad).toMatchObject({ verdict: 'invalid', operations: 3, anomalyCount: 1 });
    expect(bad?.anomalies[0]?.operations.length).toBeGreaterThan(1);
    expect(junk).toEqual({
      schema: 1,
      file: 'junk.bin',
      error: 'This is neither JSON Lines, JSON nor EDN.',
      exitCode: 254,
    });
    expect(ended.code).toBe(1);
  });

  test('without --guarantee: what the history tells about', async () => {
    const guarantees = linesOf(await check('good.jsonl', '--json')).map(({ guarantee }) => guarantee);
    expect(guarantees).toEqual(['linearizable', 'read-your-writes', 'monotonic-reads']);
    expect(linesOf(await check('bad.jsonl', '--json')).map(({ guarantee }) => guarantee)).toEqual(['linearizable']);
  });

  test('a gzipped journal on standard input', async () => {
    const { code, stdout } = await tidemark(['check', '-', ...linearizable], {
      input: journal('p0: w x 1', 'p1: r x 1'),
    });
    expect([code, stdout.slice(0, 22)]).toEqual([0, '-: linearizable valid ']);
    write('packed', gzipSync(journal('p0: w x 1', 'p1: r x 1')));
    expect((await check('packed', ...linearizable)).code).toBe(0);
  });
});

describe('what cannot be judged', () => {
  test.each([
    ['nowhere.jsonl', 'There is no such file.'],
    ['good.jsonl/x', 'There is no such file: a part of its path is no directory.'],
    ['many', 'This is a directory, not a file.'],
    ['junk.bin', 'This is neither JSON Lines, JSON nor EDN.'],
  ])('%s: 254 and one sentence', async (file, sentence) => {
    const { code, stdout, stderr } = await check(file);
    expect({ code, stdout, stderr }).toEqual({ code: 254, stdout: '', stderr: `tidemark: ${file}: ${sentence}\n` });
  });

  test('a broken line: file, line, reason', async () => {
    const { code, stderr } = await check('broken.jsonl');
    expect([code, stderr]).toEqual([254, 'tidemark: broken.jsonl, line 3: This is not JSON: {"half.\n']);
  });

  test('a file that may not be read', async ({ skip }) => {
    write('secret.jsonl', '');
    chmodSync(at('secret.jsonl'), 0);
    if (process.getuid?.() === 0) skip('root may read everything');
    expect((await check('secret.jsonl')).stderr).toBe('tidemark: secret.jsonl: This file may not be read.\n');
  });

  test('an empty file: 0 operations, undecided', async () => {
    const { code, stdout } = await check('empty.jsonl');
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /^empty\.jsonl: linearizable unknown \(the history holds no operations; 0 operations; .*\)\n$/,
    );
  });

  test('a torn last line is a warning, and the rest is judged', async () => {
    const { code, stdout, stderr } = await check('torn.jsonl', ...linearizable);
    expect(stderr).toBe('tidemark: torn.jsonl: line 4 is cut off; the lines before it are judged\n');
    expect(stdout).toMatch(/^torn\.jsonl: linearizable (valid|unknown) \(/);
    expect([0, 2]).toContain(code);
  });

  test.each([
    [['good.jsonl', 'junk.bin'], 254],
    [['junk.bin', 'good.jsonl', 'bad.jsonl'], 1],
    [['empty.jsonl', 'junk.bin'], 254],
    [['empty.jsonl', 'good.jsonl'], 2],
  ])('%j: the worst counts, and the others are judged', async (files, worst) => {
    const { code, stdout } = await check(...files, ...linearizable);
    expect(code).toBe(worst);
    for (const file of files) if (file !== 'junk.bin') expect(stdout).toContain(`${file}: linearizable `);
  });
});

describe('arguments', () => {
  test.each([
    [
      ['--guarantee', 'linearisable'],
      /^tidemark: There is no guarantee 'linearisable'\. Did you mean 'linearizable'\? Valid: linearizable, /,
    ],
    [['--model', 'cas-registr'], /^tidemark: There is no model 'cas-registr'\. Did you mean 'cas-register'\? Valid: /],
    [
      ['--initial', 'abc'],
      /^tidemark: --initial takes JSON, and 'abc' is none; a string needs its quotes, as in '"abc"'\.\n$/,
    ],
    [['--nil-read', 'al'], /^tidemark: There is no way to read null 'al'\..* Valid: any, initial\.\n$/],
    [['--failed-cas', 'ignor'], /^tidemark: There is no way to read a failed cas 'ignor'\. Did you mean 'ignore'\?/],
    [['--budget', 'lots'], /^tidemark: --budget takes time, memory or both, as in 10s,500MB; not 'lots'\.\n$/],
    [['-', '-'], /^tidemark: Standard input can be read once only\.\n$/],
    [
      ['--guarantee', 'bounded-staleness', '--bound', '500'],
      /^tidemark: --bound takes a time, as in 500ms or 2s; not '500'\.\n$/,
    ],
    [
      [...linearizable, '--bound', '500ms'],
      /^tidemark: --bound is how old answers may be: it goes with --guarantee bounded-staleness\.\n$/,
    ],
    [['--path', 'follower'], /^tidemark: good\.jsonl: No read came by a path 'follower'\. Its read paths: leader\.\n$/],
  ])('%j: 254', async (args, sentence) => {
    const { code, stdout, stderr } = await check('good.jsonl', ...args);
    expect([code, stdout]).toEqual([254, '']);
    expect(stderr).toMatch(sentence);
  });

  test('no file at all: 254', async () => {
    const { code, stderr } = await tidemark(['check']);
    expect([code, stderr]).toEqual([254, "tidemark: Missing required argument 'file'.\n"]);
  });

  test('--initial and --nil-read decide what a read of null means', async () => {
    write('nil.jsonl', journal('p0: r x null', 'p1: w x 1', 'p0: r x 1', 'p0: r x null'));
    write('zero.jsonl', journal('p0: r x 0', 'p1: w x 1', 'p0: r x 1'));
    expect((await check('nil.jsonl', ...linearizable)).code).toBe(1);
    expect((await check('nil.jsonl', ...linearizable, '--initial', '0')).code).toBe(0);
    expect((await check('nil.jsonl', ...linearizable, '--initial', '0', '--nil-read', 'initial')).code).toBe(1);
    expect((await check('zero.jsonl', ...linearizable, '--initial', '0')).code).toBe(0);
    expect((await check('zero.jsonl', ...linearizable)).code).toBe(1);
  });

  test('--failed-cas ignore takes no evidence from a mismatch', async () => {
    write('mismatch.jsonl', journal('p0: w x 1', 'p0 cas x 1 2', 'p0 fail error=mismatch', 'p1: r x 1'));
    expect((await check('mismatch.jsonl', ...linearizable)).code).toBe(1);
    expect((await check('mismatch.jsonl', ...linearizable, '--failed-cas', 'ignore')).code).toBe(0);
  });

  test('--thread device follows each device of a session by itself', async () => {
    write('devices.jsonl', journal('p0: w x 1 session=s device=a', 'p1: r x null session=s device=b'));
    const of = ['--guarantee', 'read-your-writes'];
    expect((await check('devices.jsonl', ...of)).code).toBe(1);
    expect((await check('devices.jsonl', ...of, '--thread', 'session')).code).toBe(1);
    expect((await check('devices.jsonl', ...of, '--thread', 'device')).code).not.toBe(1);
  });

  test('operations are operations for every guarantee, and one is said in the singular', async () => {
    write('cas.jsonl', journal('p0: w x 1', 'p0: cas x 1 2', 'p1 r x', 'p1 fail', 'p1: r y null'));
    const ended = await check('cas.jsonl', '--json', '--guarantee', 'linearizable,monotonic-reads');
    expect(linesOf(ended).map(({ operations }) => operations)).toEqual([4, 4]);
    expect((await check('cas.jsonl', ...linearizable)).stdout).toMatch(/\b1 cas\b/);
    write('twice.jsonl', journal('p0: w x 1', 'p1: w x 1', 'p2: r x 1'));
    expect((await check('twice.jsonl', '--guarantee', 'consistent-prefix')).stdout).toMatch(/ 1 ambiguous; /);
    write('set.jsonl', journal('p0: add x 1', 'p1: r x [1]', 'p0: add x 2'));
    expect((await check('set.jsonl', '--guarantee', 'set')).stdout).toMatch(
      /\b2 adds, 1 read,.* 1 never read afterwards\b/,
    );
  });

  test('--path judges the reads of one path, and all writes', async () => {
    write(
      'paths.jsonl',
      journal('p0: w x 1 path=quorum', 'p0: w x 2 path=quorum', 'p1: r x 1 path=follower', 'p2: r x 2 path=leader'),
    );
    const whole = await check('paths.jsonl', ...linearizable);
    expect(whole.code).toBe(1);
    expect(whole.stderr).toBe(
      'tidemark: paths.jsonl: reads came by follower, leader, and are judged together; --path judges one of them\n',
    );
    expect((await check('paths.jsonl', ...linearizable, '--path', 'follower')).code).toBe(1);
    const leader = await check('paths.jsonl', ...linearizable, '--path', 'leader');
    expect([leader.code, leader.stderr]).toEqual([0, '']);
  });

  test('how old answers may be is said by their path, or by --bound', async () => {
    const ms = (time: number): string => `time=${time * 1e6}`;
    write(
      'ages.jsonl',
      journal(
        `p0: w x 1 ${ms(0)}`,
        `p0: w x 2 ${ms(1)}`,
        `p2: r x 2 path=leader ${ms(2)}`,
        `p1: r x 1 path=bounded-500ms ${ms(400)}`,
        `p1: r x 2 path=bounded-100ms ${ms(600)}`,
        `p1: r x 1 path=follower ${ms(700)}`,
      ),
    );
    const of = ['--guarantee', 'bounded-staleness'];
    const named = await check('ages.jsonl', ...of);
    expect([named.code, named.stderr]).toEqual([0, '']);
    expect(named.stdout).toMatch(/^ages\.jsonl: bounded-staleness valid \(6 operations, 2 reads, 1 stale, /);
    expect(linesOf(await check('ages.jsonl', '--json')).map(({ guarantee }) => guarantee)).toContain(
      'bounded-staleness',
    );
    expect((await check('ages.jsonl', ...of, '--bound', '2s')).stdout).toContain(' 4 reads, ');
    expect((await check('ages.jsonl', ...of, '--bound', '500ms')).code).toBe(1);
    // The leader's read is what tells that 2 was not lost.
    expect((await check('ages.jsonl', ...of, '--bound', '500ms', '--path', 'follower')).code).toBe(1);
    expect((await check('ages.jsonl', ...of, '--path', 'bounded-500ms')).code).toBe(0);
    expect((await check('ages.jsonl', ...of, '--path', 'follower')).code).toBe(2);
    const all = await check('ages.jsonl', '--bound', '500ms', '--path', 'follower', '--json');
    expect(linesOf(all).map(({ guarantee, verdict }) => `${guarantee} ${verdict}`)).toEqual([
      'linearizable invalid',
      'bounded-staleness invalid',
    ]);
  });

  test('what the header says of paths that show the uncommitted is heeded', async () => {
    const ms = (time: number): string => `time=${time * 1e6}`;
    const lines = journal(
      `p0 w x 2 ${ms(0)}`,
      `p0 info ${ms(10)}`,
      `p2: r x 2 path=local ${ms(20)}`,
      `p1: r x null path=bounded-100ms ${ms(600)}`,
    );
    write('uncommitted.jsonl', `{"tidemark":1,"uncommittedPaths":["local"]}\n${lines}`);
    write('committed.jsonl', `{"tidemark":1}\n${lines}`);
    const of = ['--guarantee', 'monotonic-reads,bounded-staleness'];
    expect((await check('uncommitted.jsonl', ...of)).stdout).toContain('bounded-staleness valid');
    expect((await check('committed.jsonl', ...of)).stdout).toContain('bounded-staleness invalid');
  });

  test('--independent takes the keys out of tuples', async () => {
    write(
      'tuples.edn',
      '[{:process 0 :type :invoke :f :write :value [1 5]} {:process 0 :type :ok :f :write :value [1 5]} {:process 1 :type :invoke :f :read :value [2 nil]} {:process 1 :type :ok :f :read :value [2 nil]}]',
    );
    expect((await check('tuples.edn', ...linearizable, '--independent')).code).toBe(0);
  });
});

test('the budget holds: a checker that cannot end is ended, and the next file is judged', async () => {
  const endless = new Readable({ read: () => undefined });
  const { code, stdout } = await checkWith(endless, '-', 'good.jsonl', '--budget', '100ms', ...linearizable);
  expect(code).toBe(2);
  expect(stdout).toMatch(
    /^-: linearizable unknown \(100 ms spent while the history was read; 0 operations; .*\)\ngood\.jsonl: linearizable valid/,
  );
});

test('a stream of a history a line that pauses for longer than the budget', async () => {
  const line = `{"history":[${journal('p0: w x 1', 'p1: r x 1').trim().split('\n').join(',')}]}\n`;
  const pausing = new Readable({ read: () => undefined });
  pausing.push(line);
  const { code, stdout, stderr } = await checkWith(pausing, '-', '--budget', '2s', ...linearizable);
  expect(stdout).toMatch(/^-:1: linearizable valid [^\n]*\n$/);
  expect(stderr).toBe('tidemark: -: 2.00 s spent waiting for the next line; what follows is undecided\n');
  expect(code).toBe(2);
});

test('memory is a budget too', async () => {
  const { code, stdout } = await check('good.jsonl', '--budget', '1MB', ...linearizable);
  expect(code).toBe(2);
  expect(stdout).toMatch(/^good\.jsonl: linearizable unknown \(1 MB spent/);
});

describe('recorded histories of real systems have their known verdicts', () => {
  interface Known {
    readonly model: string;
    readonly valid: boolean;
  }
  const known = missing('vectors')
    ? {}
    : (JSON.parse(readFileSync(vectors('verdicts.json'), 'utf8')) as Record<string, Known>);

  test.each([
    ['porcupine-etcd/', ['--model', 'cas-register', ...linearizable]],
    ['knossos-cas-register/', ['--model', 'cas-register', '--initial', '0']],
  ])('%s', async (prefix, args) => {
    need('vectors');
    const files = Object.keys(known).filter((name) => name.startsWith(prefix));
    expect(files.length).toBeGreaterThan(50);
    const ended = await check(...files.map(vectors), '--json', ...args);
    const verdicts = linesOf(ended).map(({ file, verdict }) => [file, verdict]);
    expect(verdicts).toEqual(files.map((name) => [vectors(name), known[name]?.valid ? 'valid' : 'invalid']));
    expect(ended.code).toBe(1);
  });
});

test('a folder of files is named file by file', async () => {
  for (let n = 0; n < 5; n++) write(`many/${n}.jsonl`, journal('p0: w x 1', 'p1: r x 1'));
  const files = readdirSync(at('many')).map((name) => `many/${name}`);
  expect(linesOf(await check(...files, '--json', ...linearizable)).map(({ file }) => file)).toEqual(files);
});
