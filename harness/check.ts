/** `tidemark check`: judges histories from anywhere, one verdict a file and guarantee. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { nilReadFor } from '../checkers/checker.ts';
import { printable } from '../checkers/explain/labels.ts';
import { realClock } from '../history/clock.ts';
import { guaranteeNames } from '../history/guarantee.ts';
import type { Value } from '../history/operation.ts';
import { type BatchLine, looksLikeBatch } from './check-batch.ts';
import { FileCheck, type Order } from './check-file.ts';
import { judgeLines, Patience } from './check-lines.ts';
import { isKnossos, parseFormat, renderBad } from './check-report.ts';
import { CheckThread } from './check-thread.ts';
import type { Io } from './command.ts';
import { entry } from './entry.ts';
import { BAD_INPUT, BadInput, type ExitCode, HARNESS_FAILED, UNDECIDED, unknownName, worst } from './errors.ts';
import { parseLimits, parseTime } from './limits.ts';
import { isModelFile, lookForOwnModel } from './own-model.ts';
import { picturesIn } from './pictures.ts';
import { isOurModel, loadModels } from './plugins.ts';

/** Each worker may take as much memory as the whole check had before. */
const JOBS_BY_DEFAULT = 4;
const JOBS_MAX = 64;

/** As commander hands them over. */
export interface CheckOptions {
  /** Undefined: nobody named one. */
  readonly model?: string;
  readonly guarantee: readonly string[];
  readonly initial?: string;
  readonly nilRead?: string;
  readonly failedCas: string;
  readonly thread: string;
  readonly bound?: string;
  readonly independent?: boolean;
  readonly path?: string;
  readonly staleness?: true;
  readonly budget: string;
  readonly format?: string;
  readonly json?: true;
  readonly svg?: string;
  readonly jobs?: string;
  readonly processes: string;
}

/**
 * Judges every file, whatever becomes of the others; the worst counts. Control-C ends with what was judged so far.
 *
 * @throws BadInput for options that won't do
 */
