import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { realClock } from '../../history/clock.ts';
import { createRunFolder, writeRunFiles } from '../../results/files.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { report } from '../report/command.ts';
import type { Io } from '../command.ts';
import { appOf } from './app.ts';
import { RunSource } from './source.ts';

const id = '20261122-120000-000-living';
const silent =
  'Nothing has been written of it for more than a minute: it was killed, or it waits. ' +
  `Its journal can be judged: tidemark check .tidemark/runs/${id}/journal.jsonl.`;
let cwd: string;
let source: RunSource;
let app: Hono;
let ending: boolean;

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-app-'));
  const warn = (): void => undefined;
  source = await RunSource.open({ folder: join(cwd, '.tidemark'), url: undefined, warn });
  ending = false;
  const guarding = { port: 4747, address: '127.0.0.1', allowed: [], token: undefined };
  app = appOf({ source, guarding: () => guarding, clock: realClock(), ending: () => ending, warn });
});

afterEach(async () => {
  ending = true;
  await source.close();
  rmSync(cwd, { recursive: true, force: true });
});

async function asked(path: string, method = 'GET'): Promise<Response> {
  return app.request(path, { method, headers: { host: '127.0.0.1:4747' } });
}

/** In 2020 and in 2120, as seconds: no test waits for either. */
const long = { ago: 1_577_836_800, ahead: 4_733_510_400 };

/** A run in progress whose journal was last written then. */
function written(when: number): string {
  const folder = createRunFolder(join(cwd, '.tidemark'), id);
  const journal = join(folder, 'journal.jsonl');
  writeFileSync(journal, '{"index":0,"time":1,"process":1,"type":"ok","f":"read"}\n');
  utimesSync(journal, when, when);
  return folder;
}

/** What an event stream says until this. */
async function heard(answer: Response, until: string, meanwhile?: (text: string) => void): Promise<string> {
  let text = '';
  const reader = answer.body?.getReader();
  while (!text.includes(until)) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    text += new TextDecoder().decode(value as Uint8Array);
    meanwhile?.(text);
  }
  await reader?.cancel();
  return text;
}

describe('a run in progress', () => {
  test('can be watched however often somebody asked for the head of its events', async () => {
    written(long.ahead);
    for (let i = 0; i < 20; i++) {
      const { status, headers } = await asked(`/live/${id}/events`, 'HEAD');
      expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    }
    const answer = await asked(`/live/${id}/events`);
    expect(answer.status).toBe(200);
    expect(await heard(answer, 'event: state\n')).toContain('"ok":1');
  });

  test('is in progress, then silent, then has ended', async () => {
    const folder = written(long.ahead);
    expect(source.running()).toEqual([id]);
    expect(await (await asked(`/live/${id}`)).text()).toContain('>In progress.<');
    const said = await heard(await asked(`/live/${id}/events`), 'event: ended\n', (text) => {
      if (text.includes(silent)) writeRunFiles(folder, sampleRecord({ id }), 'the report\n');
      else if (text.includes('In progress.')) utimesSync(join(folder, 'journal.jsonl'), long.ago, long.ago);
    });
    expect(said.match(/"says":"[^"]*"/g)).toEqual(
      ['In progress.', silent, 'It has ended.'].map((says) => `"says":"${says}"`),
    );
    expect(await (await asked(`/live/${id}`)).text()).toContain('>It has ended.<');
  });

  test('that was killed is not said to go on', async () => {
    written(long.ago);
    expect(source.running()).toEqual([]);
    expect((await asked(`/runs/${id}`)).headers.get('location')).toBe(`/live/${id}`);
    const page = await (await asked(`/live/${id}`)).text();
    expect(page).toContain(`>${silent}<`);
    expect(page).not.toContain('In progress');
  });

  test('is one that has a folder and no journal yet', () => {
    const folder = createRunFolder(join(cwd, '.tidemark'), id);
    utimesSync(folder, long.ahead, long.ahead);
    expect(source.running()).toEqual([id]);
    utimesSync(folder, long.ago, long.ago);
    expect(source.running()).toEqual([]);
  });

  test('is none whose folder holds a report alone', async () => {
    const record = sampleRecord({ id });
    const folder = createRunFolder(join(cwd, '.tidemark'), id);
    writeRunFiles(folder, record, 'the report\n');
    const io = { out: () => undefined, err: () => undefined, cwd, env: {} } as unknown as Io;
    await report([id], { format: [] }, io);
    for (const name of ['verdicts.json', 'plan.json', 'report.txt']) rmSync(join(folder, name));
    for (const path of [`/runs/${id}`, `/live/${id}`, `/live/${id}/events`])
      expect((await asked(path)).status).toBe(404);
    await expect(report([id], { format: [] }, io)).rejects.toThrow('There are no stored runs here');
  });
});
