/** Runs both sides of a gate now, by turns: A B B A, so that what drifts meets both alike. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { runFolder, writeRunFiles } from '../../results/files.ts';
import type { RunBlock } from '../../results/change.ts';
import type { RunRecord } from '../../results/record.ts';
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import { hasFailed, wasInterrupted } from '../../results/caveats.ts';
import { recordOf } from '../../results/valid.ts';
import { BadInput, BROKEN, HARNESS_FAILED, KEPT, UNDECIDED } from '../errors.ts';
import { shellWord } from '../shell.ts';
import { recordedPlan } from '../stored/recorded-plan.ts';
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
 * The n-th block, from 0; fewer than four runs where it is interrupted. Both sides are asked the same: all four runs have one seed, and differ by what the machine made of them. In a
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
    const record = await unlessStopped(running, runOnce(running, side, 2 * n + (paired && i >= 2 ? 1 : 0)));
    if (record === undefined || (wasInterrupted(record) && !breaks(side, record))) break;
    paired ||= record.environment === 'simulation';
    (side === baseline ? a : b).push(record);
  }
  say(`block ${n + 1}: A B B A in ${((clock.now() - start) / MILLISECOND / 1_000).toFixed(0)} s`);
  return { a, b, ...(paired && { paired }) };
}

/** Control-C reaches whoever runs, too: how it ends then is no failure. */
async function unlessStopped(running: Running, run: Promise<RunRecord>): Promise<RunRecord | undefined> {
  try {
    return await run;
  } catch (error) {
    if (running.stopped()) return undefined;
    throw error;
  }
}

/**
 * Gates of which a side is of a time when `run` knew no `--no-database`: it is said to neither side any more, for a database beside one of
 * them only would be in the figures.
 */
const saving = new WeakSet<Running>();

/** `later`: by so much its seed is higher than the first one's. Throws {@link BadInput} where the side cannot be run, or is no side of a gate. */
export async function runOnce(running: Running, side: Side, later: number): Promise<RunRecord> {
  const { words, seed, labels, folder } = running;
  const said = Object.entries({ ...labels, side: side.name }).flatMap(([name, value]) => [
    '--label',
    `${name}=${value}`,
  ]);
  const args = [...words, ...side.options, '--json', '--seed', String(seed + later), ...said];
  const hasNone = !saving.has(running);
  const { code, stdout, stderr } = await started(side, hasNone ? [...args, '--no-database'] : args, running.timeoutMs);
  const last = tellingLine(stderr);
  if (code === 254 && hasNone && words[0] === 'run' && /no option '--no-database'/.test(last)) {
    saving.add(running);
    running.say(`the ${side.name}'s run knows no --no-database: a database is beside the runs of both sides`);
    return runOnce(running, side, later);
  }
  if (code === 254) throw new BadInput(`The ${side.name} cannot be run: ${last}`);
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"schema":1,"type":"run"'));
  if (lines.length === 0) {
    if (code === null || code === HARNESS_FAILED) throw new Error(notWell(side, code, last));
    const by = side.command === undefined ? side.program.about : `'${side.command}'`;
    throw new BadInput(`The ${side.name} cannot be run: ${by} printed no run (exit ${code})${last && `: ${last}`}`);
  }
  if (lines.length > 1)
    throw new BadInput(
      `The ${side.name} made ${lines.length} runs at once, and a gate compares one with one: leave out what makes several (mixes of a bench, runs in a plan or in tidemark.config.yaml), or make a policy for each.`,
    );
  const record = recordIn(lines[0], side);
  const kept = runFolder(folder, record.id);
  if (!existsSync(kept)) writeRunFiles(kept, record, `${record.command}\nRun by a gate in ${resolve(side.cwd)}.\n`);
  const wentWell = code === KEPT || code === BROKEN || code === UNDECIDED;
  if (!wentWell || hasFailed(record)) {
    const [failure = last] = (record.plan['failures'] ?? []) as readonly string[]; // recordedPlan has looked
    if (!wentWell || !breaks(side, record)) throw new Error(`${notWell(side, code, failure)} (run ${record.id})`);
  }
  // Nobody asked it to stop but us: it took too long, and answers for less than was asked of it.
  if (wasInterrupted(record) && !running.stopped() && !breaks(side, record))
    throw new Error(
      `a run of the ${side.name} was stopped before its end, as after ${running.timeoutMs / 1_000} s any is (--run-timeout); it is not compared (run ${record.id})`,
    );
  return record;
}

/** A promise that the candidate broke is broken whatever else went wrong, and no figure is looked at then. */
function breaks(side: Side, { verdict }: RunRecord): boolean {
  return side.name === 'candidate' && verdict === 'broken';
}

function notWell(side: Side, code: number | null, why: string): string {
  return `the ${side.name} did not end well (${code === null ? 'it was ended' : `exit ${code}`}): ${why}`;
}

/** Another version, or no Tidemark at all, may have printed it; and its id becomes the name of a folder. */
function recordIn(line: string, side: Side): RunRecord {
  const begin = `What the ${side.name} printed is no run that can be compared`;
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch (error) {
    throw new BadInput(`${begin}: ${(error as Error).message}.`);
  }
  const { schema: _, type: __, ...rest } = given as Readonly<Record<string, unknown>>; // it begins with a brace
  const record = recordOf(rest, recordedPlan);
  if (typeof record === 'string') throw new BadInput(`${begin}: ${record}.`);
  return record;
}

/** What says why: Tidemark's own sentence, else the error of whatever ran instead of it, else what it said last. */
function tellingLine(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const own = lines.findLast((line) => line.startsWith('tidemark: '))?.replace(/^tidemark: /, '');
  return own ?? lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? '';
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
      : spawn(`${side.command} ${args.map(shellWord).join(' ')}`, { ...options, shell: true });
  child.stdin.on('error', () => undefined); // it may have ended by then
  child.stdin.end();
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done, failed) => {
    child.on('error', (error) =>
      failed(new BadInput(`The ${side.name} cannot be run in ${side.cwd}: ${error.message}.`)),
    );
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}
