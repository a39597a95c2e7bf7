/** Each exit code of `tidemark run`, provoked as a user would meet it: the bin, real runs, plug-ins of the user's own. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asset } from './entry.ts';

const bin = asset('bin/tidemark.mjs');
/** Nothing listens there. */
const NO_DATABASE = 'postgres://127.0.0.1:9/none';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-exit-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tidemark(...args: string[]): SpawnSyncReturns<string> & { cwd: string } {
  const cwd = mkdtempSync(join(folder, 'cwd-'));
  const env = { ...process.env, TIDEMARK_DATABASE_URL: NO_DATABASE };
  return { ...spawnSync(process.execPath, [bin, ...args], { cwd, env, encoding: 'utf8', timeout: 60_000 }), cwd };
}

/** A workload of the user's own; `body` runs in each session's script before its first call. */
function workload(name: string, body: string): string {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(
    file,
    `export default { name: '${name}', about: 'test', methods: ['read'], exercises: [],
       *script() { ${body}; for (;;) yield { f: 'read', key: 'x' }; } };`,
  );
  return file;
}

const short = ['run', '--duration', '2s', '--fault', 'none', '--quiet'];

describe('exit codes of run', { timeout: 60_000 }, () => {
  it('0 when all promises are kept; a database out of reach changes nothing but one line', () => {
    const few = ['--write-path', 'quorum-ack', '--read-path', 'leader', '--guarantee', 'linearizable'];
    const run = tidemark('run', '--duration', '5s', '--fault', 'none', '--quiet', ...few);
    expect(run.stderr).toMatch(/^tidemark: run \S+ was not saved in the database: .+\n$/);
    expect(run.stdout).toMatch(/^verdict {2}KEPT.*\nreport {3}.*\nreplay {3}npx tidemark run .*\n$/);
    expect(run.status).toBe(0);
    const runs = join(run.cwd, '.tidemark', 'runs');
    const files = readdirSync(join(runs, readdirSync(runs)[0])).sort();
    expect(files).toEqual(['journal.jsonl', 'plan.json', 'report.html', 'report.txt', 'verdicts.json']);
  });

  it('254 when the store refuses its settings, 255 when nobody comes to lead: one sentence, and no list', () => {
    const refused = tidemark(...short, '--env', 'processes', '--nodes', '1', '--set', 'heartbeat-ms=300');
    const [why, unsaved] = refused.stderr.split('\n');
    expect(why).toMatch(/^tidemark: the cluster did not start: n1 ended by itself: code 254: .*--heartbeat-ms/);
    expect(unsaved).toContain('was not saved');
    expect(refused.stdout).toBe('');
    expect(refused.status).toBe(254);
    const leaderless = tidemark(...short, '--set', 'election-ms=60000');
    expect(leaderless.stderr).toContain(
      'tidemark: the cluster did not start: not every replication group had a leader',
    );
    expect(leaderless.stdout).toBe('');
    expect(leaderless.status).toBe(255);
  });

  it('1 when a promise is broken, also when nobody reads to the end', () => {
    const args = [
      'run',
      '--duration',
      '15s',
      '--fault',
      'isolate-leader',
      '--set',
      'defect=ack-before-quorum',
      '--guarantee',
      'durable',
    ];
    expect(tidemark(...args, '--quiet').status).toBe(1);
    const piped = spawnSync(
      'bash',
      ['-c', `"$@" | head -1; exit \${PIPESTATUS[0]}`, 'bash', process.execPath, bin, ...args],
      {
        cwd: mkdtempSync(join(folder, 'cwd-')),
        env: { ...process.env, TIDEMARK_DATABASE_URL: NO_DATABASE },
        encoding: 'utf8',
      },
    );
    expect(piped.stdout.split('\n')).toHaveLength(2);
    expect(piped.status).toBe(1);
  });

  it('2 when the evidence is too little', () => {
    const run = tidemark('run', '--duration', '300ms', '--fault', 'none', '--quiet', '--guarantee', 'linearizable');
    expect(run.stdout).toContain('UNDECIDED');
    expect(run.status).toBe(2);
  });

  it.each([
    [
      ['--system', 'referense'],
      "There is no system 'referense'. Did you mean 'reference'? Valid: driver, etcd, mariadb, postgres, redis, reference.",
    ],
    [['--fault', 'isolate-leder'], "There is no fault 'isolate-leder'. Did you mean 'isolate-leader'?"],
    [
      ['--fault', 'blah,kil'],
      "There is no fault 'blah'. There is no fault 'kil'. Did you mean 'kill'? Valid: none, mix, ",
    ],
    [
      ['--read-path', 'folower,leder'],
      "There is no read path 'folower'. Did you mean 'follower'? There is no read path 'leder'. Did you mean 'leader'? Valid: all, ",
    ],
    [
      ['--workload', 'regster,lgo'],
      "There is no workload 'regster'. Did you mean 'register'? There is no workload 'lgo'.",
    ],
    [['--workload', 'regster'], "There is no workload 'regster'. Did you mean 'register'?"],
    [['--read-path', 'folower'], "There is no read path 'folower'. Did you mean 'follower'?"],
    [['--write-path', 'quorum'], "There is no write path 'quorum'."],
    [['--guarantee', 'linearisable'], "There is no guarantee 'linearisable'. Did you mean 'linearizable'?"],
    [['--set', 'defect=no-fense'], "There is no defect 'no-fense'. Did you mean 'no-fence'?"],
    [['--set', 'kyes=3'], "There is no setting 'kyes'. Did you mean 'keys'?"],
    [['--set', 'keys=-3'], '--set keys=-3: a whole number from 1 to 100000 is needed.'],
    [['--set', 'keys'], '--set keys: key=value is needed.'],
    [['--duration', '60'], '--duration 60: a time from 100ms to 24h is needed, such as 1500ms, 60s or 5m.'],
    [['--nodes', '0'], '--nodes 0: a whole number from 1 to 9 is needed.'],
    [['--seed', 'x'], '--seed x: a whole number from 0 to 9007199254740991 is needed.'],
    [['--shard', '3/2', '--runs', '2'], '--shard 3/2: i/n with 1 <= i <= n is needed, such as 2/8.'],
    [['--jobs', '2'], '--jobs goes with --runs.'],
    [['--set', 'sessions=3'], 'pairs of paths, and each needs a session.'],
  ])('254 for %j, and nothing is left behind', (args, sentence) => {
    const run = tidemark('run', ...args);
    expect(run.stderr).toContain(sentence);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.status).toBe(254);
    expect(readdirSync(run.cwd)).toEqual([]);
  });

  it('255 when a script throws in the middle of a run; the journal up to there stands', () => {
    const run = tidemark(
      ...short,
      '--plugin',
      workload('throws', "throw new Error('the script broke')"),
      '--workload',
      'throws',
    );
    expect(run.stderr).toContain('the script broke');
    expect(run.status).toBe(255);
    const runs = join(run.cwd, '.tidemark', 'runs');
    const journal = readFileSync(join(runs, readdirSync(runs)[0], 'journal.jsonl'), 'utf8');
    expect(journal).toContain('"f":"phase","value":"calm"');
  });

  it('255 for a rejection that nobody handles', () => {
    const run = tidemark(
      ...short,
      '--plugin',
      workload('rejects', "void Promise.reject(new Error('nobody cares'))"),
      '--workload',
      'rejects',
    );
    expect(run.stderr).toContain('nobody cares');
    expect(run.status).toBe(255);
  });

  it('255 when a worker dies', () => {
    const run = tidemark(
      ...short,
      '--runs',
      '2',
      '--jobs',
      '1',
      '--plugin',
      workload('dies', 'process.exit(0)'),
      '--workload',
      'dies',
    );
    expect(run.stderr).toContain('a worker ended with code 0 in the middle of a run');
    expect(run.status).toBe(255);
  });
});
