import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultSemantics } from '../checkers/checker.ts';
import { MILLISECOND, realClock } from '../history/clock.ts';
import type { Job } from './check-job.ts';
import { CheckThread, type News } from './check-thread.ts';
import { defaultLimits, type Limits } from './limits.ts';

let folder: string;
let script: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-thread-'));
  script = join(folder, 'worker.mjs');
  // Does what the job's file name says.
  writeFileSync(
    script,
    `import { parentPort } from 'node:worker_threads';
    const read = { type: 'read', operations: 3, guarantees: [], warnings: [], history: undefined };
    const deeds = {
      end: () => parentPort.postMessage({ type: 'done' }),
      spin: () => { for (;;); },
      throw: () => { throw new Error('oh dear'); },
      exit: () => process.exit(7),
      grow: () => { const all = []; for (;;) all.push({ all: [all.length] }); },
      allocate: () => { const all = []; setInterval(() => all.push(new Uint8Array(1 << 25).fill(1)), 1); },
    };
    parentPort.on('message', (job) => { parentPort.postMessage(read); deeds[job.file](); });
    parentPort.postMessage({ type: 'ready' });`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const jobOf = (file: string, limits: Partial<Limits> = {}): Job => ({
  type: 'read',
  staleness: false,
  file,
  firstLine: 1,
  of: 1,
  jobs: 1,
  processes: 'sequential',
  independent: false,
  path: undefined,
  guarantees: undefined,
  semantics: defaultSemantics,
  modelFile: undefined,
  modelGiven: false,
  limits: { ...defaultLimits, ...limits },
  knossos: false,
});

/** A limit not far above what this process has. */
const room = (): number => process.memoryUsage.rss() + 1.5e8;

test.each([
  ['end', {}, { type: 'done' }],
  ['spin', { ms: 30 }, { type: 'stopped', reason: '30.0 ms spent' }],
  ['throw', {}, { type: 'died', reason: 'oh dear' }],
  ['exit', {}, { type: 'died', reason: 'The worker ended with code 7.' }],
  ['grow', { bytes: room() }, { type: 'stopped', reason: expect.stringMatching(/^\d+(\.\d)? MB spent$/) as string }],
  [
    'allocate',
    { bytes: room() },
    { type: 'stopped', reason: expect.stringMatching(/^\d+(\.\d)? MB spent$/) as string },
  ],
])('a worker that does this: %s', async (deed, limits, expected) => {
  const thread = new CheckThread(script, realClock());
  const heard: News[] = [];
  const hear = (news: News): void => void heard.push(news);
  const clock = realClock();
  const start = clock.now();
  const ended = await thread.run(jobOf(deed, limits), hear);
  expect(ended).toEqual(expected.type === 'stopped' ? { ...expected, ms: expect.any(Number) as number } : expected);
  if (ended.type === 'stopped') {
    // What it took, and not what it was allowed.
    expect(ended.ms).toBeGreaterThan(0);
    expect(ended.ms).toBeLessThan((clock.now() - start) / MILLISECOND);
  }
  expect(heard.map(({ type }) => type)).toEqual(['read']);
  // Whatever became of the worker, the next job is done, and so is the one after it.
  expect(await thread.run(jobOf('end'), hear)).toEqual({ type: 'done' });
  expect(await thread.run(jobOf('end'), hear)).toEqual({ type: 'done' });
  expect(heard).toHaveLength(3);
  await thread.end();
});

test('an interrupt ends the job at hand', async () => {
  const thread = new CheckThread(script, realClock());
  const ended = thread.run(jobOf('spin'), () => thread.interrupt());
  expect(await ended).toMatchObject({ type: 'stopped', reason: 'interrupted' });
  await thread.end();
});

test('input that breaks off is said', async () => {
  writeFileSync(
    join(folder, 'more.mjs'),
    `import { parentPort } from 'node:worker_threads';
    parentPort.on('message', () => parentPort.postMessage({ type: 'more' }));
    parentPort.postMessage({ type: 'ready' });`,
  );
  const thread = new CheckThread(join(folder, 'more.mjs'), realClock());
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(3);
    await Promise.reject(new Error('the other side hung up'));
  }
  const ended = await thread.run(jobOf('end'), () => undefined, broken());
  expect(ended).toEqual({ type: 'unread', reason: 'the other side hung up' });
  await thread.end();
});
