/** `tidemark gate`: a baseline against a candidate, stored or run now, by a policy. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { printable } from '../../checkers/explain/labels.ts';
import { realClock, SECOND } from '../../history/clock.ts';
import { openDatabase } from '../../results/database.ts';
import { newRunId } from '../../results/files.ts';
import { caveat } from '../../results/caveats.ts';
import { gate, type Gated, gateStored } from '../../results/gate.ts';
import type { RunBlock } from '../../results/change.ts';
import { tallyText } from '../../results/promises.ts';
import { saveRun } from '../../results/save.ts';
import { whyUnsaved } from '../../results/unavailable.ts';
import { differences } from '../../results/unlike.ts';
import type { Io } from '../command.ts';
import { BadInput, BROKEN, type ExitCode, KEPT, UNDECIDED, unknownName } from '../errors.ts';
import { onInterrupt } from '../interrupt.ts';
import { wholeNumber } from '../run-command.ts';
import { calibrate } from './calibrate.ts';
import { readCalibration, slimJudged, type StoredCalibration } from './calibration.ts';
import { checkOut, type Checkout } from './checkout.ts';
import { runBlock, type Running, type Side } from './live.ts';
import { type Policy, readPolicy } from './policy.ts';
import { programIn } from './program.ts';
import { commitOf, storedSides } from './stored.ts';
import { annotations, few, gateJson, gateJunit, gateMarkdown, gateText, OVERRULED, type Told } from './text.ts';

/** The flags as commander hands them over. */
export interface GateFlags {
  readonly baseline?: string | undefined;
  readonly candidate?: string | undefined;
  readonly policy: string;
  readonly live?: true | undefined;
  readonly prepare?: string | undefined;
  readonly command?: string | undefined;
  readonly baselineCommand?: string | undefined;
  readonly candidateCommand?: string | undefined;
  readonly baselineSet: readonly string[];
  readonly candidateSet: readonly string[];
  readonly baselineDir?: string | undefined;
  readonly candidateDir?: string | undefined;
  readonly calibrate?: true | undefined;
  readonly blocks?: string | undefined;
  readonly runTimeout: string;
  readonly report: readonly string[];
  readonly database: boolean;
  readonly quiet?: true | undefined;
  readonly json?: true | undefined;
}

const codes: Readonly<Record<Gated['outcome'], ExitCode>> = { passed: KEPT, failed: BROKEN, 'cannot tell': UNDECIDED };

const reports = ['junit', 'markdown', 'json', 'text'] as const;

export async function gateCommand(flags: GateFlags, io: Io): Promise<ExitCode> {
  const targets = reportsOf(flags.report);
  if (flags.calibrate === true && targets.length > 0)
    throw new BadInput('--report is of a verdict, and --calibrate comes to none: --json prints what it found.');
  const policy = await readPolicy(flags.policy, io.cwd);
  const clock = realClock();
  const told = isLive(flags) ? await live(flags, policy, io) : await stored(flags, policy, io);
  if (typeof told === 'number') return told; // of a calibration
  const whole: Told = { ...told, seconds: clock.now() / SECOND };
  publish(whole, targets, flags, io);
  if (flags.json === true) io.out(`${gateJson(whole)}\n`);
  else for (const line of gateText(whole)) io.out(`${printable(line)}\n`);
  return codes[whole.outcome];
}

function isLive(flags: GateFlags): boolean {
  const own = [flags.baselineCommand, flags.candidateCommand, flags.baselineDir, flags.candidateDir, flags.prepare];
  const asked = flags.live === true || flags.calibrate === true || own.some((one) => one !== undefined);
  return asked || flags.baselineSet.length > 0 || flags.candidateSet.length > 0;
}

