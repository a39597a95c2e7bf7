/** `tidemark serve` in a browser: what people do with it, what a hostile history tries, and who is refused. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { request } from 'node:http';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../results/database.ts';
import { createRunFolder, writeRunFiles } from '../../results/files.ts';
import { saveRun } from '../../results/save.ts';
import { missing, need } from '../../test-support/need.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { buildFirst } from '../../test-support/tidemark.ts';
import { asset } from '../entry.ts';

need('browser');
need('postgres');

const EVIL = '<script>document.title="OWNED"</script><img src=x onerror=document.title="OWNED">\u202e"\'';
const home = mkdtempSync(join(tmpdir(), 'tm-serve-'));
const folder = join(home, '.tidemark');
const live = '20261122-120000-000-living';
const ids = ['20261121-000000-000-kept00', '20261121-000001-000-broken', '20261121-000002-000-hostil'];
let browser: Browser;
let server: Served;
let guarded: Served;

interface Served {
  readonly child: ChildProcess;
  readonly address: string;
}

function served(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const child = spawn(process.execPath, [asset('bin/tidemark.mjs'), 'serve', '--port', '0', '--json', ...args], {
    cwd: home,
    env: { ...process.env, TIDEMARK_DATABASE_URL: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve({ child, address: (JSON.parse(String(line)) as Served).address }));
    child.once('close', (code) => reject(new Error(`tidemark serve ended with ${code}`)));
  });
}

beforeAll(async () => {
  if (missing('browser') !== undefined || missing('postgres') !== undefined) return;
  buildFirst();
  const cells = sampleRecord().cells.map((cell) => ({
    ...cell,
    state: 'kept' as const,
    anomalies: [],
    anomalyCount: 0,
  }));
  const [operation] = sampleRecord().cells[0].anomalies[0].operations;
  const hostile = sampleRecord().cells.map((cell) => ({
    ...cell,
    note: EVIL,
    anomalies: [{ kind: EVIL, sentence: EVIL, operations: [{ ...operation, key: EVIL, value: EVIL.repeat(20_000) }] }],
  }));
  const database = await openDatabase({ folder });
  const at = (i: number): string => `2026-11-21T00:00:0${i}.000Z`;
  await saveRun(
    database,
    sampleRecord({ id: ids[0], createdAt: at(0), verdict: 'kept', cells, labels: { kind: 'nightly' } }),
  );
  await saveRun(database, sampleRecord({ id: ids[1], createdAt: at(1), seed: 8 }));
  const odd = { system: EVIL, command: EVIL, labels: { [EVIL]: EVIL }, cells: hostile };
  const git = { revision: '0'.repeat(40), branch: EVIL, dirty: true };
  const failovers = sampleRecord().failovers.map((one) => ({ ...one, to: EVIL, cause: EVIL }));
  await saveRun(database, sampleRecord({ id: ids[2], createdAt: at(2), git, failovers, ...odd }));
  await database.close();
  createRunFolder(folder, live);
  const lines = [
    { tidemark: 1 },
    { index: 0, time: 1e9, process: 'harness', type: 'info', f: 'phase', value: EVIL },
    {
      index: 1,
      time: 1e9,
      process: 'cluster',
      type: 'info',
      f: 'sighting',
      value: { node: EVIL, role: 'leader', term: 3 },
    },
    { index: 2, time: 2e9, process: 'nemesis', type: 'info', f: EVIL, value: { do: 'inject', id: 1, targets: [EVIL] } },
    { index: 3, time: 2e9, process: 1, type: 'ok', f: 'read', key: EVIL, value: EVIL },
  ];
  writeFileSync(journal, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  [server, guarded] = await Promise.all([
    served([]),
    served(['--host', '0.0.0.0'], { TIDEMARK_TOKEN: 'a-token-of-some-length' }),
  ]);
  browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});

const journal = join(folder, 'runs', live, 'journal.jsonl');

afterAll(async () => {
  await browser?.close();
  for (const { child } of [server, guarded].filter((one) => one !== undefined)) {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(home, { recursive: true, force: true });
});

function chromiumPath(): string {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
  const paths = (process.env['PATH'] ?? '').split(delimiter).flatMap((one) => names.map((name) => join(one, name)));
  return process.env['CHROME_BIN'] ?? paths.find((path) => existsSync(path)) ?? 'chromium';
}

/** A page, with whatever it complained of or asked others for. */
async function opened(path: string, of = server): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  const complaints: string[] = [];
  page.on(
    'console',
    (message) => void (['error', 'warning'].includes(message.type()) && complaints.push(message.text())),
  );
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on(
    'request',
    (asked) => void (asked.url().startsWith(new URL(of.address).origin) || complaints.push(asked.url())),
  );
  await page.goto(new URL(path, of.address).href);
  return { page, complaints };
}

