/** Reads and judges histories, one after the other, as told by `tidemark check`: a worker thread, started from dist. */
import { statSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { Budget, Checker, Semantics, Verdict } from '../checkers/checker.ts';
import { judgeDealings } from '../checkers/dealings.ts';
import { judgedOn } from '../checkers/kinds.ts';
import { BadModel } from '../checkers/own-model.ts';
import type { KnossosResult } from '../checkers/explain/knossos.ts';
import { BadHistory } from '../history/builder.ts';
import { MILLISECOND, realClock } from '../history/clock.ts';
import { readHistory } from '../history/codec/read.ts';
import type { Source } from '../history/codec/source.ts';
import type { Dealing } from '../history/dealing.ts';
import type { Guarantee } from '../history/guarantee.ts';
import { METHODS, READ, type History } from '../history/history.ts';
import { fromShared, toShared } from '../history/table.ts';
import {
  type Asked,
  type Forget,
  type Job,
  MACHINE_SPENT,
  type Message,
  type Piece,
  type ReadJob,
} from './check-job.ts';
import { LARGE, type Task, tasksOf } from './check-tasks.ts';
import { BadInput } from './errors.ts';
import { evident, evidentModel } from './evident.ts';
import { loadOwnModel } from './own-model.ts';
import { type Limits, spentMemory, spentTime } from './limits.ts';
import { loadChecker } from './plugins.ts';
import { refusals } from './refusals.ts';

const port = parentPort;
if (port === null) throw new Error('check-worker runs as a worker thread');
const clock = realClock();
const say = (message: Message): void => port.postMessage(message);

/** Whoever waits for the next piece of the input. */
let takePiece: ((piece: Uint8Array | undefined) => void) | undefined;

/** The history that was read or taken last. */
let held: Held | undefined;

port.on('message', (job: Job | Piece | Forget) => {
  if (job.type === 'piece') {
    takePiece?.(job.bytes);
    return;
  }
  if (job.type === 'forget') {
    held = undefined;
    return;
  }
  void work(job)
    .catch((error: unknown) => say(failureOf(error)))
    .then(() => say({ type: 'done' }));
});
say({ type: 'ready' });

async function work(job: Job): Promise<void> {
  if (job.type === 'load') {
    await loadOwnModel(job.modelFile, job.modelName);
    return;
  }
  const own = job.modelFile === undefined ? undefined : await loadOwnModel(job.modelFile);
  const { guarantees, staleness } = job.type === 'read' ? await read(job) : job;
  if (job.type === 'judge' && held?.of !== job.of) held = { ...job, history: fromShared(job.history) };
  if (held === undefined) throw new Error('there is no history to judge');
  const { history, uncommitted } = held;
  for (const guarantee of guarantees) {
    const semantics = { ...job.semantics, model: own ?? held.model ?? job.semantics.model };
    await judge(held, guarantee, { ...job, semantics: { ...semantics, uncommitted } });
  }
  if (!staleness) return;
  const { reportStaleness } = await import('../checkers/staleness/report.ts');
  const start = clock.now();
  const report = reportStaleness(history, { ...job.semantics, uncommitted }, budgetOf(job.limits), job.path);
  say({ type: 'staleness', report, ms: (clock.now() - start) / MILLISECOND });
}

/** What is not asked for is not loaded: that takes longer than most histories take to be judged. */
async function judge(
  held: Held,
  guarantee: Guarantee,
  { path, limits, semantics: given, knossos: inShape }: Asked,
): Promise<void> {
  const checker = await loadChecker(guarantee);
  if (checker === undefined) throw new Error(`no checker decides ${guarantee}`);
  const start = clock.now();
  const { history, dealing } = held;
  // How old an answer was is told by all that was done to its key: of other paths' reads it is evidence, for others none.
  const blamed = path !== undefined && guarantee === 'bounded-staleness';
  const part = path === undefined || blamed ? history : (held.ofPath ??= readsOf(history, path));
  const semantics = { ...given, ...(blamed && { blame: path }) };
  const budget = budgetOf(limits);
  const check = (one: History): Verdict => checker.check(judgedOn(one, guarantee, semantics), budget, semantics);
  const isJudged = path === undefined ? undefined : isOf(history, path);
  try {
    const verdict = verdictOf(part, () =>
      guarantee === 'linearizable' && dealing !== undefined
        ? judgeDealings(history, dealing, budget, check, isJudged)
        : check(part),
    );
    const ms = (clock.now() - start) / MILLISECOND;
    const left = { ...limits, ms: limits.ms - ms };
    const knossos = inShape ? { knossos: await knossosShape(checker, part, verdict, semantics, left) } : {};
    say({ type: 'verdict', guarantee, verdict, ms, ...knossos });
  } catch (error) {
    if (!(error instanceof BadModel)) throw error;
    say({ type: 'unfit', guarantee, reason: error.message });
  }
}

interface Held {
  readonly of: number;
  readonly history: History;
  readonly dealing: Dealing | undefined;
  readonly uncommitted: readonly string[];
  /** What it is of, where nobody said it and it tells. */
  readonly model?: string | undefined;
  /** The reads of the path asked for, and all writes; found when it is asked for. */
  ofPath?: History;
}

/** Holds the history, and returns what is to be found out about it here. */
async function read(job: ReadJob): Promise<Task> {
  held = undefined;
  const { file, firstLine } = job;
  const source: Source = file ?? pieces();
  const size = file === undefined ? undefined : statSync(file).size;
  const {
    history: whole,
    header,
    warnings,
    dealing: dealt,
  } = await readHistory(source, {
    firstLine,
    processes: job.processes,
    overlapAdvice: '--processes overlapping allows it',
    ...(job.independent === undefined ? {} : { independent: job.independent }),
    ...(size === undefined ? {} : { size }),
  });
  const said: string[] = [];
  if (warnings.tornLine !== undefined)
    said.push(`line ${warnings.tornLine} is cut off; the lines before it are judged`);
  if (warnings.timesBackwards !== undefined) {
    said.push(`time runs backwards at ${events(warnings.timesBackwards)}; the order in the file is what counts`);
  }
  const judged = job.path === undefined ? whole : readsOf(whole, job.path);
  const guarantees =
    job.guarantees ??
    evident(judged, header, { path: job.path, boundMs: job.semantics.boundMs, modelGiven: job.modelGiven });
  const dealing = dealt === undefined || dealt.choices.length === 0 ? undefined : dealt;
  const isWhole = guarantees.includes('bounded-staleness') || job.staleness || dealing !== undefined;
  const history = isWhole ? whole : judged;
  const together = guarantees.some((guarantee) => guarantee !== 'bounded-staleness');
  if (job.path === undefined && together && readPaths(whole).length > 1) {
    said.push(`reads came by ${readPaths(whole).join(', ')}, and are judged together; --path judges one of them`);
  }
  const shared = guarantees.length > 1 || job.staleness ? toShared(history) : undefined;
  const named = header?.uncommittedPaths;
  const uncommitted = Array.isArray(named) ? named.map(String) : [];
  const model = job.modelGiven ? undefined : evidentModel(judged);
  held = { of: job.of, history, dealing, uncommitted, model };
  const { operations } = judged;
  const { staleness } = job;
  const goesOn = job.jobs === 1 || operations < LARGE || tasksOf(guarantees, staleness).length === 1;
  say({
    type: 'read',
    operations,
    guarantees,
    warnings: said,
    history: shared,
    dealing,
    model,
    uncommitted,
    goesOn,
  });
  return goesOn ? { guarantees, staleness } : { guarantees: [], staleness: false };
}

async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const piece = await new Promise<Uint8Array | undefined>((resolve) => {
      takePiece = resolve;
      say({ type: 'more' });
    });
    if (piece === undefined) return;
    yield piece;
  }
}

