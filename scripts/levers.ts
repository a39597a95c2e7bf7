/**
 * Each fault alone, for some seconds, against the reference store: what it did, and what it provoked. Failovers, refused and
 * unanswered operations, slow writes, stale reads; a promise that it broke, or a fault that was not undone, ends it with 1.
 *
 * A run without any fault comes first: what is violated without one is no fault's doing, and is not said again. NAME+NAME strike together.
 *
 *   npm run levers [-- --env docker] [--fault NAME,…] [--read-path NAME,…] [--seconds 12] [--nodes 3] [--seed 1] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import { BadInput } from '../harness/errors.ts';
import { defaultPlan, type ResolvedPlan, resolvePlan } from '../harness/plan.ts';
import { loadFaults } from '../harness/plugins.ts';
import { judgeRun } from '../harness/record-run.ts';
import { effectText } from '../harness/report-faults.ts';
import { executeRun } from '../harness/run.ts';
import { count, duration, percent, table } from '../harness/table.ts';
import { hadEffect, type Lever } from '../nemesis/fault.ts';
import type { RunRecord } from '../results/record.ts';
import { argumentsOf, orEnd } from './arguments.ts';

const SECONDS = 12;
const RATE = 100;
const TRIES = 3;
/** What strikes members and epochs is the operator's to ask for, not a lever's of the machine. */
const MACHINE = (levers: readonly Lever[]): boolean => levers.length > 0 && !levers.includes('operate');

const values = argumentsOf({
  env: 'text',
  fault: 'text',
  'read-path': 'text',
  seconds: 'count',
  nodes: 'count',
  seed: 'count',
  json: 'flag',
});
const { env = 'docker', seconds = SECONDS, nodes = 3, seed = 1 } = values;
const all = await loadFaults();
/** What shows nothing alone: a lease is wrong where its holder is cut off too. */
const TOGETHER = ['clock-drift+isolate-leader', 'clock-drift-within+isolate-leader'];
const machine = [...all.values()].filter(({ levers }) => MACHINE(levers)).map(({ name }) => name);
const wanted = ['none', ...(values.fault?.split(',') ?? [...machine.sort(), ...TOGETHER])];
const readPaths = values['read-path']?.split(',') ?? ['leader', 'follower', 'leader-lease', 'bounded-500ms'];
orEnd(() => {
  const unknown = wanted.flatMap(partsOf).find((name) => !all.has(name));
  if (unknown !== undefined) throw new BadInput(`There is no fault '${unknown}'.`);
});

const folder = mkdtempSync(join(tmpdir(), 'tidemark-levers-'));
const rows: string[][] = [
  [
    'fault',
    'effect',
    'failovers',
    'elected after',
    'refused',
    'unanswered',
    'slowest write',
    'stale reads',
    'promises',
  ],
];
let failed = false;
/** What is violated where nothing strikes. */
let calm: ReadonlySet<string> = new Set();
try {
  for (const name of wanted) await strike(name);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.json !== true) console.log(table(rows).join('\n'));
process.exit(failed ? 1 : 0);

async function strike(name: string): Promise<void> {
  let plan: ResolvedPlan;
  try {
    plan = await prepared(name);
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    rows.push([name, `unsupported: ${error.message}`]);
    if (values.json === true)
      console.log(JSON.stringify({ schema: 1, type: 'lever', fault: name, unsupported: error.message }));
    return;
  }
  let journal = join(folder, `${name}.jsonl`);
  let ended = await executeRun(plan, { journal });
  // A machine that has other work may be too slow for an election.
  for (let tries = 1; ended.notStarted !== undefined && tries < TRIES; tries++) {
    journal = join(folder, `${name}-${tries}.jsonl`);
    ended = await executeRun(plan, { journal });
  }
  const record = await judgeRun({ plan, ended, journal, id: name, labels: {}, histograms: true });
  if (record.verdict === 'broken' || ended.failures.length > 0) failed = true;
  for (const failure of ended.failures) console.error(`${name}: ${failure}`);
  if (name === 'none') calm = new Set(findings(record));
  const row = rowOf(name, record);
  rows.push(row);
  if (values.json === true) {
    console.log(
      JSON.stringify({
        schema: 1,
        type: 'lever',
        fault: name,
        faults: record.faults,
        counts: record.counts,
        failovers: record.failovers,
        staleness: record.staleness,
        verdict: record.verdict,
        findings: findings(record),
        failures: ended.failures,
      }),
    );
  } else console.error(row.join(' · '));
}

async function prepared(name: string): Promise<ResolvedPlan> {
  const plan = await resolvePlan({
    ...defaultPlan,
    environment: env,
    faults: name === 'none' ? ['none'] : partsOf(name),
    seed,
    nodes,
    rate: RATE,
    durationNs: seconds * SECOND,
    writePaths: ['quorum-ack'],
    readPaths,
  });
  const { environment, settings } = plan.use;
  const levers = partsOf(name).flatMap((part) => all.get(part)?.levers ?? []);
  const lacking =
    (await environment.prepare?.({ settings, levers, nodes }, (line) => console.error(line))) ??
    new Map<Lever, string>();
  const missing = levers.find((lever) => lacking.has(lever));
  if (missing !== undefined) throw new BadInput(`it needs ${missing}: ${lacking.get(missing)}`);
  return plan;
}

function rowOf(name: string, record: RunRecord): string[] {
  const { faults, failovers, counts, latencies, staleness, verdict } = record;
  const effect: Record<string, number> = {};
  for (const one of faults) for (const [what, n] of Object.entries(one.effect)) effect[what] = (effect[what] ?? 0) + n;
  const did = Object.entries(effect).flatMap(([what, n]) => (n > 0 ? [effectText(what, n)] : []));
  const elected = failovers.flatMap(({ electedNs }) => electedNs ?? []).sort((a, b) => a - b);
  const writes = latencies.filter(({ method, since }) => method === 'write' && since === 'intended');
  const stale = staleness.reduce((sum, { staleReads }) => sum + staleReads, 0);
  const reads = staleness.reduce((sum, one) => sum + one.reads, 0);
  const more = findings(record).filter((finding) => !calm.has(finding));
  return [
    name,
    name === 'none' ? '–' : hadEffect(effect) ? did.join(', ') : faults.length === 0 ? 'it never struck' : 'none',
    String(failovers.length),
    elected.length === 0 ? '–' : duration(elected[elected.length >> 1]),
    count(counts['refused'] ?? 0),
    count(counts['info'] ?? 0),
    writes.length === 0 ? '–' : `${Math.round(Math.max(...writes.map(({ maxNs }) => maxNs)) / MILLISECOND)} ms`,
    percent(stale, reads),
    [verdict, ...more].join(', '),
  ];
}

/** Broken promises, and what was not promised and is not so either. */
function findings({ cells }: RunRecord): readonly string[] {
  return cells
    .filter(({ state }) => state === 'broken' || state === 'violated')
    .map(({ guarantee, state, readPath }) => [state, guarantee, readPath].filter((x) => x !== undefined).join(' '));
}

function partsOf(name: string): readonly string[] {
  return name === 'none' ? [] : name.split('+');
}