async function pictured(page: Page, name: string): Promise<void> {
  const to = process.env['TIDEMARK_PICTURES'];
  if (to === undefined) return;
  mkdirSync(to, { recursive: true });
  await page.screenshot({ path: join(to, `${name}.png`), fullPage: true });
}

describe('a browser', () => {
  test('lists, searches and filters, opens a run and compares two', async () => {
    const { page, complaints } = await opened('/');
    const listed = (): Promise<string[]> => page.locator('td.run a').allTextContents();
    expect(await listed()).toEqual([...ids].reverse());
    expect(await page.locator('.running a').textContent()).toBe(live);
    await pictured(page, 'list');
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const [wide, room] = await page
        .locator('table.runs')
        .evaluate((all) => [all.scrollWidth, all.parentElement?.clientWidth]);
      expect(wide, `${width} px: nothing is cut`).toBeLessThanOrEqual(room ?? 0);
      const verdict = await page.locator('.mark').first().boundingBox();
      expect((verdict?.x ?? width) + (verdict?.width ?? 0)).toBeLessThanOrEqual(width);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.fill('input[name=search]', 'NIGHTLY kill-leader');
    await page.click('form[role=search] button');
    expect(await listed()).toEqual([ids[0]]);
    await page.goto(server.address);
    await page.selectOption('select[name=verdict]', 'broken');
    await page.selectOption('select[name=system]', 'reference');
    await page.click('form[role=search] button');
    expect(await listed()).toEqual([ids[1]]);
    await page.click('td.run a');
    expect(await page.locator('h1').textContent()).toBe('BROKEN');
    await pictured(page, 'run');
    await page.goto(server.address);
    await page.check(`input[name=a][value="${ids[0]}"]`);
    await page.check(`input[name=b][value="${ids[1]}"]`);
    await page.click('form[action="/compare"] button');
    expect(await page.locator('h1').textContent()).toBe('Compare');
    const changed = page.locator('tbody tr', { has: page.locator('td.state.broken') });
    expect(await changed.locator('td').allTextContents()).toEqual(['kept', 'broken']);
    await pictured(page, 'compare');
    await page.goto(new URL('/trends', server.address).href);
    expect(await page.locator('.strip a.broken').first().getAttribute('href')).toMatch(/^\/runs\//);
    await pictured(page, 'trends');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('follows a run in progress to its end', async () => {
    const { page, complaints } = await opened(`/live/${live}`);
    const says = (id: string, text: string): Promise<void> =>
      page.locator(`#${id}`, { hasText: new RegExp(`^${text}$`) }).waitFor({ timeout: 30_000 });
    utimesSync(journal, 4_733_510_400, 4_733_510_400); // in 2120: however long it took to get here
    await says('state', 'In progress.');
    await says('ok', '1');
    const line = (n: number): string =>
      `${JSON.stringify({ index: n, time: n * 1e8, process: 1, type: n % 5 === 0 ? 'fail' : 'ok', f: 'read' })}\n`;
    for (let n = 30; n < 130; n++) appendFileSync(journal, line(n));
    appendFileSync(journal, line(130).slice(0, 20)); // torn, until the rest comes
    await says('ok', '81');
    expect(await page.locator('#fail').textContent()).toBe('20');
    expect(await page.locator('#rates rect').count()).toBeGreaterThan(10);
    expect(await page.locator('#phase').textContent()).toContain('<script>');
    await pictured(page, 'live');
    appendFileSync(journal, line(130).slice(20));
    const record = sampleRecord({ id: live, verdict: 'kept' });
    writeRunFiles(join(folder, 'runs', live), record, 'the report\n');
    await says('state', 'It has ended.');
    await page.click('#report');
    expect(page.url()).toContain(`/runs/${live}`);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('shows a hostile history, and obeys nothing in it', async () => {
    const query = encodeURIComponent(EVIL);
    const paths = [
      '/',
      `/?search=${query}&label=${query}&branch=${query}&system=${query}`,
      `/runs/${ids[2]}`,
      `/live/${live}`,
      '/trends',
      `/trends?branch=${query}`,
      `/compare?a=${ids[0]}&b=${ids[2]}`,
      `/compare?a=${query}&b=${query}`,
      `/${query}`,
      `/runs/${query}`,
    ];
    for (const path of paths) {
      const { page, complaints } = await opened(path);
      expect(await page.title(), path).not.toContain('OWNED');
      expect(await page.locator('img').count(), path).toBe(0);
      const text = await page.locator('body').innerText();
      expect(text, path).not.toMatch(/\u202e/);
      expect(
        complaints.filter((one) => !one.includes('404')),
        path,
      ).toEqual([]);
      await page.close();
    }
    const { page } = await opened(`/runs/${ids[2]}`);
    expect(await page.locator('body').innerText()).toContain('<script>');
    expect((await page.content()).length).toBeLessThan(1_000_000);
    // Were there a hole in the escaping, the policy would still stop it.
    await page.evaluate(
      'document.body.insertAdjacentHTML("beforeend", `<img src=x onerror="document.title=\'OWNED\'">`)',
    );
    await page.evaluate(
      'document.body.append(Object.assign(document.createElement("script"), {textContent: "document.title=\'OWNED\'"}))',
    );
    expect(await page.title()).not.toContain('OWNED');
    await page.close();
  });

  test('of another site gets nothing', async () => {
    const { page } = await opened('/favicon.ico', guarded);
    await page.goto('about:blank');
    for (const { address } of [server, guarded]) {
      const answer = await page.evaluate(`fetch(${JSON.stringify(address)}).then((r) => r.text(), () => 'refused')`);
      expect(answer).toBe('refused');
    }
    const framed = await browser.newPage();
    await framed.setContent(`<iframe src="${server.address}"></iframe>`);
    expect(await framed.frames()[1]?.content()).not.toContain('hostil');
    await framed.close();
    await page.close();
  });
});

/** As no browser lets a page ask: with any name and any origin. */
function asked(
  of: Served,
  path: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<{ readonly status: number | undefined; readonly text: string; readonly cookie: string }> {
  const { port } = new URL(of.address);
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers } },
      (answer) => {
        let text = '';
        answer.on('data', (part) => (text += String(part)));
        answer.on('end', () =>
          resolve({ status: answer.statusCode, text, cookie: String(answer.headers['set-cookie'] ?? '') }),
        );
      },
    );
    sent.on('error', reject).end();
  });
}

test('other names, other origins and other methods are refused', async () => {
  const { port } = new URL(server.address);
  const status = async (headers: Readonly<Record<string, string>>, method?: string): Promise<number | undefined> =>
    (await asked(server, '/', headers, method)).status;
  expect(await status({})).toBe(200);
  expect(await status({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
  expect(await status({ host: `evil.example:${port}` })).toBe(421); // a name that was made to lead here
  expect(await status({ host: '127.0.0.1:1' })).toBe(421);
  expect(await status({ origin: 'http://evil.example' })).toBe(403);
  expect(await status({ origin: 'null' })).toBe(403);
  expect(await status({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe(403);
  expect(await status({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).toBe(200);
  expect(await status({}, 'POST')).toBe(405);
  expect((await asked(server, '/runs/..%2f..%2fpackage.json', {})).status).toBe(404);
  expect((await asked(server, '/live/..%2f..%2f..', {})).status).toBe(404);
});

test('off the loopback nobody is answered without the token', async () => {
  const status = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<number | undefined> =>
    (await asked(guarded, path, headers)).status;
  expect(await status('/')).toBe(401);
  expect(await status('/assets/live.js')).toBe(401);
  expect(await status(`/runs/${ids[0]}`)).toBe(401);
  expect(await status('/', { authorization: 'Bearer a-token-of-some-lengtH' })).toBe(401);
  expect(await status('/', { authorization: 'Bearer a-token-of-some-length' })).toBe(200);
  const welcome = await asked(guarded, '/?token=a-token-of-some-length&verdict=kept', {});
  expect(welcome).toMatchObject({
    status: 303,
    cookie: expect.stringMatching(/^tidemark-token=.*HttpOnly; SameSite=Strict$/) as string,
  });
  const { page, complaints } = await opened(guarded.address.replace('0.0.0.0', '127.0.0.1'), {
    ...guarded,
    address: guarded.address.replace('0.0.0.0', '127.0.0.1'),
  });
  expect(page.url()).not.toContain('token');
  expect(await page.locator('td.run a').allTextContents()).toEqual(expect.arrayContaining(ids));
  expect(complaints).toEqual([]);
  await page.close();
});
