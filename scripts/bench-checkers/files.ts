/** From a file to a verdict: the whole process of `tidemark check`, as a user starts it. */
import { spawn } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { asset } from '../../harness/entry.ts';
import { MILLISECOND, realClock } from '../../history/clock.ts';
import { FAIL, METHODS, NEVER, OK, READ, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Measured } from './measure.ts';
import type { Format } from './rows.ts';

const RUNS = 5;
const LINES_A_WRITE = 1000;

const clock = realClock();

export async function runsOf(
  history: History,
  format: Format,
): Promise<Omit<Measured, 'operations' | 'bytesPerOperation'>> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  try {
    const plain = join(folder, format === 'edn' ? 'history.edn' : 'history.jsonl');
    writeHistory(history, plain, format === 'edn' ? ednLine : jsonLine);
    const file = format === 'jsonl.gz' ? `${plain}.gz` : plain;
    if (file !== plain) await pipeline(createReadStream(plain), createGzip(), createWriteStream(file));
    const first = await run(file, folder);
    const ms: number[] = [];
    let peakMb = first.peakMb;
    for (let i = 0; i < RUNS; i++) {
      const next = await run(file, folder);
      ms.push(next.ms);
      peakMb = Math.max(peakMb, next.peakMb);
    }
    ms.sort((a, b) => a - b);
    return { verdict: first.verdict, firstMs: first.ms, ms, peakMb };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Line = (history: History, row: number, index: number, type: string) => string;

/** Every event in its order. */
function writeHistory(history: History, path: string, line: Line): void {
  const { length, positions, call, ret } = history;
  const endsAt = new Int32Array(positions).fill(-1);
  for (let row = 0; row < length; row++) if (ret[row] !== NEVER) endsAt[ret[row]] = row;
  const descriptor = openSync(path, 'w');
  let next = 0;
  let pending: string[] = [];
  for (let position = 0; position < positions; position++) {
    const ended = endsAt[position];
    const row = ended === -1 ? next++ : ended;
    const type = ended === -1 ? 'invoke' : ['ok', 'fail', 'info'][history.outcome[row]];
    if (ended === -1 && call[row] !== position) throw new Error('Calls are not in order.');
    pending.push(line(history, row, position, type));
    if (pending.length < LINES_A_WRITE && position + 1 < positions) continue;
    writeSync(descriptor, pending.join(''));
    pending = [];
  }
  closeSync(descriptor);
}

/** `null` where the reader does not know yet. */
function valueOf(history: History, row: number, type: string): string {
  const { f, value, expected, values } = history;
  if (f[row] === READ) return type === 'ok' ? JSON.stringify(values.get(value[row])) : 'null';
  const text = JSON.stringify(values.get(value[row]));
  return f[row] === WRITE ? text : `[${JSON.stringify(values.get(expected[row]))},${text}]`;
}

const jsonLine: Line = (history, row, index, type) => {
  const { process, f, key, keys, callTime, retTime, outcome } = history;
  const time = type === 'invoke' ? callTime[row] : retTime[row];
  const error = type !== 'invoke' && outcome[row] === FAIL ? ',"error":"mismatch"' : '';
  return (
    `{"index":${index},"time":${time},"process":${process[row]},"type":"${type}","f":"${METHODS[f[row]]}",` +
    `"key":${JSON.stringify(keys[key[row]])},"value":${valueOf(history, row, type)}${error}}\n`
  );
};

const ednLine: Line = (history, row, index, type) => {
  const { process, f, callTime, retTime, outcome } = history;
  const time = type === 'invoke' ? callTime[row] : retTime[row];
  const value = valueOf(history, row, type).replace('null', 'nil').replace(',', ' ');
  const error = type !== 'invoke' && outcome[row] !== OK ? ', :error :mismatch' : '';
  return (
    `{:index ${index}, :time ${time}, :type :${type}, :process ${process[row]}, :f :${METHODS[f[row]]}, ` +
    `:value ${value}${error}}\n`
  );
};

interface Run {
  readonly ms: number;
  readonly peakMb: number;
  readonly verdict: string;
}

/** The process itself writes down its peak when it ends, for nobody else can know it then. */
function run(file: string, folder: string): Promise<Run> {
  const peakFile = join(folder, 'peak');
  const noting =
    `import { readFileSync, writeFileSync } from 'node:fs';` +
    `process.on('exit', () => { try { writeFileSync(${JSON.stringify(peakFile)}, readFileSync('/proc/self/status')) } catch {} });`;
  const start = clock.now();
  const child = spawn(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(noting)}`,
      asset('bin/tidemark.mjs'),
      'check',
      file,
      '--guarantee',
      'linearizable',
      '--initial',
      '0',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      const ms = (clock.now() - start) / MILLISECOND;
      const verdict = /linearizable:? (valid|invalid|unknown)/.exec(said)?.[1] ?? said.trim();
      resolve({ ms, verdict, peakMb: peakIn(peakFile) });
    });
  });
}

function peakIn(file: string): number {
  try {
    return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(file, 'utf8'))?.[1]) / 1000;
  } catch {
    return Number.NaN; // not Linux
  }
}