async function stored(flags: GateFlags, policy: Policy, io: Io): Promise<Told> {
  const { baseline, candidate } = flags;
  if (baseline === undefined || candidate === undefined) {
    throw new BadInput(
      'A gate needs --baseline and --candidate, which name stored runs; or --live, which runs both now: revisions (--baseline main), settings (--candidate-set image=…), folders (--baseline-dir) or commands (--baseline-command) may differ.',
    );
  }
  const [a, b] = await storedSides([baseline, candidate], io);
  const same = a.filter(({ id }) => b.some((one) => one.id === id));
  if (same.length > 0) throw new BadInput(`'${baseline}' and '${candidate}' both mean run ${same[0].id}.`);
  const { calibration, damage } = calibrationOf(policy, io);
  const gated = gateStored({ a, b }, policy.rules, calibration);
  const notes = [
    ...measureNotes(gated),
    ...damage,
    ...[caveat('the baseline', a), caveat('the candidate', b)].filter((sentence) => sentence !== undefined),
    ...differences(a, b).map((sentence) => `not alike: ${sentence}`),
    'stored runs: what drifted between them is taken for a change, and a suspicion cannot be run again; --live does both',
  ];
  return { ...gated, baseline, candidate, notes, seconds: 0 };
}

function wordsOf(policy: Policy): readonly string[] {
  return [policy.command, ...policy.options];
}

function calibrationOf(
  policy: Policy,
  io: Io,
): { readonly calibration?: StoredCalibration; readonly damage: string[] } {
  const damage: string[] = [];
  const calibration = readCalibration(join(io.cwd, '.tidemark'), wordsOf(policy), (sentence) => damage.push(sentence));
  return { ...(calibration !== undefined && { calibration }), damage };
}

async function live(flags: GateFlags, policy: Policy, io: Io): Promise<Told | ExitCode> {
  const interrupt = onInterrupt(io.err);
  const say = (line: string): void => {
    if (flags.quiet !== true) io.err(`tidemark: gate: ${line}\n`);
  };
  const checkouts: Checkout[] = [];
  try {
    const baseline = sideOf('baseline', flags, io, checkouts, say);
    const candidate =
      flags.calibrate === true
        ? { ...baseline, name: 'candidate' as const }
        : sideOf('candidate', flags, io, checkouts, say);
    const running: Running = {
      baseline,
      candidate,
      words: wordsOf(policy),
      seed: Number(policy.rules.seed),
      labels: { gate: newRunId() },
      folder: join(io.cwd, '.tidemark'),
      clock: realClock(),
      timeoutMs: 1_000 * wholeNumber('--run-timeout', flags.runTimeout, 1, 86_400),
      say,
      stopped: () => interrupt.asked,
    };
    if (flags.calibrate === true) {
      const blocks = wholeNumber('--blocks', flags.blocks ?? '10', 3, 10_000);
      return await calibrate(running, policy, blocks, { asJson: flags.json === true, io });
    }
    return await liveGate(flags, policy, running, io);
  } finally {
    interrupt.end();
    for (const checkout of checkouts) checkout.remove();
  }
}

async function liveGate(flags: GateFlags, policy: Policy, running: Running, io: Io): Promise<Told> {
  const { baseline, candidate } = running;
  if (alike(baseline, candidate))
    throw new BadInput(
      'Baseline and candidate are the same: say what differs (--candidate-set key=value, --baseline-dir, --baseline-command, or --baseline with a revision), or calibrate (--calibrate).',
    );
  const { calibration, damage } = calibrationOf(policy, io);
  let made = 0;
  const all: RunBlock[] = [];
  const source = async (blocks: number): Promise<readonly RunBlock[]> => {
    const fresh: RunBlock[] = [];
    for (let i = 0; i < blocks && !running.stopped(); i++) {
      const block = await runBlock(running, made++);
      if (block.a.length !== 2 || block.b.length !== 2) break; // interrupted in between
      fresh.push(slimJudged(block));
      all.push(block);
      // A broken promise fails whatever else there is to see.
      if (block.b.some(({ cells }) => cells.some(({ state }) => state === 'broken'))) break;
    }
    return fresh;
  };
  const gated: Gated = await gate(source, policy.rules, calibration);
  if (flags.database) await save(all, io);
  const notes = [
    ...measureNotes(gated),
    ...damage,
    calibration === undefined
      ? 'this machine is not calibrated for this policy: the noise is that of these runs alone (tidemark gate --calibrate measures it)'
      : `noise of ${calibration.blocks.length} blocks of A against A on this machine, ${calibration.madeAt.slice(0, 10)}`,
    ...programNotes(baseline, candidate),
    ...sameness(baseline, candidate, all),
    ...(running.stopped() ? ['interrupted: judged by what there was'] : []),
    ...differences(
      all.flatMap(({ a }) => a),
      all.flatMap(({ b }) => b),
    )
      .filter((sentence) => !sentence.startsWith('settings '))
      .map((sentence) => `not alike: ${sentence}`),
  ];
  return {
    ...gated,
    baseline: nameOf(baseline, flags.baseline),
    candidate: nameOf(candidate, flags.candidate),
    notes,
    seconds: 0,
  };
}

