/** `tidemark check`: judges histories from anywhere, one verdict a file and guarantee. */
import { resolve } from 'node:path';
import type { Anomaly, Semantics, Verdict } from '../checkers/checker.ts';
import type { KnossosResult } from '../checkers/explain/knossos.ts';
import { realClock } from '../history/clock.ts';
import { type Guarantee, guaranteeNames } from '../history/guarantee.ts';
import type { SharedHistory } from '../history/table.ts';
import type { Value } from '../history/operation.ts';
import type { Job } from './check-job.ts';
import { type Format, isKnossos, parseFormat, render, renderBad, textOptions } from './check-report.ts';
import { type Pictures, picturesIn } from './pictures.ts';
import { CheckThread, type Ended, type News } from './check-thread.ts';
import type { Io } from './command.ts';
import { openInput } from './check-input.ts';
import { entry } from './entry.ts';
import {
  BAD_INPUT,
  BadInput,
  BROKEN,
  type ExitCode,
  HARNESS_FAILED,
  KEPT,
  UNDECIDED,
  unknownName,
  worst,
} from './errors.ts';
import { type Limits, parseLimits, parseTime } from './limits.ts';
import { isModelFile, loadOwnModel } from './own-model.ts';
import { loadModels } from './plugins.ts';
import { jsonOfStaleness, textOfStaleness } from './staleness-text.ts';

/** As commander hands them over. */
export interface CheckOptions {
  readonly model: string;
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
}

interface Order {
  readonly guarantees: readonly Guarantee[] | undefined;
  readonly semantics: Semantics;
  readonly modelFile: string | undefined;
  readonly limits: Limits;
  /** Undefined: nobody has said. */
  readonly independent: boolean | undefined;
  readonly path: string | undefined;
  readonly staleness: boolean;
  readonly format: Format;
  /** Where each anomaly becomes a picture. */
  readonly svg: Pictures | undefined;
}

const codeOf: Readonly<Record<Verdict['type'], ExitCode>> = { valid: KEPT, invalid: BROKEN, unknown: UNDECIDED };

/**
 * Judges every file, whatever becomes of the others; the worst counts. Control-C ends with what was judged so far.
 *
 * @throws BadInput for options that won't do
 */
