/** `tidemark gate` and `tidemark compare` as a user starts them: stored runs, live runs of the simulation. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../history/random.ts';
import { createRunFolder, newRunId, writeRunFiles } from '../../results/files.ts';
import { Latencies } from '../../results/histograms.ts';
import type { Cell, RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { buildFirst, tidemark } from '../../test-support/tidemark.ts';
import { asset } from '../entry.ts';
import { programIn } from './program.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-gate-test-'));
  buildFirst();
});
afterAll(() => rmSync(folder, { recursive: true }));

const minimal = '{ limits: [{ measure: p99, method: read, worse-by: 10% }] }';

/** Runs with a latency of about 1 ms, times `factor`, in files. */
function storeRuns(
  cwd: string,
  labels: Readonly<Record<string, string>>,
  factor: number,
  n: number,
  cells: Cell[] = [],
): void {
  const random = new Random(JSON.stringify(labels));
  for (let i = 0; i < n; i++) {
    const latencies = new Latencies();
    const series = latencies.series('read', 'leader', 'leader', 'calm');
    for (let k = 0; k < 300; k++) series.record(1e6 * factor * (1 + random.fraction()));
    const id = newRunId();
    const record: RunRecord = {
      ...sampleRecord(),
      id,
      labels,
      cells,
      plan: { rate: 100 },
      latencies: latencies.records(),
    };
    writeRunFiles(createRunFolder(join(cwd, '.tidemark'), id), record, '');
  }
}

describe('stored runs', () => {
  it('are found by label, gated and compared', async () => {
    const cwd = mkdtempSync(join(folder, 'stored-'));
    writeFileSync(join(cwd, 'gate.yaml'), minimal);
    storeRuns(cwd, { version: 'old' }, 1, 8);
    storeRuns(cwd, { version: 'slow' }, 1.4, 8);
    storeRuns(cwd, { version: 'same' }, 1, 8);
    const slow = await tidemark(
      ['gate', '--baseline', 'old', '--candidate', 'version=slow', '--report', 'junit=out/j.xml'],
      {
        cwd,
      },
    );
    expect(slow.stderr).toBe('');
    expect(slow.code).toBe(1);
    expect(slow.stdout).toMatch(/^gate: FAILED \(worse: read leader p99\)/);
    expect(readFileSync(join(cwd, 'out/j.xml'), 'utf8')).toContain('failures="1"');
    const same = await tidemark(['gate', '--baseline', 'old', '--candidate', 'same', '--json'], { cwd });
    expect(same.code).toBe(0);
    expect(JSON.parse(same.stdout)).toMatchObject({ schema: 1, type: 'gate', outcome: 'passed' });
    const compared = await tidemark(['compare', 'old', 'slow'], { cwd });
    expect(compared.code).toBe(0);
    expect(compared.stdout).toMatch(/read leader p99 .* differs/);
    const markdown = await tidemark(['compare', 'old', 'slow', '--markdown'], { cwd });
    expect(markdown.stdout).toMatch(/^\| read leader p50 \|/m);
    const json = await tidemark(['compare', 'last', 'old', '--json'], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 1, type: 'comparison' });
  });

  it('that are not there: what there is', async () => {
    const cwd = mkdtempSync(join(folder, 'none-'));
    writeFileSync(join(cwd, 'gate.yaml'), minimal);
    const none = await tidemark(['compare', 'a', 'b'], { cwd });
    expect(none.code).toBe(254);
    expect(none.stderr).toContain('There are no stored runs here at all');
    storeRuns(cwd, { version: 'old' }, 1, 1);
    const gone = await tidemark(['gate', '--baseline', 'mian', '--candidate', 'old'], { cwd });
    expect(gone.code).toBe(254);
    expect(gone.stderr).toMatch(/no stored run of 'mian'.*Labels: version=old\. Branches: main\. The newest: 2/);
    const both = await tidemark(['gate', '--baseline', 'old', '--candidate', 'last'], { cwd });
    expect([both.code, both.stderr]).toEqual([254, expect.stringContaining('both mean run')]);
  });

  it.each([
    [['gate'], /A gate needs --baseline and --candidate/],
    [['gate', '--live'], /Baseline and candidate are the same/],
    [['gate', '--report', 'pdf=x'], /no kind of report 'pdf'/],
    [['gate', '--calibrate', '--report', 'text=x'], /--report is of a verdict, and --calibrate comes to none/],
    [['gate', '--baseline-dir', '../main'], /--baseline-dir \.\.\/main: there is no such folder\./],
    [['gate', '--candidate-dir', 'gate.yaml'], /--candidate-dir gate\.yaml: there is no such folder\./],
    [['gate', '--live', '--baseline', 'no-such-branch'], /'no-such-branch' names no commit/],
  ])('%j', async (args, message) => {
    const cwd = mkdtempSync(join(folder, 'bad-'));
    writeFileSync(join(cwd, 'gate.yaml'), minimal);
    const ended = await tidemark(args, { cwd });
    expect(ended.code).toBe(254);
    expect(ended.stderr).toMatch(message);
  });
});