/** The reads of one path, and all writes. */
function readsOf(history: History, name: string): History {
  if (!readPaths(history).includes(name)) {
    const names = readPaths(history);
    const valid = names.length === 0 ? 'The history names no read paths.' : `Its read paths: ${names.join(', ')}.`;
    throw new BadHistory(`No read came by a path '${name}'. ${valid}`);
  }
  return history.filter(isOf(history, name));
}

function isOf(history: History, name: string): (row: number) => boolean {
  const path = history.paths.indexOf(name);
  return (row) => !isRead(history.f[row]) || history.path[row] === path;
}

const events = (n: number): string => (n === 1 ? '1 event' : `${n} events`);

const isRead = (f: number): boolean => f === READ || METHODS[f] === 'poll';

function readPaths(history: History): string[] {
  const seen = new Uint8Array(history.paths.length);
  for (let row = 0; row < history.length; row++) {
    if (history.path[row] >= 0 && isRead(history.f[row])) seen[history.path[row]] = 1;
  }
  return history.paths.filter((_, path) => seen[path] === 1);
}

function verdictOf(history: History, judge: () => Verdict): Verdict {
  const examined = { operations: history.operations };
  // Some guarantees are told by notes alone.
  if (history.length === 0 && history.notes.length === 0) {
    const nothing = history.operations === 0 ? 'the history holds no operations' : 'no operation names a key';
    return { type: 'unknown', reason: nothing, examined };
  }
  try {
    return judge();
  } catch (error) {
    // An array that the machine has no room for: the budget of memory is larger than the memory.
    if (!(error instanceof RangeError) || !/allocat/i.test(error.message)) throw error;
    return { type: 'unknown', reason: MACHINE_SPENT, examined };
  }
}