export async function check(files: readonly string[], options: CheckOptions, io: Io): Promise<ExitCode> {
  const order = await orderOf(options, io.cwd);
  if (files.filter((file) => file === '-').length > 1) throw new BadInput('Standard input can be read once only.');
  const thread = new CheckThread(entry('harness/check-worker'), realClock());
  let interrupted = false;
  const interrupt = (): void => {
    if (interrupted) process.exit(HARNESS_FAILED);
    interrupted = true;
    thread.interrupt();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const codes: ExitCode[] = [];
  try {
    for (const file of files) {
      if (interrupted) break;
      codes.push(await checkFile(file, order, thread, io, () => interrupted));
      await io.drained();
    }
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await thread.end();
  }
  if (interrupted) {
    io.err('tidemark: interrupted; what was not judged counts as undecided\n');
    codes.push(UNDECIDED);
  }
  return worst(codes);
}

async function checkFile(
  file: string,
  order: Order,
  thread: CheckThread,
  io: Io,
  isInterrupted: () => boolean,
): Promise<ExitCode> {
  const { semantics, limits, modelFile } = order;
  const codes: ExitCode[] = [];
  let operations = 0;
  let history: SharedHistory | undefined;
  let uncommitted: readonly string[] = [];
  // Until the file is read, it is not known what it tells about.
  let left: readonly Guarantee[] = order.guarantees ?? ['linearizable'];
  let { staleness } = order; // whether it is still to be told
  const conclude = (guarantee: Guarantee, verdict: Verdict, ms: number, knossos?: KnossosResult): void => {
    left = left.filter((name) => name !== guarantee);
    io.out(render(order.format, { file, guarantee, verdict, ms, knossos }, textOptions(io)));
    if (verdict.type === 'invalid') draw(guarantee, verdict.anomalies);
    codes.push(codeOf[verdict.type]);
  };
  const draw = (guarantee: Guarantee, anomalies: readonly Anomaly[]): void => {
    try {
      const written = order.svg?.write(file, guarantee, anomalies) ?? [];
      for (const path of written) io.err(`tidemark: wrote ${path}\n`);
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      io.err(`tidemark: ${error.message}\n`);
      codes.push(BAD_INPUT);
    }
  };
  const complain = (code: ExitCode, reason: string, line?: number): void => {
    io.out(renderBad(order.format, { file, reason, line, code }));
    const where = line === undefined ? file : `${file}, line ${line}`;
    const what = code === HARNESS_FAILED ? 'failed itself: ' : '';
    io.err(`tidemark: ${what}${where}: ${reason}\n`);
    codes.push(code);
  };
  const hear = (news: News): void => {
    switch (news.type) {
      case 'read':
        ({ operations, history, uncommitted, guarantees: left } = news);
        for (const warning of news.warnings) io.err(`tidemark: ${file}: ${warning}\n`);
        break;
      case 'verdict':
        conclude(news.guarantee, news.verdict, news.ms, news.knossos);
        break;
      case 'staleness':
        staleness = false;
        io.out((order.format === 'text' ? textOfStaleness : jsonOfStaleness)(file, news.report, news.ms));
        break;
      case 'unfit':
        left = left.filter((name) => name !== news.guarantee);
        complain(BAD_INPUT, news.reason);
        break;
      case 'bad':
        complain(BAD_INPUT, news.reason, news.line);
        break;
      case 'failed':
        complain(HARNESS_FAILED, news.reason);
        break;
    }
  };
  const { independent, path, guarantees } = order;
  const knossos = isKnossos(order.format);
  const input = openInput(file, io);
  const named = input === undefined ? file : undefined;
  let job: Job | undefined = {
    type: 'read',
    file: named,
    independent,
    path,
    guarantees,
    semantics,
    modelFile,
    limits,
    staleness,
    knossos,
  };
  while (job !== undefined) {
    const ended: Ended = await thread.run(job, hear, input?.bytes);
    input?.close();
    job = undefined;
    if (ended.type === 'died') complain(HARNESS_FAILED, ended.reason);
    if (ended.type === 'unread') complain(BAD_INPUT, `This could not be read: ${ended.reason}.`);
    if (ended.type !== 'stopped' || isInterrupted()) break;
    if (history !== undefined && left.length === 0 && staleness) {
      complain(UNDECIDED, `How stale reads were is not known: ${ended.reason}.`);
      break;
    }
    // What it was at is undecided; the others get their own time, from where they are. Unread, there is no going on.
    const stopped = history === undefined ? left : left.slice(0, 1);
    const examined = { operations };
    for (const guarantee of stopped)
      conclude(guarantee, { type: 'unknown', reason: ended.reason, examined }, limits.ms);
    if (history !== undefined && (left.length > 0 || staleness))
      job = {
        type: 'judge',
        history,
        path,
        uncommitted,
        guarantees: left,
        semantics,
        modelFile,
        limits,
        staleness,
        knossos,
      };
  }
  return codes.length === 0 ? UNDECIDED : worst(codes);
}

async function orderOf(options: CheckOptions, cwd: string): Promise<Order> {
  const modelFile = isModelFile(options.model) ? resolve(cwd, options.model) : undefined;
  const models = await loadModels();
  if (modelFile !== undefined) await loadOwnModel(modelFile, options.model);
  else if (!models.has(options.model)) throw unknownName('model', options.model, models.keys());
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
  const nilRead = options.nilRead ?? (initial === null ? 'initial' : 'any');
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
  const bound = options.bound === undefined ? {} : { boundMs: parseTime('--bound', options.bound) };
  return {
    guarantees: isKnossos(format) ? ['linearizable'] : guarantees.length === 0 ? undefined : [...new Set(guarantees)],
    semantics: { initial, nilRead, model: options.model, failedCas, thread, ...bound },
    modelFile,
    limits: parseLimits(options.budget),
    independent: options.independent,
    path: options.path,
    staleness: options.staleness ?? false,
    format,
    svg: options.svg === undefined ? undefined : picturesIn(options.svg),
  };
}

function parseInitial(text: string | undefined): Value {
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as Value; // JSON has no other values
  } catch {
    throw new BadInput(`--initial takes JSON, and '${text}' is none; a string needs its quotes, as in '"${text}"'.`);
  }
}
