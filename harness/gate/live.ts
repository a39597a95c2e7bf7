/** Runs both sides of a gate now, by turns: A B B A, so that what drifts meets both alike. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { runFolder, writeRunFiles } from '../../results/files.ts';
import type { RunBlock } from '../../results/change.ts';
import type { RunRecord } from '../../results/record.ts';
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import { BadInput } from '../errors.ts';
import { existsSync } from 'node:fs';
import type { Program } from './program.ts';

export interface Side {
  readonly name: 'baseline' | 'candidate';
  /** A shell's words before `bench …`; undefined: `program`. */
  readonly command: string | undefined;
  readonly program: Program;
  readonly cwd: string;
  /** Options of its own, after those of both. */
  readonly options: readonly string[];
}

export interface Running {
  readonly baseline: Side;
  readonly candidate: Side;
  /** `bench` or `run`, and the options of both sides. */
  readonly words: readonly string[];
  readonly seed: number;
  readonly labels: Readonly<Record<string, string>>;
  /** `.tidemark` of the caller: what runs elsewhere is kept here too. */
  readonly folder: string;
  readonly clock: Clock;
  /** How long one run may take. */
  readonly timeoutMs: number;
  readonly say: (line: string) => void;
  readonly stopped: () => boolean;
}

/**
 * The n-th block, from 0. Both sides are asked the same: all four runs have one seed, and differ by what the machine made of them. In a
 * simulation a second run of the same seed would be the same run; there each half of the block is a pair with a seed of its own.
 */
export async function runBlock(running: Running, n: number): Promise<RunBlock> {
  const { baseline, candidate, say, clock } = running;
  const a: RunRecord[] = [];
  const b: RunRecord[] = [];
  let paired = false;
  const start = clock.now();
  for (const [i, side] of [baseline, candidate, candidate, baseline].entries()) {
    if (running.stopped()) break;
    const record = await runOnce(running, side, 2 * n + (paired && i >= 2 ? 1 : 0));
    paired ||= record.environment === 'simulation';
    (side === baseline ? a : b).push(record);
  }
  say(`block ${n + 1}: A B B A in ${((clock.now() - start) / MILLISECOND / 1_000).toFixed(0)} s`);
  return { a, b, ...(paired && { paired }) };
}

/** `later`: by so much its seed is higher than the first one's. */
export async function runOnce(running: Running, side: Side, later: number): Promise<RunRecord> {
  const { words, seed, labels, folder } = running;
  const said = Object.entries({ ...labels, side: side.name }).flatMap(([name, value]) => [
    '--label',
    `${name}=${value}`,
  ]);
  const database = words[0] === 'bench' ? ['--no-database'] : [];
  const args = [...words, ...side.options, '--json', ...database, '--seed', String(seed + later), ...said];
  const { code, stdout, stderr } = await started(side, args, running.timeoutMs);
  const line = stdout.split('\n').findLast((one) => one.startsWith('{"schema":1,"type":"run"'));
  const last =
    stderr
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^tidemark: /, '') ?? '';
  if (code === 254 || (code !== 0 && line === undefined && /not found|No such file/.test(stderr)))
    throw new BadInput(`The ${side.name} cannot be run: ${last}`);
  if (line === undefined || code === null || code === 255)
    throw new Error(`the ${side.name} did not end well (${code === null ? 'it was ended' : `exit ${code}`}): ${last}`);
  const {
    schema: _,
    type: __,
    ...record
  } = JSON.parse(line) as RunRecord & { readonly schema: 1; readonly type: 'run' };
  const kept = runFolder(folder, record.id);
  if (!existsSync(kept)) writeRunFiles(kept, record, `${record.command}\nRun by a gate in ${resolve(side.cwd)}.\n`);
  return record;
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function started(side: Side, args: readonly string[], timeoutMs: number): Promise<Outcome> {
  const options = { cwd: side.cwd, env: { ...process.env, NO_COLOR: '1' }, timeout: timeoutMs } as const;
  const [program, ...first] = side.program.words;
  const child =
    side.command === undefined
      ? spawn(program, [...first, ...args], options)
      : spawn(`${side.command} ${args.map(quoted).join(' ')}`, { ...options, shell: true });
  child.stdin.end();
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}

export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
