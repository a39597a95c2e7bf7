/** Plans with phases, triggers and roles in whole runs, and their replays. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import { roles } from '../nemesis/aim.ts';
import type { Struck } from '../nemesis/nemesis.ts';
import { streamName } from '../nemesis/phases.ts';
import { occasions } from '../nemesis/triggers.ts';
import type { RunRecord } from '../results/record.ts';
import type { Io } from './command.ts';
import { asset } from './entry.ts';
import { defaultPlan, type Plan, resolvePlan } from './plan.ts';
import { readPlanFile } from './plan-file/read.ts';
import { killedRun, strikesIn } from './killed-run.ts';
import { loadFaults } from './plugins.ts';
import { judgeRun } from './record-run.ts';
import { planToReplay, type Replayed } from './replay.ts';
import { renderReport } from './report-text.ts';
import { executeRun } from './run.ts';
import { askedFor, type RunFlags } from './run-command.ts';
import { recordedPlan } from './stored/recorded-plan.ts';

let folder = '';
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-plan-runs-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const small = {
  ...defaultPlan,
  nodes: 5,
  rate: 100,
  workloads: ['register'],
  writePaths: ['quorum-ack'],
  readPaths: ['leader'],
  settings: { 'settle-ms': '1000' },
};

interface Made {
  readonly record: RunRecord;
  readonly journal: string;
  readonly strikes: readonly Struck[];
}

async function run(plan: Plan): Promise<Made> {
  const resolved = await resolvePlan(plan);
  const journal = join(folder, `${++made}.jsonl`);
  const ended = await executeRun(resolved, { journal });
  expect(ended.failures).toEqual([]);
  const record = await judgeRun({ plan: resolved, ended, journal, id: `run-${made}`, labels: {}, histograms: false });
  // What is stored has been text in between.
  const stored = JSON.parse(JSON.stringify(record)) as RunRecord; // our own
  expect(recordedPlan(stored.plan, 'plan')).toBeUndefined(); // another machine can import it
  return { record: stored, journal: readFileSync(journal, 'utf8'), strikes: ended.struck };
}

async function planOf(text: string, over: Partial<Plan> = {}): Promise<Plan> {
  writeFileSync(join(folder, 'plan.yaml'), text);
  const defaults = { system: 'reference', env: 'simulation', nodes: 5, durationNs: 10 * SECOND };
  const { schedule, durationNs = defaults.durationNs } = await readPlanFile('plan.yaml', folder, {}, defaults);
  return { ...small, durationNs, ...(schedule !== undefined && { schedule }), ...over };
}

const reportOf = ({ record }: Made): string => renderReport(record, { color: false });

/** Of the first event of a journal that has these in it. */
function timeOf(journal: string, ...parts: readonly string[]): number {
  const line = journal.split('\n').find((one) => parts.every((part) => one.includes(part)));
  return (JSON.parse(line ?? '{}') as { readonly time: number }).time;
}

const triggers = `
phases:
  - calm: 2s
  - faults: 14s
    streams:
      - { at: 500ms, fault: kill, target: leader, for: 3s }
      - { when: new-leader, fault: pause, target: it, for: 2s, after: 20ms, times: 2 }
      - { when: node-down, fault: slow-link, target: most-lagging, with: { delay-ms: 80 }, for: 1s, times: once }
      - { every: 4s, fault: isolate, target: random-follower, for: 1500ms }
      - { when: lag, above: 1000000, fault: kill, target: it, for: 1s }
  - calm: 3s
`;

describe('a run that was killed', () => {
  it('is replayed from its plan, and compared with its journal as far as that goes', async () => {
    const then = await run(await planOf(triggers, { seed: 3 }));
    const known = ({ stream, nth, fault, at, targets, leader, because }: Struck) =>
      JSON.stringify({ stream, nth, fault, at, targets, leader, because });
    const struck = then.strikes.filter(({ skipped }) => skipped === undefined);
    expect(strikesIn(then.journal).map(known)).toEqual(struck.map(known));
    const home = join(folder, '.tidemark', 'runs', '20261122-030000-000-abcdef');
    mkdirSync(home, { recursive: true });
    const { strikes: _, fired: __, ...planned } = then.record.plan;
    writeFileSync(join(home, 'plan.json'), JSON.stringify(planned));
    writeFileSync(join(home, 'journal.jsonl'), then.journal.slice(0, Math.floor(then.journal.length / 2)));
    const killed = killedRun('20261122-03', folder);
    if (killed === undefined) throw new Error('it was not found');
    const again = await run(planToReplay(killed, {}));
    expect(again.journal).toBe(then.journal);
    const { strikes, alike, differences, killed: wasKilled } = again.record.plan['replay'] as Replayed; // record-run.ts put it there
    expect([alike, differences, wasKilled]).toEqual([strikes, [], true]);
    expect(strikes).toBeGreaterThan(1);
    expect(strikes).toBeLessThan(struck.length);
    expect(reportOf(again)).toContain('the run that was replayed was killed: what it did until then is compared');
    expect(killedRun('2027', folder)).toBeUndefined();
  });
});

