/** One side of a gate, started: what it prints, and how it ends. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../history/clock.ts';
import { runFolder } from '../../results/files.ts';
import type { RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { BadInput } from '../errors.ts';
import { runBlock, type Running, runOnce, type Side } from './live.ts';
import { shellWord } from '../shell.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-live-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const kept = { verdict: 'kept', exitCode: 0, cells: [], plan: {} } as const;

function side(command: string | undefined, name: Side['name'] = 'baseline', cwd = folder): Side {
  const program = { words: [join(folder, 'no-such-program')], about: 'its own', isCallers: false } as const;
  return { name, command, program, cwd, options: [] };
}

function running(baseline: Side, candidate = baseline, stopped = (): boolean => false): Running {
  const common = { labels: {}, seed: 1, folder: join(folder, '.tidemark'), clock: realClock(), say: () => undefined };
  return { ...common, baseline, candidate, words: ['bench'], timeoutMs: 60_000, stopped };
}

/** A shell's words that print these lines, and end so; what follows them on the command line is a comment. */
function printing(lines: readonly (string | RunRecord)[], code = 0): string {
  const text = lines.map((one) => (typeof one === 'string' ? one : JSON.stringify({ schema: 1, type: 'run', ...one })));
  const file = join(mkdtempSync(join(folder, 'printed-')), 'lines');
  writeFileSync(file, `${text.join('\n')}\n`);
  return `cat ${file}; exit ${code} #`;
}

async function failure(of: Side): Promise<unknown> {
  return runOnce(running(of), of, 0).then(
    (record) => `no failure: ${record.id}`,
    (error: unknown) => error,
  );
}