function sideOf(
  name: Side['name'],
  flags: GateFlags,
  io: Io,
  checkouts: Checkout[],
  say: (line: string) => void,
): Side {
  const isBaseline = name === 'baseline';
  const [word, dir, command, set] = isBaseline
    ? [flags.baseline, flags.baselineDir, flags.baselineCommand, flags.baselineSet]
    : [flags.candidate, flags.candidateDir, flags.candidateCommand, flags.candidateSet];
  if (word !== undefined && dir !== undefined)
    throw new BadInput(`--${name} ${word} is checked out into a folder of its own: it does not go with --${name}-dir.`);
  if (dir !== undefined && !isFolder(resolve(io.cwd, dir)))
    throw new BadInput(`--${name}-dir ${dir}: there is no such folder.`);
  const checkout = word === undefined ? undefined : checkOut(word, io.cwd, flags.prepare, say);
  if (checkout !== undefined) checkouts.push(checkout);
  const cwd = checkout?.folder ?? (dir === undefined ? io.cwd : resolve(io.cwd, dir));
  return {
    name,
    command: command ?? flags.command,
    program: programIn(cwd, name),
    cwd,
    options: set.flatMap((pair) => ['--set', pair]),
  };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // or it may not be looked at
  }
}

function measureNotes({ unmatched, added, overruled, verdicts }: Gated): readonly string[] {
  const words = Object.keys(verdicts.b);
  const isUnvouched = words.length > 0 && words.every((word) => word !== 'kept' && word !== 'broken');
  return [
    ...(isUnvouched
      ? [`no run of the candidate is vouched for: ${tallyText(verdicts.b)}; of the baseline: ${tallyText(verdicts.a)}`]
      : []),
    ...unmatched.map((what) => `a limit says nothing: no run of either side has ${what}`),
    ...overruled.map((what) => `a limit decides nothing, ${what}: ${OVERRULED}`),
    ...(added.length === 0 ? [] : [`only the candidate has ${few(added)}: there is nothing to compare it with`]),
  ];
}

/** Which program ran on which side; nothing where one folder's ran on both, and settings alone differ. */
function programNotes(a: Side, b: Side): readonly string[] {
  if (a.cwd === b.cwd && a.command === b.command) return [];
  const about = ({ command, program }: Side): string => (command === undefined ? program.about : `'${command}'`);
  const isOne = a.command === b.command && (a.command !== undefined || (a.program.isCallers && b.program.isCallers));
  return isOne
    ? [`one program ran on both sides, ${about(a)}: only what it finds in their folders differs`]
    : [`the baseline ran ${about(a)}; the candidate ran ${about(b)}`];
}

