/** Several workers on one file: what is told, and in which order. The workers here do what a test says. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defaultSemantics } from '../checkers/checker.ts';
import { realClock } from '../history/clock.ts';
import type { Guarantee } from '../history/guarantee.ts';
import { FileCheck, type Order } from './check-file.ts';
import { LARGE, tasksOf } from './check-tasks.ts';
import { CheckThread } from './check-thread.ts';
import type { Io } from './command.ts';
import { HARNESS_FAILED, KEPT, UNDECIDED } from './errors.ts';
import { defaultLimits, type Limits } from './limits.ts';

let folder: string;
let script: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-file-'));
  script = join(folder, 'worker.mjs');
  // `path` says what to do at each guarantee; `modelFile` names a file that is there once memory has been spent.
  writeFileSync(
    script,
    `import { existsSync, writeFileSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    import { setTimeout } from 'node:timers/promises';
    const say = (message) => parentPort.postMessage(message);
    async function judge(job) {
      const deeds = JSON.parse(job.path);
      for (const guarantee of job.guarantees) {
        const deed = deeds[guarantee];
        const verdict = (type, reason) =>
          say({ type: 'verdict', guarantee, ms: 1, verdict: { type, reason, examined: { operations: 3 } } });
        if (deed === 'slow') await setTimeout(150);
        if (deed === 'spin') for (;;);
        if (deed === 'die') process.exit(7);
        if (deed === 'fail') throw new Error('oh dear');
        if (deed === 'unfit') { say({ type: 'unfit', guarantee, reason: 'The model will not do.' }); continue; }
        if (deed === 'grow' && !existsSync(job.modelFile)) {
          await setTimeout(50);
          writeFileSync(job.modelFile, '');
          verdict('unknown', 'key x: 4 GB spent before it was looked at');
        } else verdict('valid');
      }
    }
    async function work(job) {
      if (job.type === 'read') {
        const goesOn = job.jobs === 1;
        say({ type: 'read', operations: 3, guarantees: job.guarantees, warnings: [], history: {}, uncommitted: [], goesOn });
        if (!goesOn) return;
      }
      await judge(job);
    }
    parentPort.on('message', (job) => {
      if (job.type !== 'forget')
        work(job).catch((error) => say({ type: 'failed', reason: error.message })).then(() => say({ type: 'done' }));
    });
    say({ type: 'ready' });`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));
const flag = (): string => join(folder, 'spent');
beforeEach(() => rmSync(flag(), { force: true }));

type Deeds = { readonly [name in Guarantee]?: string };

interface Told {
  readonly code: number;
  /** Lines of stdout, without counts and times, then those of stderr. */
  readonly lines: readonly string[];
}

async function told(jobs: number, deeds: Deeds, limits: Partial<Limits> = {}): Promise<Told> {
  const threads = Array.from({ length: jobs }, () => new CheckThread(script, realClock()));
  let interrupted = false;
  let stdout = '';
  let stderr = '';
  const io: Io = {
    out: (text) => {
      stdout += text;
      if (deeds.convergent !== 'interrupt' || !text.includes('fenced')) return;
      interrupted = true;
      for (const thread of threads) thread.interrupt();
    },
    err: (text) => void (stderr += text),
    drained: () => Promise.resolve(),
    stdin: Readable.from([]),
    env: {},
    cwd: folder,
    terminal: { out: false, err: false },
    colour: { out: false, err: false },
    argv: [],
    exit: () => undefined,
  };
  const order: Order = {
    guarantees: Object.keys(deeds) as Guarantee[],
    semantics: defaultSemantics,
    modelFile: flag(),
    modelGiven: true,
    limits: { ...defaultLimits, ...limits },
    jobs,
    independent: undefined,
    processes: 'sequential',
    path: JSON.stringify(deeds),
    staleness: false,
    format: 'text',
    svg: undefined,
  };
  const code = await new FileCheck('f', order, threads, io, () => interrupted).run();
  await Promise.all(threads.map((thread) => thread.end()));
  return {
    code,
    lines: `${stdout.replaceAll(/ \(3 operations.*\)/g, '').replaceAll(/; 3 op.*/g, ')')}${stderr}`.trim().split('\n'),
  };
}

describe.each([1, 2, 3])('%i at the same time', (jobs) => {
  test('verdicts are told in the order of the guarantees, whoever ends first', async () => {
    const { code, lines } = await told(jobs, { linearizable: 'slow', fenced: 'quick', durable: 'quick' });
    expect(code).toBe(KEPT);
    expect(lines).toEqual(['f: linearizable valid', 'f: fenced valid', 'f: durable valid']);
  });

  test('one that does not end is stopped, and the others are judged: those before, beside and behind it', async () => {
    const deeds: Deeds = {
      durable: 'quick',
      'read-your-writes': 'spin',
      fenced: 'slow',
      'monotonic-reads': 'quick',
      linearizable: 'quick',
    };
    const { code, lines } = await told(jobs, deeds, { ms: 200 });
    expect(code).toBe(UNDECIDED);
    expect(lines).toEqual([
      'f: durable valid',
      'f: read-your-writes unknown (200 ms spent)',
      'f: fenced valid',
      'f: monotonic-reads valid',
      'f: linearizable valid',
    ]);
  });

  test.each([
    ['die', 'The worker ended with code 7.'],
    ['fail', 'oh dear'],
  ])('%s: it ends there, and what stands before it is told', async (deed, reason) => {
    const deeds: Deeds = { durable: 'slow', fenced: deed, linearizable: 'spin', convergent: 'quick' };
    const { code, lines } = await told(jobs, deeds);
    expect(code).toBe(HARNESS_FAILED);
    expect(lines).toEqual(['f: durable valid', `tidemark: failed itself: f: ${reason}`]);
  });

  test('a model that will not do', async () => {
    const { lines } = await told(jobs, { linearizable: 'unfit', fenced: 'quick' });
    expect(lines).toEqual(['f: fenced valid', 'tidemark: f: The model will not do.']);
  });

  test('an interrupt ends all, and what was judged is told', async () => {
    const { lines } = await told(jobs, { fenced: 'slow', convergent: 'interrupt', linearizable: 'spin' });
    expect(lines.slice(0, 1)).toEqual(['f: fenced valid']);
    expect(lines).not.toContain('f: linearizable valid');
  });
});

test('memory that two spent together is given to one alone, before it is said to be too little', async () => {
  const { code, lines } = await told(2, { linearizable: 'grow', fenced: 'slow', durable: 'slow' });
  expect(existsSync(flag())).toBe(true);
  expect(code).toBe(KEPT);
  expect(lines).toEqual(['f: linearizable valid', 'f: fenced valid', 'f: durable valid']);
  rmSync(flag());
  const alone = await told(1, { linearizable: 'grow', fenced: 'quick' });
  expect(alone.lines).toEqual([
    'f: linearizable unknown (key x: 4 GB spent before it was looked at)',
    'f: fenced valid',
  ]);
});

test('session guarantees share a worker', () => {
  const tasks = tasksOf(['linearizable', 'read-your-writes', 'fenced', 'monotonic-reads'], true);
  expect(tasks).toEqual([
    { guarantees: ['linearizable'], staleness: false },
    { guarantees: ['read-your-writes', 'monotonic-reads'], staleness: false },
    { guarantees: ['fenced'], staleness: false },
    { guarantees: [], staleness: true },
  ]);
  expect(LARGE).toBeGreaterThan(1000);
});