describe('a plan of triggers', () => {
  it('strikes whom they are about, when they come, within its phase; and its replay is the same, byte for byte', async () => {
    const then = await run(await planOf(triggers, { seed: 3 }));
    const of = (stream: string): readonly Struck[] => then.strikes.filter((one) => one.stream === stream);
    const [killed] = of('2.1');
    const begun = timeOf(then.journal, '"f":"phase","value":"calm"');
    expect([killed.at, killed.targets]).toEqual([2.5 * SECOND, [killed.leader]]);
    expect(of('2.2').length).toBe(2);
    for (const { because, targets, at } of of('2.2')) {
      expect(because).toMatchObject({ type: 'new-leader', node: targets[0] });
      // It was elected that much before, by its own word.
      const { term } = because as { readonly term: number };
      const time = timeOf(then.journal, '"f":"sighting"', `"node":"${targets[0]}","role":"leader","term":${term}`);
      expect(time + 20 * MILLISECOND - begun).toBe(at);
    }
    expect(of('2.3')).toMatchObject([{ because: { type: 'node-down', node: killed.targets[0] } }]);
    expect(of('2.4').map(({ at }) => at)).toEqual([6 * SECOND, 10 * SECOND, 14 * SECOND]);
    for (const { targets, leader } of of('2.4')) expect(targets).not.toContain(leader);
    for (const { until } of then.record.faults) expect(until - begun).toBeLessThanOrEqual(16 * SECOND);
    expect(reportOf(then)).toMatch(/2\.5 +when lag above 1000000: kill it for 1s +NEVER CAME/);

    const again = await run(planToReplay(then.record, {}));
    expect(again.journal).toBe(then.journal);
    expect(again.strikes).toEqual(then.strikes);
    expect(again.record.plan['replay']).toMatchObject({
      sameJournal: true,
      alike: then.strikes.length,
      differences: [],
    });
    expect(reportOf(again)).toContain('the journal is the same, byte for byte');

    // Elsewhere, or with something changed, it says what came otherwise.
    const other = await run(planToReplay(then.record, { settings: { 'settle-ms': '900', loss: '0.01' } }));
    const { exact, strikes } = other.record.plan['replay'] as Replayed; // record-run.ts put it there
    expect([exact, strikes]).toEqual([false, then.strikes.length]);
    expect(other.strikes.filter(({ stream }) => stream === '2.2').length).toBeLessThanOrEqual(2);
    // Chance chooses the same nodes again, but for one that leads now.
    const chosen = (made: Made): readonly Struck[] => made.strikes.filter(({ stream }) => stream === '2.4');
    const pairs = chosen(other).map((now, i) => ({ now, before: chosen(then)[i] }));
    const free = pairs.filter(({ now, before }) => now.leader !== undefined && now.leader !== before.targets[0]);
    expect(free.length).toBeGreaterThan(0);
    expect(free.map(({ now }) => now.targets)).toEqual(free.map(({ before }) => before.targets));

    // And it can be run again itself, by what its record holds alone.
    expect(other.record.command).toBe(`npx tidemark run --replay ${other.record.id}`);
    const same = await run(planToReplay(other.record, {}));
    expect(same.journal).toBe(other.journal);
    expect(same.record.plan['replay']).toMatchObject({ run: other.record.id, exact: true, sameJournal: true });
    const third = await run(planToReplay(same.record, {}));
    expect(third.journal).toBe(other.journal);
  });

  it('of lag strikes the follower that falls behind', async () => {
    const { strikes } = await run(
      await planOf(`
phases:
  - faults: 10s
    streams:
      - { at: 1s, fault: isolate, target: n5, for: 6s }
      - { when: lag, above: 100, of: n5, fault: slow-disk, target: it, with: { delay-ms: 50 }, for: 1s, times: once }
`),
    );
    expect(strikes[1]).toMatchObject({ fault: 'slow-disk', targets: ['n5'], because: { type: 'lag', node: 'n5' } });
    expect((strikes[1].because as { readonly entries: number }).entries).toBeGreaterThan(100);
  });

  it('waits for a leader as long as it may, and says when there was nobody', async () => {
    const made = await run(
      await planOf(`
phases:
  - faults: 8s
    streams:
      - { at: 1s, fault: kill, target: leader, for: 2s }
      - { at: 1100ms, fault: pause, target: leader, for: 1s, wait: 0ms }
      - { at: 1100ms, fault: pause, target: leader, for: 1s }
`),
    );
    const [, impatient, patient] = made.strikes;
    expect(impatient).toMatchObject({ stream: '1.2', skipped: 'nobody to strike', targets: [] });
    expect(patient).toMatchObject({ stream: '1.3', targets: [patient.leader] });
    expect(patient.at).toBeGreaterThan(1.1 * SECOND);
    expect(reportOf(made)).toMatch(/pause +1 +[\d,]+ messages and timers held; 1 had no effect: nobody to strike/);
  });
});

