import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../history/clock.ts';
import { Random } from '../../history/random.ts';
import type { RunBlock } from '../../results/change.ts';
import type { Rules } from '../../results/look.ts';
import { Latencies } from '../../results/histograms.ts';
import { take } from '../../results/measures.ts';
import type { RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import type { Io } from '../command.ts';
import { asTheyAre, calibrate, falseAlarms, noiseText } from './calibrate.ts';
import { calibrationFile, readCalibration, slim, slimJudged, writeCalibration } from './calibration.ts';
import type { Running, Side } from './live.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-calibration-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rules: Rules = {
  limits: [{ type: 'latency', percentiles: [99], worseBy: 0.05, andBy: 0 }],
  alpha: 0.05,
  blocks: { first: 4, most: 8 },
  seed: 'calibrate',
};

/** Blocks whose candidates are slower by so much; runs differ by up to a tenth. */
function blocks(seed: string, slower: number): readonly RunBlock[] {
  const random = new Random(seed);
  const run = (factor: number): RunRecord => {
    const latencies = new Latencies();
    const series = latencies.series('read', 'leader', 'leader', 'calm');
    const own = factor * (1 + 0.1 * random.fraction());
    for (let i = 0; i < 200; i++) series.record(1e6 * own * (1 + 0.2 * random.fraction()));
    return { ...sampleRecord(), plan: {}, cells: [], latencies: latencies.records() };
  };
  return Array.from({ length: 8 }, () => ({ a: [run(1), run(1)], b: [run(1 + slower), run(1 + slower)] }));
}

it('tells how often gates on what was run would alarm, and what they would find', async () => {
  const same = await falseAlarms(blocks('same', 0), rules, 10);
  expect(same.of).toBe(10);
  expect(same.alarms).toBeLessThanOrEqual(1);
  const slower = blocks('slower', 0.3);
  const found = await asTheyAre(slower, rules, 5);
  expect(found.alarms).toBe(5);
  // None is used twice: four that show it are not their own confirmation.
  expect((await asTheyAre(slower.slice(0, 4), rules, 2)).alarms).toBe(0);
  // Sides dealt anew: the difference is in the noise then.
  expect((await falseAlarms(slower, rules, 5)).alarms).toBeLessThanOrEqual(1);
  expect(noiseText(blocks('same', 0), rules).join('\n')).toMatch(/read leader p99 +\d\.\d % +\d\.\d % +±\d\.\d %/);
});

it('runs that lack a measure say nothing of how it differs', () => {
  const lacking = blocks('same', 0).map(({ a, b }, i) => ({
    a: [a[0], { ...a[1], latencies: [] }],
    b: i < 6 ? [] : b,
  }));
  expect(noiseText(lacking, rules).join('\n')).toMatch(/read leader p99 +\d\.\d % +\d\.\d % /);
  expect(noiseText(lacking.slice(0, 6), rules).join('\n')).toMatch(/read leader p99 +– +– /);
});

it('is kept for this machine and these options, and read back', () => {
  const made = blocks('kept', 0);
  expect(readCalibration(folder, ['bench', '--rate', '1'])).toBeUndefined();
  writeCalibration(folder, ['bench', '--rate', '1'], made);
  expect(readCalibration(folder, ['bench', '--rate', '1'])?.blocks).toEqual(made.map(slim));
  expect(readCalibration(folder, ['bench', '--rate', '2'])).toBeUndefined();
  writeFileSync(calibrationFile(folder, ['bench', '--rate', '1']), '{ torn');
  expect(readCalibration(folder, ['bench', '--rate', '1'])).toBeUndefined();
});

it.each([
  ['{ torn', /cannot be read, and is not used: .*JSON/],
  ['{"schema":1}', /is damaged, and is not used: 'machine' must be a text/],
  ['null', /it must be a map/],
  ['{"schema":1,"machine":"m","words":[],"madeAt":"now","blocks":[]}', /it has no blocks/],
  [
    '{"schema":1,"machine":"m","words":[],"madeAt":"now","blocks":[{"a":[{},{}],"b":[{},{}]}]}',
    /'id' of a run must be/,
  ],
])('%s is no calibration, and told of with its file', (text, message) => {
  const words = ['bench', '--rate', '3'];
  writeCalibration(folder, words, blocks('damaged', 0));
  const told: string[] = [];
  readCalibration(folder, words, (sentence) => told.push(sentence));
  expect(told).toEqual([]);
  writeFileSync(calibrationFile(folder, words), text);
  expect(readCalibration(folder, words, (sentence) => told.push(sentence))).toBeUndefined();
  expect(told).toEqual([expect.stringMatching(message)]);
  expect(told[0]).toContain(calibrationFile(folder, words));
});

