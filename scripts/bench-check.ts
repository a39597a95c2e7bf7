/**
 * From a file to a verdict: `tidemark check` of one million operations, as a user runs it. Wall time from the start of the
 * process to its end, and the most memory it had resident (Linux only). Median of five runs.
 *
 *     node dist/scripts/bench-check.js [operations] [clients]
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asset } from '../harness/entry.ts';
import { count, duration, table } from '../harness/table.ts';
import { MILLISECOND, realClock } from '../history/clock.ts';
import { Random } from '../history/random.ts';

const RUNS = 5;
const operations = Number(process.argv[2] ?? 1_000_000);
const clients = Number(process.argv[3] ?? 20);
const clock = realClock();

interface Client {
  state: 'idle' | 'invoked' | 'done';
  f: 'read' | 'write';
  key: number;
  value: number | null;
}

/** Closed loop, half writes of unique values, half reads; linearizable, for each operation takes effect between its events. */
function writeJournal(file: string, keys: number): void {
  const random = new Random(`bench-check ${keys}`);
  const descriptor = openSync(file, 'w');
  const registers = new Array<number | null>(keys).fill(null);
  const all = Array.from({ length: clients }, (): Client => ({ state: 'idle', f: 'read', key: 0, value: null }));
  let pending = '';
  let [index, time, begun, unique, open] = [0, 0, 0, 0, 0];
  const line = (process: number, type: string, { f, key, value }: Client): void => {
    time += 400 + random.below(200);
    pending += `{"index":${index++},"time":${time},"process":${process},"type":"${type}","f":"${f}","key":"r${key}","value":${value}}\n`;
    if (pending.length < 1 << 16) return;
    writeSync(descriptor, pending);
    pending = '';
  };
  while (begun < operations || open > 0) {
    const process = random.below(clients);
    const client = all[process];
    if (client.state === 'idle') {
      if (begun === operations) continue;
      begun++;
      open++;
      client.f = random.chance(0.5) ? 'read' : 'write';
      client.key = random.below(keys);
      client.value = client.f === 'write' ? ++unique : null;
      client.state = 'invoked';
      line(process, 'invoke', client);
    } else if (client.state === 'invoked') {
      if (client.f === 'write') registers[client.key] = client.value;
      else client.value = registers[client.key];
      client.state = 'done';
    } else {
      line(process, 'ok', client);
      client.state = 'idle';
      open--;
    }
  }
  writeSync(descriptor, pending);
  closeSync(descriptor);
}

interface Figures {
  readonly ns: number;
  readonly residentMb: number;
  readonly verdict: string;
}

function check(file: string): Promise<Figures> {
  const start = clock.now();
  const child = spawn(process.execPath, [asset('bin/tidemark.mjs'), 'check', file, '--guarantee', 'linearizable'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let residentMb = Number.NaN;
  let cancel = (): void => undefined;
  const look = (): void => {
    residentMb = peakOf(child.pid) ?? residentMb;
    cancel = clock.timer(clock.now() + 5 * MILLISECOND, look);
  };
  look();
  let verdict = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    verdict += text;
  });
  return new Promise((resolve) => {
    child.on('close', () => {
      cancel();
      resolve({ ns: clock.now() - start, residentMb, verdict: /linearizable (\w+)/.exec(verdict)?.[1] ?? 'none' });
    });
  });
}

/** The most memory a process has had resident so far. */
function peakOf(pid: number | undefined): number | undefined {
  try {
    const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1000;
  } catch {
    return undefined; // it has ended, or this is not Linux
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
try {
  const rows = [['operations', 'keys', 'file', 'verdict', 'median', 'best', 'worst', 'resident']];
  for (const keys of [1, 100]) {
    const file = join(folder, `${keys}.jsonl`);
    writeJournal(file, keys);
    await check(file); // warms the page cache
    const figures: Figures[] = [];
    for (let run = 0; run < RUNS; run++) figures.push(await check(file));
    const times = figures.map(({ ns }) => ns).sort((a, b) => a - b);
    rows.push([
      count(operations),
      String(keys),
      `${(statSync(file).size / 1e6).toFixed(0)} MB`,
      [...new Set(figures.map(({ verdict }) => verdict))].join(', '),
      duration(times[RUNS >> 1]),
      duration(times[0]),
      duration(times[RUNS - 1]),
      `${Math.max(...figures.map(({ residentMb }) => residentMb)).toFixed(0)} MB`,
    ]);
    rmSync(file);
  }
  process.stdout.write(
    `${table(
      rows,
      rows[0].map((_, column) => (column === 3 ? 'left' : 'right')),
    ).join('\n')}\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
