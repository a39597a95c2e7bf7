/**
 * How fast a whole run is simulated: three nodes, half writes at quorum-ack, half reads at leader and followers, faults mixed,
 * journal on, checkers off. Median of five runs on one core; how many events of each kind there were, and what one cost on average.
 *
 *     node dist/scripts/bench-run.js [operations a second of virtual time] [sessions]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPlan, resolvePlan } from '../harness/plan.ts';
import { executeRun } from '../harness/run.ts';
import { count, table } from '../harness/table.ts';
import { SECOND } from '../history/clock.ts';
import { call, type Workload } from '../workloads/workload.ts';

const RUNS = 5;
const rate = Number(process.argv[2] ?? 20_000);
const sessions = process.argv[3] ?? '4000';

const halves: Workload = {
  name: 'halves',
  about: 'half reads, half unique writes',
  methods: ['read', 'write'],
  exercises: [],
  *script(session, random) {
    for (;;) {
      const key = `k${session.lane}.${random.below(1000)}`;
      if (random.chance(0.5)) yield* call({ f: 'write', key, value: session.unique() });
      else yield* call({ f: 'read', key });
    }
  },
};

const plan = await resolvePlan({
  ...defaultPlan,
  rate,
  durationNs: 20 * SECOND,
  writePaths: ['quorum-ack'],
  readPaths: ['leader', 'follower'],
  settings: { sessions },
});
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
const figures: {
  readonly perSecond: number;
  readonly row: string[];
  readonly events: Readonly<Record<string, number>>;
  readonly ms: number;
}[] = [];
try {
  for (let run = 0; run <= RUNS; run++) {
    const journal = join(folder, `${run}.jsonl`);
    const ended = await executeRun({ ...plan, use: { ...plan.use, workloads: [halves] } }, { journal });
    const done = ended.driver.ok + ended.driver.mismatch;
    const perSecond = (done / ended.wallMs) * 1000;
    const megabytes = statSync(journal).size / 1e6;
    rmSync(journal);
    if (run === 0) continue; // warms up
    const row = [
      count(done),
      `${(ended.wallMs / 1000).toFixed(2)} s`,
      count(perSecond),
      count(ended.environment['events']),
      `${megabytes.toFixed(0)} MB`,
    ];
    figures.push({ perSecond, row, events: ended.environment, ms: ended.wallMs });
  }
} finally {
  rmSync(folder, { recursive: true });
}
const heading = ['operations', 'wall time', 'operations/s', 'events', 'journal'];
process.stdout.write(
  `${table([heading, ...figures.map(({ row }) => row)], ['right', 'right', 'right', 'right', 'right']).join('\n')}\n`,
);
const median = figures.sort((a, b) => a.perSecond - b.perSecond)[Math.floor(RUNS / 2)];
const { events, ms, perSecond } = median;
process.stdout.write(
  `median: ${count(perSecond)} operations a second of wall time; ${((ms * 1e6) / events['events']).toFixed(0)} ns an event, everything included\n`,
);
const kinds = Object.entries(events).filter(([name]) => name.startsWith('events: '));
for (const [name, n] of kinds)
  process.stdout.write(`  ${name.slice('events: '.length).padEnd(8)} ${count(n).padStart(9)}\n`);
