/**
 * A soak of the whole store with a blind: many short runs on all cores, each drawn from its seed (soak-plan.ts), some of them
 * secretly defective. The judge does not know which; at the end the list is opened. Prints verdicts, what happened inside, the
 * share of calm requests that were answered, how many of the defective were found, and every clean run that was blamed,
 * with the command that makes it again.
 *
 *   npm run soak -- --runs 10000 [--seed 1] [--defective 0.02] [--jobs N] [--json]
 *
 * Exit code 1 when a clean run broke a promise or broke down.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Order } from '../harness/campaign-worker.ts';
import { runPool } from '../harness/pool.ts';
import reference from '../harness/systems/reference.ts';
import { realClock, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import { defects } from '../reference-impl/core/defects.ts';
import { choicesOf, drawPlan, withDefect } from './soak-plan.ts';
import { Tally } from './soak-tally.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    defective: { type: 'string' },
    jobs: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const runs = Number(values.runs ?? 500);
const first = Number(values.seed ?? 1);
const share = Number(values.defective ?? 0.02);
const jobs = Number(values.jobs ?? availableParallelism());

const choices = await choicesOf(reference);

/** Which seeds are defective, and how: exactly the share, drawn without replacement, each defect that a history can show as often as any other. */
const visible = defects.filter(({ unseen }) => unseen === undefined);
const secret = new Map(
  new Random(`soak/${first}`)
    .shuffle(Array.from({ length: runs }, (_, i) => first + i))
    .slice(0, Math.round(runs * share))
    .map((seed, i) => [seed, visible[i % visible.length]]),
);

const clock = realClock();
const tally = new Tally();
let seed = first;
await runPool({
  jobs,
  setup: { folder: join(tmpdir(), `tidemark-soak-${process.pid}`), keepAll: false },
  next: (): Order | undefined => {
    if (seed >= first + runs) return undefined;
    const defect = secret.get(seed);
    const drawn = drawPlan(seed, choices);
    return { plan: defect === undefined ? drawn : withDefect(drawn, defect), id: `soak-${seed++}` };
  },
  done: (done) => {
    tally.add(done, secret.get(done.record.seed)?.name);
    if (tally.runs % 100 === 0)
      console.error(`${tally.runs} of ${runs} runs, ${tally.blamed.length} clean ones blamed`);
  },
});
const wallMs = (clock.now() / SECOND) * 1000;
if (values.json)
  console.log(JSON.stringify({ schema: 1, type: 'soak', first, ...tally.json(), wallMs: Math.round(wallMs) }));
else console.log(tally.render(wallMs).join('\n'));
process.exitCode = tally.blamed.length > 0 ? 1 : 0;