describe('live runs', () => {
  it('of a candidate that breaks a promise end the gate at once; GitHub is told', async () => {
    const cwd = mkdtempSync(join(folder, 'live-'));
    const summary = join(cwd, 'summary.md');
    writeFileSync(
      join(cwd, 'gate.yaml'),
      `bench: { env: simulation, rate: 300, duration: 1s, warm-up: 2s, records: 50, sessions: 32, read-path: follower@nearest, write-path: all-applied }
limits: [{ measure: p99, worse-by: 10% }]
`,
    );
    const ended = await tidemark(
      ['gate', '--candidate-set', 'defect=all-applied-on-append', '--no-database', '--quiet'],
      {
        cwd,
        env: { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary },
      },
    );
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^::error title=Broken promise%3A read-your-writes · all-applied · follower::/m);
    expect(ended.stdout).toMatch(/2 \+ 2 runs in 1 block of/);
    expect(readFileSync(summary, 'utf8')).toContain('### Tidemark gate: FAILED');
    // What a bench of a broken promise keeps to itself is not told of as if it had been measured, and no more runs would tell it.
    expect(ended.stdout).toMatch(/^gate: FAILED \(1 broken promise\)$/m);
    expect(ended.stdout).toMatch(/ \(in [12] of 2 runs/);
    expect(ended.stdout).toMatch(/cannot tell: not measured where the candidate broke a promise$/m);
    expect(ended.stdout).not.toMatch(/::warning|could tell/);
    const listed = await tidemark(['list', '--json'], { cwd });
    expect(listed.stdout.trim().split('\n')).toHaveLength(4);
  });

  it('that cannot be started say so', async () => {
    const cwd = mkdtempSync(join(folder, 'start-'));
    writeFileSync(join(cwd, 'gate.yaml'), minimal);
    const none = await tidemark(['gate', '--baseline-command', './no-such-program', '--quiet'], { cwd });
    expect(none.code).toBe(254);
    expect(none.stderr).toContain('The baseline cannot be run');
    const bad = await tidemark(['gate', '--candidate-set', 'colour=red', '--baseline-set', 'colour=blue', '--quiet'], {
      cwd,
    });
    expect([bad.code, bad.stderr]).toEqual([254, expect.stringContaining("There is no setting 'colour'")]);
  });
});

