/**
 * What recording costs: operations serialised as two lines of JSON each and handed to the kernel, with session, device, path,
 * node, version and position. Median of five.
 *
 *     node dist/scripts/bench-recorder.js [operations]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Recorder } from '../harness/recorder.ts';
import { count } from '../harness/table.ts';
import { type Clock, realClock, SECOND } from '../history/clock.ts';
import type { Call } from '../workloads/workload.ts';

const RUNS = 5;
const operations = Number(process.argv[2] ?? 500_000);
const real = realClock();
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
const figures: number[] = [];
let bytes = 0;
try {
  for (let run = 0; run <= RUNS; run++) {
    const file = join(folder, `${run}.jsonl`);
    let now = 0;
    const clock: Clock = { ...real, now: () => (now += 1_000) };
    const recorder = new Recorder({ file, clock, real });
    const start = real.now();
    for (let i = 0; i < operations; i++) {
      const call: Call = i % 2 === 0 ? { f: 'read', key: `r1.${i % 8}` } : { f: 'write', key: `r1.${i % 8}`, value: i };
      const position = { group: 'g0', history: 3, at: i };
      recorder.invoke(i % 120, call, `s${i % 120}`, 'd1', 'quorum-ack', now);
      recorder.complete(i % 120, call, 'quorum-ack', {
        outcome: 'ok',
        value: i,
        answer: { servedBy: { node: 'n1', role: 'leader' }, version: position, position },
      });
    }
    recorder.close();
    if (run > 0) figures.push((real.now() - start) / operations);
    bytes = statSync(file).size;
    rmSync(file);
  }
} finally {
  rmSync(folder, { recursive: true });
}
const [least, , median, , most] = figures.sort((a, b) => a - b);
const us = (ns: number): string => (ns / 1000).toFixed(2);
process.stdout.write(
  `${count(operations)} operations, ${(bytes / operations).toFixed(0)} bytes each: median ${us(median)} µs an operation ` +
    `(${us(least)} to ${us(most)}), ${((bytes / operations / median) * (SECOND / 1e6)).toFixed(0)} MB/s\n`,
);
