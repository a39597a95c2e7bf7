/** The page in a real browser: nothing is asked for, nothing is complained of, nothing from a history is ever run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SECOND } from '../../history/clock.ts';
import type { RunRecord } from '../../results/record.ts';
import { launchBrowser } from '../../test-support/browser.ts';
import { hostileRecord } from '../../test-support/hostile-record.ts';
import { missing, need } from '../../test-support/need.ts';
import { defaultPlan, resolvePlan } from '../plan.ts';
import { judgeRun } from '../record-run.ts';
import { executeRun } from '../run.ts';
import { rendered } from './formats.ts';

need('browser');

let browser: Browser | undefined;
let folder: string;
let record: RunRecord;

beforeAll(async () => {
  if (missing('browser') !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'tm-page-'));
  const plan = await resolvePlan({
    ...defaultPlan,
    seed: 2,
    durationNs: 12 * SECOND,
    rate: 200,
    faults: ['isolate-leader', 'kill-leader'],
    writePaths: ['quorum-ack'],
    readPaths: ['leader', 'follower'],
    settings: { defect: 'ack-before-quorum' },
  });
  const journal = join(folder, 'journal.jsonl');
  const ended = await executeRun(plan, { journal });
  record = await judgeRun({ plan, ended, journal, id: '20261122-000000-000-aaaaaa', labels: {}, histograms: true });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a report and remembers all that the browser complains of, or asks for. */
async function opened(
  of: RunRecord,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<{ page: Page; said: string[] }> {
  if (browser === undefined) throw new Error('there is no browser');
  const file = join(folder, `${of.id}.html`);
  writeFileSync(file, rendered(of, 'html'));
  const page = await browser.newPage(options);
  const said: string[] = [];
  page.on('console', (message) => said.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => said.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (request.url() !== pathToFileURL(file).href) said.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  return { page, said };
}

describe('the page of a run', () => {
  test('answers the five questions at its top, and its links lead to where it says more', async () => {
    const { page, said } = await opened(record, { viewport: { width: 1100, height: 900 } });
    expect(await page.locator('h1').innerText()).toBe('BROKEN');
    const questions = await page.locator('.answers dt').allInnerTexts();
    expect(questions).toHaveLength(5);
    for (const link of await page.locator('.answers a, nav a, table.matrix a').all()) {
      const target = await link.getAttribute('href');
      expect(await page.locator(target ?? '#').count(), String(target)).toBe(1);
    }
    const last = await page.locator('.answers dd').last().boundingBox();
    expect((last?.y ?? 9999) + (last?.height ?? 0)).toBeLessThan(900);
    expect(said).toEqual([]);
    await page.close();
  });

  test('moves the cluster through time: buttons and slider show who leads, and the cursor stands there in every chart', async () => {
    const { page, said } = await opened(record);
    const leaders = (): Promise<string[]> =>
      page.locator('#stage .node[data-role=leader][data-fallen=no] .who').allTextContents();
    const at = (): Promise<string> => page.locator('#clock').innerText();
    await page.locator('#time').fill('1000');
    expect(await at()).toBe('1.00 s');
    const [first] = await leaders();
    expect(first).toMatch(/^n[123]$/);
    expect(await page.locator('#led').innerText()).toContain(`${first} leads in term`);
    await page.locator('#next-failover').click();
    const start = Math.min(...record.failovers.map((failover) => failover.start));
    expect(await at()).toBe(`${(start / SECOND).toFixed(2)} s`);
    expect(await page.locator('#in-force').innerText()).toMatch(/isolate-leader|kill-leader/);
    await page.locator('#previous-change').click();
    expect(Number.parseFloat(await at())).toBeLessThan(start / SECOND);
    const cursors = await page.evaluate<boolean[]>(
      "[...document.querySelectorAll('.over-time .cursor')].map((one) => one.classList.contains('on'))",
    );
    expect(cursors.length).toBeGreaterThan(5);
    expect(cursors.every(Boolean)).toBe(true);
    const chart = page.locator('figure[data-chart="0"] svg.wide');
    await chart.hover();
    expect(await page.locator('figure[data-chart="0"] .readout').innerText()).toMatch(
      /^\d+\.\d\d s: leader, p50 .* follower, p99 /,
    );
    expect(said).toEqual([]);
    await page.close();
  });

  test('fits a phone: nothing but tables is wider than the screen', async () => {
    const { page, said } = await opened(record, { viewport: { width: 390, height: 844 } });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await page.locator('svg.wide').first().isVisible()).toBe(false);
    expect(await page.locator('svg.narrow').first().isVisible()).toBe(true);
    expect(said).toEqual([]);
    await page.close();
  });

  test('is whole without its script', async () => {
    const { page, said } = await opened(record, { javaScriptEnabled: false });
    expect(await page.locator('.controls').isVisible()).toBe(false);
    expect(await page.locator('#stage svg.cluster .node').count()).toBe(3);
    expect(await page.locator('#led').innerText()).not.toBe('');
    expect(said).toEqual([]);
    await page.close();
  });
});

test('a hostile history is text: no script of its runs, nothing is asked for, and the page’s policy refuses what is put in later', async () => {
  const { page, said } = await opened(hostileRecord());
  expect(await page.evaluate("'owned' in window")).toBe(false);
  expect(await page.locator('script').count()).toBe(2);
  expect(await page.locator('img, iframe, object, embed').count()).toBe(0);
  expect(await page.locator('body').innerText()).toContain('<script>window.owned=1</script>');
  expect(said).toEqual([]);
  await page.evaluate(`{
    const script = document.createElement('script');
    script.textContent = 'window.owned = 9';
    document.body.append(script);
  }`);
  expect(await page.evaluate("'owned' in window")).toBe(false);
  expect(said.join()).toContain('Content Security Policy');
  await page.close();
});
