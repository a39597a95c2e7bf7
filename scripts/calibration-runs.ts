/** What a calibration of the gate is made of: runs of the same, and of two that are slower. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { executeBench } from '../harness/bench/bench.ts';
import type { BenchPlan } from '../harness/bench/plan.ts';
import { recordBench } from '../harness/bench/record.ts';
import { resolveBench } from '../harness/bench/resolve.ts';
import { runOnce, type Running, type Side } from '../harness/gate/live.ts';
import { programIn } from '../harness/gate/program.ts';
import { realClock, SECOND } from '../history/clock.ts';
import type { RunRecord } from '../results/record.ts';

export const kinds = ['same', 'tenth', 'fifth'] as const;
export type Kind = (typeof kinds)[number];

/** So much longer clients wait, and how that is said. */
const stretches: Readonly<Record<Kind | 'a', string>> = { a: '1', same: '1', tenth: '1.1', fifth: '1.2' };

export type Make = (kind: Kind | 'a', n: number) => Promise<RunRecord>;

/** Every run has its own seed: what differs between them is the model's chance. Without loss: one message in 2,000 would be all of p99. */
export function simulated(first: number): Make {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-calibrate-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  let made = 0;
  return async (kind) => {
    const seed = first + ++made;
    const latency = stretches[kind];
    const bench = await resolveBench({ ...simulatedPlan, seed, settings: { latency, loss: '0' } });
    const id = `simulated-${seed}`;
    const journal = join(folder, `${id}.jsonl`);
    const run = { id, logs: join(folder, id) };
    const benched = await executeBench(bench, { journal, run, stopped: () => false, say: () => undefined });
    const record = await recordBench({ bench, benched, journal, id, labels: {}, command: '' });
    rmSync(journal);
    return record;
  };
}

const simulatedPlan: BenchPlan = {
  system: 'reference',
  environment: 'simulation',
  seed: 1,
  nodes: 3,
  mix: 'b',
  distribution: 'zipfian',
  records: 50,
  valueBytes: 0,
  readPaths: ['leader'],
  writePath: undefined,
  rates: [300],
  ladder: undefined,
  warmUpNs: SECOND,
  durationNs: 10 * SECOND,
  repeats: 1,
  sessions: 64,
  checkedKeys: 8,
  settings: {},
};

/** Each run has a cluster of its own, as in a gate; both sides of a round have one seed. */
export async function onLoopback(words: readonly string[], delayMs: number): Promise<Make> {
  const folder = join(tmpdir(), `tidemark-calibrate-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const side = (stretch: string): Side => ({
    name: 'candidate',
    command: undefined,
    program: programIn(folder, 'candidate'),
    cwd: folder,
    options: [
      '--set',
      // A delay is stretched by what delays it: no other timers than the baseline's.
      delayMs === 0 ? `client-stretch=${stretch}` : `client-delay-ms=${Math.round(delayMs * Number(stretch))}`,
    ],
  });
  const running: Running = {
    baseline: side('1'),
    candidate: side('1'),
    words,
    seed: 1,
    labels: {},
    folder: join(folder, '.tidemark'),
    clock: realClock(),
    timeoutMs: 300_000,
    say: (line) => process.stderr.write(`${line}\n`),
    stopped: () => false,
  };
  return async (kind, n) => {
    const record = await runOnce(running, side(stretches[kind]), n);
    rmSync(join(folder, '.tidemark', 'runs'), { recursive: true, force: true }); // journals of a thousand runs fill a disk
    return record;
  };
}