describe('shifted clocks', () => {
  it('of many streams drift no more than what leases may rely on', async () => {
    const stream = '{ at: 500ms, fault: clock-shift, target: leader, with: { offset-ms: 100 }, for: 2s }';
    const { record } = await run(
      await planOf(`phases:\n  - faults: 4s\n    streams:\n${`      - ${stream}\n`.repeat(4)}`),
    );
    expect(record.faults.length).toBe(4);
    // The levers tell of timers only where clocks do not run true.
    const drifts = record.faults.filter(({ effect }) => 'timers early' in effect);
    expect(drifts.length).toBe(2);
  });
});

describe('what cannot be done', () => {
  const plan = `
phases:
  - faults: 2s
    streams:
      - { at: 500ms, fault: switchover, for: 500ms }
      - random: [switchover, pause]
`;
  const settings = { ...small.settings, election: 'external' };

  it('is refused before the run, and left out where that was asked for: the report says so', async () => {
    const asked = await planOf(plan, { settings });
    await expect(resolvePlan(asked)).rejects.toThrow("The fault 'switchover' cannot be done: with election=external");
    const made = await run({ ...asked, skipUnsupported: true });
    expect(made.strikes.map(({ fault }) => fault)).toEqual(['pause']);
    expect(reportOf(made)).toContain(
      'unsupported, so not tried: switchover: with election=external it is the external core',
    );
    expect(reportOf(made)).toMatch(/1\.1 +left out: unsupported/);
  });

  it('of a mix is named in the report, and so is what had no turn', async () => {
    const made = await run({ ...small, settings, faults: ['mix'], durationNs: 3 * SECOND });
    expect(reportOf(made)).toContain('unsupported, so not tried: switchover');
    expect(reportOf(made)).toContain('NOT TRIED: the run had no room for it');
  });
});

/** As commander hands them over where the command line says nothing. */
const flags: RunFlags = {
  system: 'reference',
  env: 'simulation',
  workload: [],
  fault: [],
  seed: '1',
  duration: '60s',
  nodes: '3',
  load: 'open',
  rate: '600',
  readPath: [],
  writePath: [],
  guarantee: [],
  set: [],
  label: [],
  report: [],
  keep: 'failed',
  database: true,
};

describe('docs/plans.md', () => {
  const text = readFileSync(asset('docs/plans.md'), 'utf8');
  const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, example], i) => ({ no: i + 1, example }));

  it.each(examples)(
    'example $no runs, all its streams strike, and the evidence is enough',
    { timeout: 30_000 },
    async ({ example }) => {
      const file = join(folder, 'plan.yaml');
      writeFileSync(file, example);
      // As the command line would, but for the run itself.
      const plan = await resolvePlan(
        (await askedFor({ ...flags, plan: file }, { cwd: folder } as Io, () => false)).plan,
      );
      const { strikes, record } = await run(plan.use.asked);
      const streams = (plan.schedule?.phases ?? []).flatMap((phase, p) =>
        phase.streams.map((_, s) => streamName(p, s)),
      );
      const struck = new Set(strikes.filter(({ skipped }) => skipped === undefined).map(({ stream }) => stream));
      expect(streams.filter((stream) => !struck.has(stream))).toEqual([]);
      expect(record.faults.length).toBeGreaterThan(0);
      expect(
        record.cells.filter(({ state }) => state === 'undecided').map(({ guarantee, note }) => [guarantee, note]),
      ).toEqual([]);
      expect(record.exitCode).toBe(0);
    },
  );

  it('names the faults that can be aimed, their figures, and all that can be waited for', async () => {
    const faults = [...(await loadFaults()).values()];
    const listed = /Some can be aimed: (.*?);/s.exec(text)?.[1] ?? '';
    const names = (part: string): string[] => [...part.matchAll(/`([\w-]+)`/g)].map(([, name]) => name).sort();
    expect(names(listed)).toEqual(faults.flatMap(({ name, aimable }) => (aimable === true ? [name] : [])).sort());
    for (const { name, figures = {} } of faults) {
      const row =
        text.split('\n').find((line) => line.startsWith('|') && line.split('|')[1].includes(`\`${name}\``)) ?? '';
      expect(names(row.split('|')[2] ?? ''), name).toEqual(Object.keys(figures).sort());
    }
    for (const occasion of Object.keys(occasions)) expect(text).toMatch(new RegExp(`\\|[^|]*\`${occasion}\``));
    for (const role of Object.keys(roles)) expect(text).toContain(`\`${role}\``);
  });
});