/** Where there was nothing to find: a gate that passes then is no news of a change. */
function sameness(a: Side, b: Side, blocks: readonly RunBlock[]): readonly string[] {
  const [of, onto] = [unchangedCommit(a.cwd), unchangedCommit(b.cwd)];
  const asked = a.options.join(' ') === b.options.join(' ') && a.command === b.command;
  const hashes = (side: 'a' | 'b') =>
    blocks.map((block) => block[side].map(({ journalSha256 }) => journalSha256).sort());
  const isOneHistory = blocks.length > 0 && JSON.stringify(hashes('a')) === JSON.stringify(hashes('b'));
  return [
    ...(asked && of !== undefined && of === onto
      ? [`NOTHING DIFFERS: both sides are commit ${of.slice(0, 12)} as it is, with the same options`]
      : []),
    ...(isOneHistory ? ['both sides made the same histories, byte by byte'] : []),
  ];
}

/** Of a folder in whose repository no file is changed or added; ignored ones, and what runs leave, aside. */
function unchangedCommit(cwd: string): string | undefined {
  const args = ['status', '--porcelain', '--', ':(top)', ':(top,exclude,glob)**/.tidemark/**'];
  const { status, stdout } = spawnSync('git', args, { cwd, encoding: 'utf8', timeout: 30_000 });
  return status === 0 && stdout.trim() === '' ? commitOf('HEAD', cwd) : undefined;
}

function alike(a: Side, b: Side): boolean {
  return a.command === b.command && a.cwd === b.cwd && a.options.join(' ') === b.options.join(' ');
}

function nameOf({ command, cwd, options }: Side, word: string | undefined): string {
  if (word !== undefined) return /^[0-9a-f]{40}$/.test(word) ? word.slice(0, 12) : word;
  const said = [...(command === undefined ? [] : [command]), ...options.filter((one) => one !== '--set')];
  return said.length > 0 ? said.join(' ') : cwd === process.cwd() ? 'as it is' : cwd;
}

/** In the database too, all at once and when nothing is measured any more. */
async function save(blocks: readonly RunBlock[], io: Io): Promise<void> {
  try {
    const database = await openDatabase({ folder: join(io.cwd, '.tidemark'), url: io.env.TIDEMARK_DATABASE_URL });
    try {
      for (const { a, b } of blocks) for (const record of [...a, ...b]) await saveRun(database, record);
    } finally {
      await database.close();
    }
  } catch (error) {
    io.err(`tidemark: the gate's runs were not saved in the database: ${whyUnsaved(error)}. Their files are whole.\n`);
  }
}

interface ReportTarget {
  readonly kind: (typeof reports)[number];
  readonly file: string;
}

function reportsOf(given: readonly string[]): readonly ReportTarget[] {
  return given.map((text) => {
    const at = text.indexOf('=');
    const kind = reports.find((one) => one === text.slice(0, Math.max(0, at)));
    if (at < 1 || text.slice(at + 1) === '')
      throw new BadInput(`--report ${text}: KIND=FILE is needed, where KIND is one of ${reports.join(', ')}.`);
    if (kind === undefined) throw unknownName('kind of report', text.slice(0, at), reports);
    return { kind, file: text.slice(at + 1) };
  });
}

/** Files that were asked for, and what GitHub shows by itself. A file that cannot be written does not hide the verdict. */
function publish(told: Told, targets: readonly ReportTarget[], flags: GateFlags, io: Io): void {
  const text = {
    junit: gateJunit,
    markdown: gateMarkdown,
    json: gateJson,
    text: (one: Told) => `${gateText(one).join('\n')}\n`,
  };
  const attempt = (file: string, write: () => void): void => {
    try {
      write();
    } catch (error) {
      io.err(`tidemark: ${file} could not be written: ${(error as Error).message}\n`);
    }
  };
  for (const { kind, file } of targets) {
    const path = resolve(io.cwd, file);
    attempt(file, () => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text[kind](told));
    });
  }
  const summaryFile = io.env['GITHUB_STEP_SUMMARY'] ?? '';
  if (summaryFile !== '') attempt(summaryFile, () => appendFileSync(summaryFile, gateMarkdown(told)));
  // GitHub reads its commands from either stream; stdout is for JSON where that is asked for.
  if (io.env['GITHUB_ACTIONS'] === 'true')
    for (const line of annotations(told)) (flags.json === true ? io.err : io.out)(`${line}\n`);
}
