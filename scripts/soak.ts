/**
 * A soak with a blind: many default runs on all cores, some of them secretly defective. The judge does not know which; at the
 * end the list is opened. Prints how many of the defective were found and how many clean ones were blamed.
 *
 *   npm run soak [-- --runs 500] [--seed 1] [--defective 0.02] [--jobs N]
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Order } from '../harness/campaign-worker.ts';
import { defaultPlan } from '../harness/plan.ts';
import { runPool } from '../harness/pool.ts';
import reference from '../harness/systems/reference.ts';
import { realClock, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    defective: { type: 'string' },
    jobs: { type: 'string' },
  },
});
const runs = Number(values.runs ?? 500);
const first = Number(values.seed ?? 1);
const share = Number(values.defective ?? 0.02);
const jobs = Number(values.jobs ?? availableParallelism());
const defects = reference.settings.find((setting) => setting.name === 'defect')?.values ?? [];

const random = new Random(`soak/${first}`);
/** Which seeds are defective, and how: exactly the share, drawn without replacement. */
const secret = new Map(
  random
    .shuffle(Array.from({ length: runs }, (_, i) => first + i))
    .slice(0, Math.round(runs * share))
    .map((seed, i) => [seed, defects[i % defects.length].name]),
);

let seed = first;
const found: string[] = [];
const missed: string[] = [];
const blamed: string[] = [];
let undecided = 0;
let done = 0;
const clock = realClock();
await runPool({
  jobs,
  setup: { folder: join(tmpdir(), `tidemark-soak-${process.pid}`), keepAll: false },
  next: (): Order | undefined => {
    if (seed >= first + runs) return undefined;
    const defect = secret.get(seed);
    const settings: Record<string, string> = defect === undefined ? {} : { defect };
    return { plan: { ...defaultPlan, settings, seed }, id: `soak-${seed++}` };
  },
  done: ({ record }) => {
    const defect = secret.get(record.seed);
    const broken = record.cells.filter((cell) => cell.state === 'broken');
    const told = `seed ${record.seed}${defect === undefined ? '' : ` (${defect})`}: ${[...new Set(broken.map((cell) => cell.guarantee))].join(', ')}`;
    if (record.verdict === 'broken') (defect === undefined ? blamed : found).push(told);
    else if (defect !== undefined) missed.push(told);
    if (record.verdict === 'undecided') undecided++;
    if (++done % 50 === 0) console.error(`${done} of ${runs} runs`);
  },
});
console.log(`${runs} runs in ${(clock.now() / SECOND).toFixed(0)} s, ${secret.size} of them secretly defective`);
console.log(`found ${found.length} of ${secret.size}:`);
for (const line of found) console.log(`  ${line}`);
if (missed.length > 0) console.log('not found in their one run:');
for (const line of missed) console.log(`  ${line}`);
console.log(`clean runs blamed: ${blamed.length}${blamed.length > 0 ? `\n  ${blamed.join('\n  ')}` : ''}`);
console.log(`undecided: ${undecided}`);
process.exitCode = blamed.length > 0 ? 1 : 0;
