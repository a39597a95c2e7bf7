/**
 * Every checker's speed in one table: each row in a process of its own, the median of five runs after a first one. That first run
 * is shown too, for its code was never run before (what takes above 5 s is run once); the heap is cleared before each run. Peak memory is that of the whole process,
 * the history included, from before the first run to its end (Linux); generating the history is not counted, nor timed.
 *
 *     npm run bench:checkers [-- --only TEXT] [--quick] [--json FILE]
 *
 * `--only`: rows whose name contains the text; `--quick`: rows up to 100,000 operations; `--vectors`: recorded histories.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { BadInput } from '../../harness/errors.ts';
import { count, table } from '../../harness/table.ts';
import { argumentsOf, orEnd } from '../arguments.ts';
import type { Measured } from './measure.ts';
import type { Row } from './rows.ts';
import { nameOf, rows } from './rows.ts';

const values = argumentsOf({ only: 'text', quick: 'flag', json: 'text', vectors: 'text' });
const vectors = values.vectors ?? fileURLToPath(new URL('../../../../shared/vectors', import.meta.url));
const QUICK = 100_000;

interface Result {
  readonly row: Row;
  readonly name: string;
  readonly measured: Measured;
  /** Sentences: by how much the aim is missed; empty where it is met or there is none. */
  readonly missed: readonly string[];
}

function chosen(): readonly Row[] {
  const some = rows.filter(
    (row) =>
      (values.quick !== true || row.load.operations <= QUICK) &&
      (values.only === undefined || nameOf(row).includes(values.only)) &&
      (row.load.type !== 'etcd logs' || existsSync(vectors)),
  );
  if (some.length > 0) return some;
  throw new BadInput(`No row's name contains '${values.only}'. Names are such as '${nameOf(rows[0])}'.`);
}

function measured(row: Row): Measured {
  const script = fileURLToPath(new URL('measure.js', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, ['--expose-gc', script, nameOf(row), vectors], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`'${nameOf(row)}' ended with ${status}.`);
  return JSON.parse(stdout) as Measured; // we wrote it
}

const medianOf = ({ ms }: Measured): number => ms[ms.length >> 1];
const milliseconds = (ms: number): string => (ms >= 100 ? ms.toFixed(0) : ms.toFixed(1));

function missedBy({ row, measured: found }: Omit<Result, 'missed'>): string[] {
  const { aim, expected } = row;
  const missed: string[] = [];
  const compare = (is: number, wanted: number | undefined, unit: string): void => {
    if (wanted === undefined || !(is > wanted)) return;
    missed.push(`${milliseconds(is)} ${unit} instead of ${wanted} ${unit}, ${(is / wanted).toFixed(2)} times as much`);
  };
  if (found.ms.length > 0) compare(medianOf(found), aim?.ms, 'ms');
  compare(found.peakMb, aim?.mb, 'MB');
  compare(found.bytesPerOperation, aim?.bytesPerOperation, 'bytes an operation');
  if (expected !== undefined && found.verdict !== expected) missed.push(`${found.verdict}, not ${expected}`);
  return missed;
}

function aimOf({ aim }: Row): string {
  const parts = [
    aim?.ms === undefined ? [] : `${aim.ms} ms`,
    aim?.mb === undefined ? [] : `${aim.mb} MB`,
    aim?.bytesPerOperation === undefined ? [] : `${aim.bytesPerOperation} bytes`,
  ];
  return parts.flat().join(', ');
}

const HEADINGS = [
  'input',
  'operations',
  'guarantee',
  'verdict',
  'median ms',
  'best..worst',
  'first',
  'ns/op',
  'peak MB',
  'aim',
  '',
];

function cells({ row, measured: found, missed }: Result): string[] {
  const timed = found.ms.length > 0;
  return [
    row.input,
    count(found.operations),
    guaranteeOf(row),
    row.work.type === 'columns'
      ? `${found.bytesPerOperation.toFixed(1)} bytes an operation`
      : found.verdict.slice(0, 60),
    timed ? milliseconds(medianOf(found)) : '',
    timed ? `${milliseconds(found.ms[0])}..${milliseconds(found.ms[found.ms.length - 1])}` : '',
    timed ? milliseconds(found.firstMs) : '',
    timed ? ((medianOf(found) * 1e6) / found.operations).toFixed(0) : '',
    Number.isFinite(found.peakMb) ? count(found.peakMb) : '',
    aimOf(row),
    row.aim === undefined && missed.length === 0 ? '' : missed.length === 0 ? 'met' : 'missed',
  ];
}

function guaranteeOf({ work }: Row): string {
  if (work.type === 'check') return work.guarantee;
  return work.type === 'file' ? 'linearizable' : work.type;
}

/** What ten times the operations cost. */
function ratios(results: readonly Result[]): string[] {
  const lines: string[] = [];
  for (const { row, measured: larger } of results) {
    if (row.load.operations !== 10_000_000 || larger.ms.length === 0) continue;
    const smaller = results.find(
      (one) =>
        one.row.input === row.input &&
        guaranteeOf(one.row) === guaranteeOf(row) &&
        one.row.load.operations === 1_000_000,
    );
    if (smaller === undefined) continue;
    const ratio = medianOf(larger) / medianOf(smaller.measured);
    lines.push(`10 M / 1 M operations, ${row.input}, ${guaranteeOf(row)}: ${ratio.toFixed(1)} times`);
  }
  return lines;
}

const picked = orEnd(chosen);
const load = loadavg()[0].toFixed(2);
const results: Result[] = [];
for (const [i, row] of picked.entries()) {
  const name = nameOf(row);
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${i + 1} of ${picked.length}: ${name}`);
  const result = { row, name, measured: measured(row) };
  results.push({ ...result, missed: missedBy(result) });
  if (!process.stderr.isTTY) {
    const { ms, verdict } = result.measured;
    const figure = ms.length === 0 ? '' : `${milliseconds(medianOf(result.measured))} ms, `;
    process.stderr.write(`${i + 1} of ${picked.length}: ${name}: ${figure}${verdict.slice(0, 80)}\n`);
  }
}
if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');

const align = HEADINGS.map((heading) =>
  ['operations', 'median ms', 'best..worst', 'first', 'ns/op', 'peak MB'].includes(heading) ? 'right' : 'left',
);
const lines = [
  ...table([HEADINGS, ...results.map(cells)], align),
  '',
  ...ratios(results),
  '',
  `Node ${process.versions.node}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores; load ${load} when it began, ${loadavg()[0].toFixed(2)} when it ended.`,
  '',
];
const missed = results.filter((result) => result.missed.length > 0);
lines.push(missed.length === 0 ? 'Every aim is met.' : `Missed (${missed.length}):`);
for (const result of missed) lines.push(`- ${result.name}: ${result.missed.join('; ')}`);
process.stdout.write(`${lines.join('\n')}\n`);
if (values.json !== undefined) {
  const flat = results.map(({ name, measured: found, missed: by, row }) => ({
    name,
    aim: row.aim,
    ...found,
    missed: by,
  }));
  writeFileSync(values.json, `${JSON.stringify(flat, null, 2)}\n`);
}