describe('a run of a side', () => {
  it('is the one it prints, kept here too, whatever it was judged', async () => {
    for (const code of [0, 2]) {
      const run = sampleRecord({ ...kept, verdict: code === 0 ? 'kept' : 'undecided', exitCode: code === 0 ? 0 : 2 });
      const one = side(printing(['some progress', run], code));
      expect(await runOnce(running(one), one, 0)).toEqual(run);
      expect(existsSync(runFolder(join(folder, '.tidemark'), run.id))).toBe(true);
    }
  });

  it.each(['bench', 'run'])('(%s) starts no database, which would be in its figures', async (command) => {
    const [printed, asked] = [join(folder, `${command}.json`), join(folder, `${command}.asked`)];
    writeFileSync(printed, JSON.stringify({ schema: 1, type: 'run', ...sampleRecord(kept) }));
    const one = side(`sh -c 'echo "$*" > ${asked}; cat ${printed}' sh`);
    await runOnce({ ...running(one), words: [command, '--rate', '5'] }, one, 2);
    expect(readFileSync(asked, 'utf8')).toBe(
      `${command} --rate 5 --json --seed 3 --label side=baseline --no-database\n`,
    );
  });

  it('of a Tidemark whose run knew no --no-database is made without, and so are those of the other side', async () => {
    const [printed, asked] = [join(folder, 'old.json'), join(folder, 'old.asked')];
    writeFileSync(printed, JSON.stringify({ schema: 1, type: 'run', ...sampleRecord(kept) }));
    const told = "tidemark: There is no option '--no-database'. Valid: --seed.";
    const old = side(
      `sh -c 'echo "$*" >> ${asked}; case "$*" in *--no-database*) echo "$0" >&2; exit 254;; esac; cat ${printed}' ${shellWord(told)}`,
    );
    const said: string[] = [];
    const both = { ...running(old), words: ['run'], say: (line: string) => void said.push(line) };
    await runOnce(both, old, 0);
    await runOnce(both, old, 1);
    expect(readFileSync(asked, 'utf8').split('\n').slice(0, -1)).toEqual([
      'run --json --seed 1 --label side=baseline --no-database',
      'run --json --seed 1 --label side=baseline',
      'run --json --seed 2 --label side=baseline',
    ]);
    expect(said).toEqual(["the baseline's run knows no --no-database: a database is beside the runs of both sides"]);
  });

  it('of a candidate that took too long, and broke a promise, has broken it', async () => {
    const run = sampleRecord({ plan: {}, exitCode: 1, counts: { interrupted: 1 } });
    const one = side(printing([run], 1), 'candidate');
    expect((await runOnce(running(one), one, 0)).verdict).toBe('broken');
  });

  it('of two mixes is two runs, and neither is taken for both', async () => {
    const two = [sampleRecord(kept), sampleRecord({ ...kept, id: '20261121-070340-513-k3f9q2' })];
    const error = await failure(side(printing(two)));
    expect(error).toBeInstanceOf(BadInput);
    expect(String(error)).toMatch(/The baseline made 2 runs at once.*mixes of a bench.*a policy for each/);
  });

  it.each<[string, readonly (string | RunRecord)[], number, RegExp]>([
    ['that failed', [sampleRecord({ ...kept, exitCode: 255 })], 255, /baseline did not end well \(exit 255\).*k3f9q2/],
    ['that failed, in a command that hides it', [sampleRecord({ ...kept, exitCode: 255 })], 0, /did not end well/],
    [
      'that broke a promise and failed',
      [sampleRecord({ exitCode: 1, counts: { 'harness failures': 1 }, plan: { failures: ['n2 was lost'] } })],
      1,
      /did not end well.*n2 was lost/,
    ],
    ['that was killed when it had printed all', [sampleRecord(kept)], 137, /did not end well \(exit 137\)/],
    ['that failed before there was any', [], 255, /did not end well \(exit 255\)/],
    [
      'that somebody stopped',
      [sampleRecord({ ...kept, counts: { interrupted: 1 } })],
      0,
      /was stopped before its end.*after 60 s.*run-timeout/,
    ],
  ])('%s is not compared as if it had gone well', async (_, lines, code, message) => {
    const error = await failure(side(printing(lines, code)));
    expect(error).not.toBeInstanceOf(BadInput);
    expect(String(error)).toMatch(message);
  });

  it('of a candidate that broke a promise and failed has broken it', async () => {
    const run = sampleRecord({ plan: {}, exitCode: 1, counts: { 'harness failures': 1 } });
    const one = side(printing([run], 1), 'candidate');
    expect((await runOnce(running(one), one, 0)).verdict).toBe('broken');
  });

  it.each<[readonly (string | RunRecord)[], RegExp]>([
    [['{"schema":1,"type":"run"}'], /printed is no run that can be compared: 'id' of a run must be/],
    [['{"schema":1,"type":"run",'], /printed is no run that can be compared: .*JSON/],
    [[sampleRecord({ ...kept, id: '../../../elsewhere' })], /'id' of a run must be the id of a run/],
    [[sampleRecord({ ...kept, plan: { readPaths: 7 } })], /'plan.readPaths' of a run must be/],
    [[], /'cat .*' printed no run \(exit 0\)/],
  ])('that is none is bad input: %j', async (lines, message) => {
    const error = await failure(side(printing(lines)));
    expect(error).toBeInstanceOf(BadInput);
    expect(String(error)).toMatch(message);
    expect(existsSync(join(folder, 'elsewhere'))).toBe(false);
  });

  it.each<[string, () => Side, RegExp]>([
    ['a command that is not there', () => side('./no-such-command'), /baseline cannot be run.*exit 127.*not found/],
    [
      'a script that is not there',
      () => side(`${process.execPath} ./none.mjs`),
      /cannot be run.*exit 1\): Error: Cannot find module/,
    ],
    ['a program that is not there', () => side(undefined), /The baseline cannot be run in .*ENOENT/],
  ])('of %s is bad input', async (_, of, message) => {
    const error = await failure(of());
    expect(error).toBeInstanceOf(BadInput);
    expect(String(error)).toMatch(message);
  });
});

describe('a block', () => {
  it('is A B B A', async () => {
    const [a, b] = [1, 2].map((n) => sampleRecord({ ...kept, environment: 'processes', seed: n }));
    const block = await runBlock(running(side(printing([a])), side(printing([b]), 'candidate')), 0);
    expect(block).toEqual({ a: [a, a], b: [b, b] });
  });

  it('that is interrupted lacks what was interrupted, whether that ended well or not', async () => {
    const whole = sampleRecord({ ...kept, environment: 'processes' });
    for (const [i, command] of [
      printing([{ ...whole, counts: { interrupted: 1 } }], 2),
      printing([], 255),
      printing([], 130),
    ].entries()) {
      const asked = join(folder, `asked-${i}`);
      const candidate = side(`touch ${asked}; ${command}`, 'candidate');
      const once = runBlock(
        running(side(printing([whole])), candidate, () => existsSync(asked)),
        0,
      );
      expect(await once).toEqual({ a: [whole], b: [] });
    }
  });
});