describe('a side', () => {
  /** A program that says whose it is, and no more. */
  const says = (what: string): string =>
    `#!/usr/bin/env node\nprocess.stderr.write('tidemark: ${what}\\n');\nprocess.exitCode = 254;\n`;

  it('of a revision that is Tidemark runs its own, not the one that gates', async () => {
    const cwd = mkdtempSync(join(folder, 'revision-'));
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd, encoding: 'utf8' });
    const commit = (what: string): void => {
      writeFileSync(join(cwd, 'bin/tidemark.mjs'), says(what));
      git('add', '.');
      git('commit', '-qm', what);
    };
    git('init', '-q');
    mkdirSync(join(cwd, 'bin'));
    writeFileSync(join(cwd, 'package.json'), '{ "name": "tidemark", "bin": { "tidemark": "bin/tidemark.mjs" } }');
    writeFileSync(join(cwd, 'gate.yaml'), minimal);
    commit('the old one ran');
    commit('the new one ran');
    const old = await tidemark(['gate', '--live', '--baseline', 'HEAD~1', '--quiet'], { cwd });
    expect([old.code, old.stderr]).toEqual([254, expect.stringContaining('baseline cannot be run: the old one ran')]);
    const gone = await tidemark(['gate', '--live', '--baseline', 'HEAD', '--prepare', 'rm -r bin', '--quiet'], { cwd });
    expect([gone.code, gone.stderr]).toEqual([254, expect.stringMatching(/program bin\/tidemark.mjs is not there/)]);
  });

  it('runs what is installed in its folder; else the one that gates', () => {
    const cwd = mkdtempSync(join(folder, 'installed-'));
    expect(programIn(cwd, 'baseline')).toMatchObject({
      words: [process.execPath, asset('bin/tidemark.mjs')],
      isCallers: true,
    });
    mkdirSync(join(cwd, 'node_modules/.bin'), { recursive: true });
    writeFileSync(join(cwd, 'node_modules/.bin/tidemark'), says('installed'), { mode: 0o755 });
    writeFileSync(join(cwd, 'package.json'), '{ "name": "a-driver", "bin": "x" }');
    expect(programIn(cwd, 'baseline')).toMatchObject({
      words: [join(cwd, 'node_modules/.bin/tidemark')],
      isCallers: false,
    });
  });

  it('that does what the other one does is called so', async () => {
    const cwd = mkdtempSync(join(folder, 'same-'));
    const latencies = new Latencies();
    latencies.record('read', 'leader', 'leader', 'calm', 1e6);
    const run = { ...sampleRecord(), cells: [], plan: {}, latencies: latencies.records() };
    writeFileSync(join(cwd, 'run.json'), `${JSON.stringify({ schema: 1, type: 'run', ...run })}\n`);
    writeFileSync(join(cwd, 'gate.yaml'), minimal);
    const args = ['gate', '--baseline-dir', folder, '--command', `cat ${join(cwd, 'run.json')} #`];
    const ended = await tidemark([...args, '--no-database', '--quiet'], { cwd });
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toMatch(
      /one program ran on both sides, 'cat .*': only what it finds in their folders differs/,
    );
    expect(ended.stdout).toContain('both sides made the same histories, byte by byte');
    expect(ended.code).toBe(0);
  });
});

it('a candidate that is not vouched for any more cannot be told from one that breaks its promises', async () => {
  const cwd = mkdtempSync(join(folder, 'unkept-'));
  const latencies = new Latencies();
  latencies.record('read', 'leader', 'leader', 'calm', 1e6);
  const store = (verdict: 'kept' | 'undecided', exitCode: 0 | 2): void => {
    const cells = [{ ...sampleRecord().cells[0], state: verdict }];
    const run = { ...sampleRecord(), verdict, exitCode, cells, plan: {}, latencies: latencies.records() };
    writeFileSync(join(cwd, `${verdict}.json`), `${JSON.stringify({ schema: 1, type: 'run', ...run })}\n`);
  };
  store('kept', 0);
  store('undecided', 2);
  writeFileSync(join(cwd, 'gate.yaml'), minimal);
  const commands = ['--baseline-command', 'cat kept.json #', '--candidate-command', 'cat undecided.json #'];
  const ended = await tidemark(['gate', ...commands, '--no-database', '--quiet'], { cwd });
  expect(ended.stderr).toBe('');
  expect(ended.stdout).toMatch(/^gate: CANNOT TELL \(not kept any more: /);
  expect(ended.stdout).toContain(
    '  linearizable · quorum-ack · leader: kept in 8 of 8 runs of the baseline, and in none of 8 of the candidate (undecided in 8)',
  );
  expect(ended.stdout).toContain('no run of the candidate is vouched for: undecided in 8; of the baseline: kept in 8');
  expect(ended.code).toBe(2);
});
