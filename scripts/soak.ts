/**
 * A soak of the whole store with a blind: many short runs on all cores, each drawn from its seed (soak-plan.ts), some of them
 * secretly defective. The judge does not know which; at the end the list is opened. Prints verdicts, what happened inside, the
 * share of calm requests that were answered, how many of the defective were found, and every clean run that was blamed,
 * with the command that makes it again.
 *
 *   npm run soak -- --runs 10000 [--seed 1] [--defective 0.02] [--jobs N] [--json]
 *
 * Exit code 1 when a clean run broke a promise or broke down; 2 when what a soak is to show was missed: more than 1 % of the clean
 * runs undecided, less than 99 % of calm requests answered on a path, or, in 1,000 runs and more, something that never happened.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order } from '../harness/campaign-worker.ts';
import { runPool } from '../harness/pool.ts';
import { BROKEN, UNDECIDED } from '../harness/errors.ts';
import reference from '../harness/systems/reference.ts';
import { realClock, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import { defects } from '../reference-impl/core/defects.ts';
import { argumentsOf } from './arguments.ts';
import { choicesOf, drawPlan, withDefect } from './soak-plan.ts';
import { Tally } from './soak-tally.ts';

const given = argumentsOf({ runs: 'count', seed: 'count', defective: 'share', jobs: 'count', json: 'flag' });
const { runs = 500, seed: first = 1, defective: share = 0.02, jobs = availableParallelism() } = given;

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
    const blamed = tally.blamed.length;
    tally.add(done, secret.get(done.record.seed));
    for (const line of tally.blamed.slice(blamed)) console.error(`blamed: ${line}`);
    if (tally.runs % 100 === 0)
      console.error(`${tally.runs} of ${runs} runs, ${tally.blamed.length} clean ones blamed`);
  },
});
const wallMs = (clock.now() / SECOND) * 1000;
if (given.json === true)
  console.log(JSON.stringify({ schema: 1, type: 'soak', first, ...tally.json(), wallMs: Math.round(wallMs) }));
else console.log(tally.render(wallMs).join('\n'));
if (tally.blamed.length > 0) process.exitCode = BROKEN;
else if (tally.misses().length > 0) process.exitCode = UNDECIDED;
