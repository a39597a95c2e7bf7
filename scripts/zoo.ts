/**
 * Does the suite ring? Every defect of the reference store, by `--set defect=NAME` and nothing else: how many seeds it takes
 * until the guarantee that was declared beforehand catches it, over three disjoint ranges of seeds.
 *
 *   npm run zoo [-- --defect NAME] [--jobs N] [--json]
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Order } from '../harness/campaign-worker.ts';
import { defaultPlan } from '../harness/plan.ts';
import { runPool } from '../harness/pool.ts';
import reference from '../harness/systems/reference.ts';
import { table } from '../harness/table.ts';
import type { Cell } from '../results/record.ts';

const RANGES = [1, 1001, 2001] as const;
const SEEDS = 50;
const SEEDS_DEEP = 1000;

const { values } = parseArgs({
  options: { defect: { type: 'string' }, jobs: { type: 'string' }, json: { type: 'boolean' } },
});
const jobs = Number(values.jobs ?? availableParallelism());
const known = reference.settings.find((setting) => setting.name === 'defect')?.values ?? [];

interface Catch {
  readonly seed: number;
  readonly cell: Cell;
  readonly others: readonly string[];
}

/** The first seed of a range, in the order of seeds, whose run breaks a promise. */
async function firstCatch(defect: string, from: number, most: number): Promise<Catch | undefined> {
  let seed = from;
  let best: Catch | undefined;
  const next = (): Order | undefined => {
    if (seed >= from + most || (best !== undefined && seed > best.seed)) return undefined;
    const order = { plan: { ...defaultPlan, settings: { defect }, seed }, id: `${defect}-${seed}` };
    seed++;
    return order;
  };
  await runPool({
    jobs,
    setup: { folder: join(tmpdir(), `tidemark-zoo-${process.pid}-${defect}-${from}`), keepAll: false },
    next,
    done: ({ record }) => {
      const broken = record.cells.filter((cell) => cell.state === 'broken');
      const declared = declaredFor(defect);
      const cell = broken.find(({ guarantee }) => declared.includes(guarantee));
      if (cell !== undefined && (best === undefined || record.seed < best.seed)) {
        best = { seed: record.seed, cell, others: [...new Set(broken.map(({ guarantee }) => guarantee))] };
      }
    },
  });
  return best;
}

function declaredFor(defect: string): readonly string[] {
  const found = known.find(({ name }) => name === defect);
  return found !== undefined && 'caughtBy' in found && Array.isArray(found.caughtBy) ? found.caughtBy : [];
}

const rows: string[][] = [['defect', 'declared', 'seeds needed', 'median', 'worst', 'caught by', 'all that broke']];
for (const { name, ...rest } of known) {
  if (values.defect !== undefined && values.defect !== name) continue;
  const deep = 'depth' in rest && rest.depth === 'deep';
  const catches: (Catch | undefined)[] = [];
  for (const from of RANGES) catches.push(await firstCatch(name, from, deep ? SEEDS_DEEP : SEEDS));
  const needed = catches.map((c, i) => (c === undefined ? Number.POSITIVE_INFINITY : c.seed - RANGES[i] + 1));
  const sorted = [...needed].sort((a, b) => a - b);
  const first = catches.find((c) => c !== undefined);
  const sentence = first?.cell.anomalies[0]?.sentence ?? '';
  if (values.json) {
    console.log(
      JSON.stringify({
        schema: 1,
        type: 'defect',
        defect: name,
        declared: declaredFor(name),
        needed,
        caughtBy: first?.cell.guarantee,
        sentence,
      }),
    );
    continue;
  }
  const text = (n: number): string => (Number.isFinite(n) ? String(n) : 'not found');
  rows.push([
    name,
    declaredFor(name).join(', '),
    needed.map(text).join(', '),
    text(sorted[1]),
    text(sorted[2]),
    first?.cell.guarantee ?? '–',
    first?.others.join(', ') ?? '',
  ]);
  console.error(`${name}: ${needed.map(text).join(', ')}  ${first?.cell.guarantee ?? ''}: ${sentence}`);
}
if (!values.json) console.log(table(rows).join('\n'));
