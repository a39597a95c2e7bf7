/**
 * Does the suite ring? Every defect of the reference store in the default run, with `--set defect=NAME` and what else the
 * defect says that it needs to show at all (a setting, a fault that is not part of the mix): how many seeds it takes until the guarantee that
 * was declared beforehand catches it, over three disjoint ranges of seeds.
 *
 *   npm run zoo [-- --defect NAME] [--short] [--jobs N] [--json]
 *
 * `--short`: in the short runs of the soak (soak-plan.ts) instead, with the paths that the defect names.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order } from '../harness/campaign-worker.ts';
import { unknownName } from '../harness/errors.ts';
import { defaultPlan, type Plan } from '../harness/plan.ts';
import { runPool } from '../harness/pool.ts';
import reference from '../harness/systems/reference.ts';
import { table } from '../harness/table.ts';
import { type Defect, defectNames, defects } from '../reference-impl/core/defects.ts';
import type { Cell } from '../results/record.ts';
import { argumentsOf, orEnd } from './arguments.ts';
import { choicesOf, drawPlan, withDefect } from './soak-plan.ts';

const RANGES = [1, 1001, 2001] as const;
const SEEDS = 50;
const SEEDS_DEEP = 1000;

const values = argumentsOf({ defect: 'text', jobs: 'count', json: 'flag', short: 'flag' });
const { defect: only } = values;
orEnd(() => {
  if (only !== undefined && !defectNames.includes(only)) throw unknownName('defect', only, defectNames);
});
const { jobs = availableParallelism() } = values;
const choices = await choicesOf(reference);

/** The default run, in circumstances in which the defect can show; its paths are all tried anyway, where they exist by default. */
function planOf(defect: Defect, seed: number): Plan {
  if (values.short === true) return withDefect(drawPlan(seed, choices), defect);
  const others = defect.faults.filter((fault) => !choices.faults.includes(fault));
  const known = reference.readPaths.map(({ name }) => name);
  const beside = (defect.readPaths ?? []).filter((path) => !known.includes(path));
  return {
    ...defaultPlan,
    seed,
    faults: faultsOf(defect, others),
    readPaths: beside.length === 0 ? defaultPlan.readPaths : [...known, ...beside],
    settings: { ...defect.settings, defect: defect.name },
    ...(defect.voters !== undefined && { nodes: defect.voters }),
    ...(defect.rate !== undefined && { rate: defect.rate }),
  };
}

function faultsOf({ alone, faults }: Defect, others: readonly string[]): readonly string[] {
  if (alone === true) return faults;
  return others.length === 0 ? defaultPlan.faults : [...choices.faults, ...others];
}

interface Catch {
  readonly seed: number;
  readonly cell: Cell;
  readonly others: readonly string[];
}

/** The first seed of a range, in the order of seeds, whose run breaks a promise. */
async function firstCatch(defect: Defect, from: number, most: number): Promise<Catch | undefined> {
  let seed = from;
  let best: Catch | undefined;
  const next = (): Order | undefined => {
    if (seed >= from + most || (best !== undefined && seed > best.seed)) return undefined;
    const order = { plan: planOf(defect, seed), id: `${defect.name}-${seed}` };
    seed++;
    return order;
  };
  await runPool({
    jobs,
    setup: { folder: join(tmpdir(), `tidemark-zoo-${process.pid}-${defect.name}-${from}`), keepAll: false },
    next,
    done: ({ record }) => {
      const broken = record.cells.filter((cell) => cell.state === 'broken');
      const cell = broken.find(({ guarantee }) => (defect.caughtBy as readonly string[]).includes(guarantee));
      if (cell !== undefined && (best === undefined || record.seed < best.seed)) {
        best = { seed: record.seed, cell, others: [...new Set(broken.map(({ guarantee }) => guarantee))] };
      }
    },
  });
  return best;
}

const rows: string[][] = [['defect', 'declared', 'seeds needed', 'median', 'worst', 'caught by', 'all that broke']];
for (const defect of defects) {
  const { name, caughtBy, depth } = defect;
  if (only !== undefined && only !== name) continue;
  if (defect.unseen !== undefined) {
    console.error(`${name}: not looked for. ${defect.unseen}`);
    continue;
  }
  const catches: (Catch | undefined)[] = [];
  for (const from of RANGES) catches.push(await firstCatch(defect, from, depth === 'deep' ? SEEDS_DEEP : SEEDS));
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
        declared: caughtBy,
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
    caughtBy.join(', '),
    needed.map(text).join(', '),
    text(sorted[1]),
    text(sorted[2]),
    first?.cell.guarantee ?? '–',
    first?.others.join(', ') ?? '',
  ]);
  console.error(`${name}: ${needed.map(text).join(', ')}  ${first?.cell.guarantee ?? ''}: ${sentence}`);
}
if (!values.json) console.log(table(rows).join('\n'));