/** What of the time a beginning of the history is given, where the first impossible one is looked for. */
const BEGINNING = 0.1;

async function knossosShape(
  checker: Checker,
  history: History,
  verdict: Verdict,
  semantics: Semantics,
  limits: Limits,
): Promise<KnossosResult> {
  const { knossosOf } = await import('../checkers/explain/knossos.ts');
  const { modelNamed } = await import('../checkers/linearizable/models.ts');
  const budget = budgetOf(limits);
  const model = modelNamed(semantics.model);
  // One beginning of the history that cannot be decided leaves time for the others, and for what is known without them.
  const judge = (part: History): Verdict => {
    const own = budgetOf({ ...limits, ms: limits.ms * BEGINNING });
    return checker.check(part, { ...own, spent: () => budget.spent() ?? own.spent() }, semantics);
  };
  return knossosOf(history, { verdict, model, semantics, judge, budget });
}

/** A budget is a bound: what is taken between two looks must stay below it too. */
const HEADROOM = 0.94;
/** Asking for resident memory costs a system call: not every time. */
const ASKS_PER_LOOK = 16;

/** What of the time a checker does not get, for it takes a while to come to an end. */
const SPARED = 0.02;
const SPARED_MAX_MS = 200;

function budgetOf(limits: Limits): Budget {
  // A little sooner than the thread is ended: a checker that stops by itself says how far it came.
  const deadline = clock.now() + (limits.ms - Math.min(limits.ms * SPARED, SPARED_MAX_MS)) * MILLISECOND;
  let asked = 0;
  return {
    spent() {
      if (clock.now() >= deadline) return spentTime(limits);
      if (asked++ % ASKS_PER_LOOK === 0 && process.memoryUsage.rss() > HEADROOM * limits.bytes)
        return spentMemory(limits);
      return undefined;
    },
    bytesLeft: () => HEADROOM * limits.bytes - process.memoryUsage.rss(),
  };
}

function failureOf(error: unknown): Message {
  if (error instanceof BadHistory) return { type: 'bad', reason: error.reason, line: error.line };
  if (error instanceof BadInput) return { type: 'bad', reason: error.message, line: undefined };
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reason = refusals[code];
  if (reason !== undefined) return { type: 'bad', reason, line: undefined };
  return { type: 'failed', reason: message };
}