export async function check(files: readonly string[], options: CheckOptions, io: Io): Promise<ExitCode> {
  const order = await orderOf(options, io.cwd);
  if (files.filter((file) => file === '-').length > 1) throw new BadInput('Standard input can be read once only.');
  const clock = realClock();
  // A worker that is given nothing to do is not started.
  const threads = Array.from({ length: order.jobs }, () => new CheckThread(entry('harness/check-worker'), clock));
  let interrupted = false;
  const patience = new Patience(clock, order.limits);
  const interrupt = (): void => {
    if (interrupted) process.exit(HARNESS_FAILED);
    interrupted = true;
    patience.end();
    for (const thread of threads) thread.interrupt();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const codes: ExitCode[] = [];
  const checkOf = (name: string, line?: BatchLine): FileCheck =>
    new FileCheck(name, order, threads, io, () => interrupted, line);
  const judge = async (name: string, line: BatchLine): Promise<ExitCode> =>
    line.events === undefined ? refuseLine(name, line.line, order.format, io) : checkOf(name, line).run();
  try {
    await tryOwnModel(threads[0], order);
    for (const file of files) {
      if (interrupted) break;
      if (looksLikeBatch(file)) codes.push(...(await judgeLines(file, file, patience, judge, io)));
      else {
        const one = checkOf(file);
        const code = await one.run();
        const lines = one.batch?.batch;
        if (lines === undefined) codes.push(code);
        else codes.push(...(await judgeLines(file, lines, patience, judge, io)));
        one.batch?.close();
      }
      await io.drained();
    }
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await Promise.all(threads.map((thread) => thread.end()));
  }
  if (interrupted) {
    io.err('tidemark: interrupted; what was not judged counts as undecided\n');
    codes.push(UNDECIDED);
  }
  return worst(codes);
}

/**
 * What outlives its limits here does so again with each file, which is then undecided.
 *
 * @throws BadInput for a model of the user's own that is none
 */
async function tryOwnModel(thread: CheckThread, { modelFile, semantics: { model }, limits }: Order): Promise<void> {
  if (modelFile === undefined) return;
  let fault: string | undefined;
  await thread.run({ type: 'load', modelFile, modelName: String(model), limits }, (news) => {
    if (news.type === 'bad') fault = news.reason;
  });
  if (fault !== undefined) throw new BadInput(fault);
}

function refuseLine(file: string, line: number, format: Order['format'], io: Io): ExitCode {
  const reason = 'This line of a file of histories holds none: each must be {"history": […]} in JSON.';
  io.out(renderBad(format, { file, where: file, reason, line, code: BAD_INPUT }));
  io.err(`tidemark: ${printable(file)}: ${reason}\n`);
  return BAD_INPUT;
}

async function orderOf(options: CheckOptions, cwd: string): Promise<Order> {
  const { model = 'cas-register' } = options;
  const modelFile = isModelFile(model) ? resolve(cwd, model) : undefined;
  if (modelFile !== undefined) lookForOwnModel(modelFile, model);
  else if (!isOurModel(model)) {
    const models = await loadModels();
    if (!models.has(model)) throw unknownName('model', model, models.keys());
  }
  const guarantees = options.guarantee.map((name) => {
    const known = guaranteeNames.find((guarantee) => guarantee === name);
    if (known === undefined) throw unknownName('guarantee', name, guaranteeNames);
    return known;
  });
  const format = parseFormat(options.format, options.json ?? false);
  if (isKnossos(format) && guarantees.some((name) => name !== 'linearizable')) {
    throw new BadInput(`--format ${format} is for linearizable: Knossos judges nothing else.`);
  }
  if (isKnossos(format) && options.staleness === true) {
    throw new BadInput(`--staleness does not go with --format ${format}: Knossos knows no times.`);
  }
  const initial = parseInitial(options.initial);
  const nilRead = options.nilRead ?? nilReadFor(initial);
  if (nilRead !== 'any' && nilRead !== 'initial') throw unknownName('way to read null', nilRead, ['any', 'initial']);
  const { failedCas } = options;
  if (failedCas !== 'constrain' && failedCas !== 'ignore') {
    throw unknownName('way to read a failed cas', failedCas, ['constrain', 'ignore']);
  }
  const { thread } = options;
  if (thread !== 'session' && thread !== 'device') {
    throw unknownName('thread of a session', thread, ['session', 'device']);
  }
  if (options.bound !== undefined && guarantees.length > 0 && !guarantees.includes('bounded-staleness')) {
    throw new BadInput('--bound is how old answers may be: it goes with --guarantee bounded-staleness.');
  }
  const { processes } = options;
  if (processes !== 'sequential' && processes !== 'overlapping') {
    throw unknownName('way that processes work', processes, ['sequential', 'overlapping']);
  }
  const bound = options.bound === undefined ? {} : { boundMs: parseTime('--bound', options.bound) };
  return {
    guarantees: isKnossos(format) ? ['linearizable'] : guarantees.length === 0 ? undefined : [...new Set(guarantees)],
    semantics: { initial, nilRead, model, failedCas, thread, ...bound },
    modelFile,
    modelGiven: options.model !== undefined,
    limits: parseLimits(options.budget),
    jobs: parseJobs(options.jobs),
    independent: options.independent,
    processes,
    path: options.path,
    staleness: options.staleness ?? false,
    format,
    svg: options.svg === undefined ? undefined : picturesIn(options.svg),
  };
}

function parseJobs(text: string | undefined): number {
  if (text === undefined) return Math.min(availableParallelism(), JOBS_BY_DEFAULT);
  const jobs = Number(text);
  if (!/^\d+$/.test(text) || jobs < 1 || jobs > JOBS_MAX) {
    throw new BadInput(`--jobs takes how many workers may judge, 1 to ${JOBS_MAX}; not '${text}'.`);
  }
  return jobs;
}

function parseInitial(text: string | undefined): Value {
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as Value; // JSON has no other values
  } catch {
    throw new BadInput(`--initial takes JSON, and '${text}' is none; a string needs its quotes, as in '"${text}"'.`);
  }
}
