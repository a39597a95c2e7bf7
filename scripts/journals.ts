/**
 * The journals of seeds 1 to 20, byte for byte: their SHA-256 are committed in harness/testdata/journals.json and must come out
 * the same on every machine, every version of Node, alone or beside others.
 *
 *   npm run journals              compares
 *   npm run journals -- --update  writes them, after a change that was meant to change them
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { asset } from '../harness/entry.ts';
import { defaultPlan, resolvePlan } from '../harness/plan.ts';
import { executeRun } from '../harness/run.ts';

const SEEDS = 20;
const file = asset('harness/testdata/journals.json');
const { values } = parseArgs({ options: { update: { type: 'boolean' } } });
const folder = mkdtempSync(join(tmpdir(), 'tidemark-journals-'));
const hashes: Record<string, string> = {};
try {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const plan = await resolvePlan({ ...defaultPlan, seed });
    const ended = await executeRun(plan, { journal: join(folder, `${seed}.jsonl`) });
    if (ended.failures.length > 0) throw new Error(`seed ${seed}: ${ended.failures.join('; ')}`);
    hashes[seed] = ended.journalSha256;
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (values.update) {
  writeFileSync(file, `${JSON.stringify(hashes, null, 2)}\n`);
  console.log(`wrote the SHA-256 of ${SEEDS} journals`);
} else {
  const committed = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>; // our own file
  const differing = Object.keys(hashes).filter((seed) => hashes[seed] !== committed[seed]);
  console.log(`${SEEDS - differing.length} of ${SEEDS} journals are as committed (Node ${process.version})`);
  if (differing.length > 0) console.log(`differing seeds: ${differing.join(', ')}`);
  process.exitCode = differing.length > 0 ? 1 : 0;
}