describe('a calibration', () => {
  /** Calibrates with a program that prints one run again and again; `stopped` is asked before each. */
  async function calibrated(
    asJson: boolean,
    stopped: () => boolean,
  ): Promise<{ code: number; out: string; err: string }> {
    const [run] = blocks('printed', 0)[0].a;
    const printed = { schema: 1, type: 'run', ...run, environment: 'processes', verdict: 'kept', exitCode: 0 };
    writeFileSync(join(folder, 'run.json'), JSON.stringify(printed));
    const program = { words: ['no'], about: 'none', isCallers: false } as const;
    const side: Side = { name: 'baseline', command: 'cat run.json #', program, cwd: folder, options: [] };
    const said = { out: '', err: '' };
    const io = {
      out: (text: string) => void (said.out += text),
      err: (text: string) => void (said.err += text),
      cwd: folder,
    } as unknown as Io;
    const running: Running = {
      baseline: side,
      candidate: { ...side, name: 'candidate' },
      words: ['bench'],
      seed: 1,
      labels: {},
      folder: join(folder, '.tidemark'),
      clock: realClock(),
      timeoutMs: 60_000,
      say: () => undefined,
      stopped,
    };
    const code = await calibrate(running, { command: 'bench', options: [], rules }, 3, { asJson, io });
    return { code, ...said };
  }

  it('is kept when it is whole; interrupted, it leaves an earlier one', async () => {
    const read = (): unknown => readCalibration(join(folder, '.tidemark'), ['bench'])?.blocks.length;
    for (const after of [0, 6]) {
      let asked = 0;
      const ended = await calibrated(false, () => asked++ >= after);
      expect(ended).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringMatching(/interrupted after [01] of 3 blocks/),
      });
      expect(read()).toBeUndefined();
    }
    const whole = await calibrated(false, () => false);
    expect(whole).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/calibration: .*3 blocks, 12 runs/) });
    expect(read()).toBe(3);
    let asked = 0;
    expect((await calibrated(false, () => asked++ >= 8)).code).toBe(2);
    expect(read()).toBe(3);
  });

  it('is one object as JSON', async () => {
    const { code, out } = await calibrated(true, () => false);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      schema: 1,
      type: 'calibration',
      blocks: 3,
      runs: 12,
      measures: [{ measure: 'read leader p99', within: 0, between: 0, noise: 0 }],
      falseAlarms: { alarms: 0, of: 200 },
    });
  });
});

it('keeps what throughput is counted from, of a run that is no bench', () => {
  const rates = [
    { kind: 'read', path: 'leader', outcome: 'ok', counts: [9, 30, 50, 9] },
    { kind: 'read', path: 'leader', outcome: 'fail', counts: [0, 9, 9, 0] },
  ] as const;
  const lags = [{ node: 'n2', group: 'main', entries: [0, 1, 2, 0] }];
  const series = { stepNs: 1e9, steps: 4, rates, latencies: [], lags, staleness: [] };
  const run: RunRecord = { ...sampleRecord(), plan: {}, faults: [], series };
  const measure = { type: 'throughput', method: 'read', path: 'leader', phase: 'calm' } as const;
  const [kept] = slim({ a: [run], b: [] }).a;
  expect(take(kept, measure)).toEqual({ value: 40 });
  expect(kept.series).toEqual({ stepNs: 1e9, steps: 4, rates, latencies: [], lags: [], staleness: [] });
});

it('of a run that is gated now each promise is kept in a word, and what was broken as it is', () => {
  const run: RunRecord = { ...sampleRecord(), plan: {} };
  const [judged] = slimJudged({ a: [], b: [run] }).b;
  expect(judged.cells.map(({ state }) => state)).toEqual(run.cells.map(({ state }) => state));
  expect(judged.cells[0]).toEqual(run.cells[0]);
  expect(judged.cells[1]).toMatchObject({ guarantee: 'durable', writePath: 'leader-ack', note: '', anomalies: [] });
  expect({ ...judged, cells: [] }).toEqual({ ...slim({ a: [], b: [run] }).b[0], cells: [] });
});
