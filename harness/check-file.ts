/** One file's way through `tidemark check`: read by one worker, judged by one or several, and told in order. */
import type { Anomaly, Semantics, Verdict } from '../checkers/checker.ts';
import type { KnossosResult } from '../checkers/explain/knossos.ts';
import { printable } from '../checkers/explain/labels.ts';
import type { Guarantee } from '../history/guarantee.ts';
import { type BatchLine, inputOf, Sniffed } from './check-batch.ts';
import { openInput, type Input } from './check-input.ts';
import { type Asked, type Job, MACHINE_SPENT, type Read } from './check-job.ts';
import { type Format, isKnossos, render, renderBad, textOptions } from './check-report.ts';
import { type Task, tasksOf } from './check-tasks.ts';
import type { CheckThread, Ended, News } from './check-thread.ts';
import type { Io } from './command.ts';
import { BAD_INPUT, BadInput, BROKEN, type ExitCode, HARNESS_FAILED, KEPT, UNDECIDED, worst } from './errors.ts';
import { type Limits, spentMemory } from './limits.ts';
import type { Pictures } from './pictures.ts';
import { jsonOfStaleness, textOfStaleness } from './staleness-text.ts';

/** What is to be done with each file. */
export interface Order {
  readonly guarantees: readonly Guarantee[] | undefined;
  readonly semantics: Semantics;
  readonly modelFile: string | undefined;
  /** Whether somebody named a model. */
  readonly modelGiven: boolean;
  readonly limits: Limits;
  /** How many workers may judge at the same time. */
  readonly jobs: number;
  /** Undefined: nobody has said. */
  readonly independent: boolean | undefined;
  readonly processes: 'sequential' | 'overlapping';
  readonly path: string | undefined;
  readonly staleness: boolean;
  readonly format: Format;
  /** Where each anomaly becomes a picture. */
  readonly svg: Pictures | undefined;
}

/** What one worker is at. */
interface Pursuit {
  readonly thread: CheckThread;
  /** Not judged yet, in order. */
  left: readonly Guarantee[];
  /** Whether staleness is still to be told. */
  staleness: boolean;
  /** Whether another worker was at work at the same time: what memory was missing it may have had. */
  besides: boolean;
}

const codeOf: Readonly<Record<Verdict['type'], ExitCode>> = { valid: KEPT, invalid: BROKEN, unknown: UNDECIDED };

/** Histories are named by numbers. */
let files = 0;

export class FileCheck {
  readonly #file: string;
  readonly #order: Order;
  readonly #threads: readonly CheckThread[];
  readonly #io: Io;
  readonly #isInterrupted: () => boolean;
  readonly #line: BatchLine | undefined;
  #batch: Sniffed | undefined;
  readonly #asked: Asked;
  readonly #codes: ExitCode[] = [];
  /** Until the file is read, it is not known what it tells about. */
  #guarantees: readonly Guarantee[];
  #read: Read | undefined;
  /** What came before its turn, by its place among the guarantees; staleness is behind them. */
  readonly #waiting = new Map<number, () => void>();
  #next = 0;
  /** After this place nothing is told: there the check of this file failed. */
  #last = Number.POSITIVE_INFINITY;
  readonly #active = new Set<Pursuit>();
  /** Places where memory was spent while another worker was at work. */
  readonly #again: number[] = [];

  /** @param line of a batch; `file` is its name, with the line's number */
  constructor(
    file: string,
    order: Order,
    threads: readonly CheckThread[],
    io: Io,
    isInterrupted: () => boolean,
    line?: BatchLine,
  ) {
    this.#file = file;
    this.#line = line;
    this.#order = order;
    this.#threads = threads;
    this.#io = io;
    this.#isInterrupted = isInterrupted;
    this.#guarantees = order.guarantees ?? ['linearizable'];
    const { path, semantics, modelFile, limits, staleness, format } = order;
    this.#asked = { of: ++files, path, semantics, modelFile, limits, staleness, knossos: isKnossos(format) };
  }

  /** What it was, once `run` has ended, if it was a stream of a history a line: nothing was judged nor told. */
  get batch(): Sniffed | undefined {
    return this.#batch;
  }

  async run(): Promise<ExitCode> {
    const { guarantees, modelGiven, independent, processes, jobs } = this.#order;
    const input = this.#input();
    const file = input === undefined ? this.#file : undefined;
    const firstLine = this.#line?.line ?? 1;
    const [first] = this.#threads;
    const asked = { ...this.#asked, file, firstLine, independent, processes, guarantees, modelGiven, jobs };
    const task = { guarantees: this.#guarantees, staleness: this.#asked.staleness };
    await this.#pursue(first, task, { ...asked, type: 'read' }, input);
    if (this.#batch !== undefined) return KEPT;
    if (this.#read?.goesOn === false) await this.#judge(tasksOf(this.#guarantees, this.#asked.staleness));
    for (const thread of this.#threads) thread.forget();
    this.#tellWaiting();
    return this.#codes.length === 0 ? UNDECIDED : worst(this.#codes);
  }

  /** Undefined for what a worker may open by itself. */
  #input(): Input | undefined {
    if (this.#line?.events !== undefined) return inputOf(this.#line.events);
    const stream = openInput(this.#file, this.#io);
    return stream === undefined ? undefined : new Sniffed(stream);
  }

  /** By several workers, and what these had not the memory for at the same time by one. */
  async #judge(tasks: readonly Task[]): Promise<void> {
    const queue = [...tasks];
    const work = async (thread: CheckThread): Promise<void> => {
      for (let task = queue.shift(); task !== undefined; task = queue.shift()) await this.#pursueTask(thread, task);
    };
    await Promise.all(this.#threads.slice(0, tasks.length).map(work));
    const [first, ...others] = this.#threads;
    if (this.#again.length > 0) await Promise.all(others.map((thread) => thread.end()));
    for (const place of this.#again.sort((a, b) => a - b)) {
      const guarantees = this.#guarantees.slice(place, place + 1);
      await this.#pursueTask(first, { guarantees, staleness: guarantees.length === 0 });
    }
  }

  async #pursueTask(thread: CheckThread, task: Task): Promise<void> {
    const job = this.#judgeJob(task);
    if (job !== undefined && !this.#isInterrupted() && this.#placeOf(task) < this.#last) {
      await this.#pursue(thread, task, job);
    }
  }

  /** Does a job, and goes on after the worker was stopped at one guarantee. */
  async #pursue(thread: CheckThread, task: Task, first: Job, input?: Input): Promise<void> {
    const pursuit: Pursuit = { thread, left: task.guarantees, staleness: task.staleness, besides: false };
    this.#active.add(pursuit);
    if (this.#active.size > 1) for (const one of this.#active) one.besides = true;
    for (let job: Job | undefined = first; job !== undefined; ) {
      const ended: Ended = await thread.run(job, (news) => this.#hear(pursuit, news), input?.bytes);
      if (input instanceof Sniffed && input.batch !== undefined) {
        this.#batch = input;
        break;
      }
      input?.close();
      job = this.#after(pursuit, ended);
    }
    this.#active.delete(pursuit);
  }

  /** What is left to do for this worker. */
  #after(pursuit: Pursuit, ended: Ended): Job | undefined {
    if (ended.type === 'died') this.#fail(pursuit, HARNESS_FAILED, ended.reason);
    if (ended.type === 'unread') this.#fail(pursuit, BAD_INPUT, `This could not be read: ${ended.reason}.`);
    const place = this.#placeOf({ guarantees: pursuit.left, staleness: pursuit.staleness });
    if (ended.type !== 'stopped' || this.#isInterrupted() || place > this.#last) return undefined;
    const { reason, ms } = ended;
    if (this.#read !== undefined && pursuit.left.length === 0) {
      if (!pursuit.staleness) return undefined;
      if (pursuit.besides && this.#isOfMemory(reason)) this.#again.push(place);
      else this.#tell(place, () => this.#complain(UNDECIDED, `How stale reads were is not known: ${reason}.`));
      return undefined;
    }
    // What it was at is undecided; the others get their own time, from where they are. Unread, there is no going on.
    const stopped = this.#read === undefined ? pursuit.left : pursuit.left.slice(0, 1);
    const examined = { operations: this.#read?.operations ?? 0 };
    const { modelFile } = this.#asked;
    const before = modelFile === undefined ? 'the history was read' : `${modelFile} was loaded or the history read`;
    const when = this.#read === undefined ? ` while ${before}` : '';
    for (const guarantee of stopped) {
      this.#conclude(pursuit, guarantee, { type: 'unknown', reason: `${reason}${when}`, examined }, ms);
    }
    return this.#judgeJob({ guarantees: pursuit.left, staleness: pursuit.staleness });
  }

  #judgeJob({ guarantees, staleness }: Task): Job | undefined {
    const { history, dealing, uncommitted = [], model = this.#asked.semantics.model } = this.#read ?? {};
    if (history === undefined || (guarantees.length === 0 && !staleness)) return undefined;
    const semantics = { ...this.#asked.semantics, model };
    return { ...this.#asked, semantics, type: 'judge', history, dealing, uncommitted, guarantees, staleness };
  }

  #hear(pursuit: Pursuit, news: News): void {
    const { format } = this.#order;
    switch (news.type) {
      case 'read':
        this.#read = news;
        this.#guarantees = news.guarantees;
        pursuit.left = news.goesOn ? news.guarantees : [];
        if (!news.goesOn) pursuit.staleness = false;
        for (const warning of news.warnings) this.#io.err(`tidemark: ${printable(`${this.#file}: ${warning}`)}\n`);
        break;
      case 'verdict':
        this.#conclude(pursuit, news.guarantee, news.verdict, news.ms, news.knossos);
        break;
      case 'staleness':
        pursuit.staleness = false;
        this.#tell(this.#guarantees.length, () =>
          this.#io.out((format === 'text' ? textOfStaleness : jsonOfStaleness)(this.#file, news.report, news.ms)),
        );
        break;
      case 'unfit':
        pursuit.left = pursuit.left.filter((name) => name !== news.guarantee);
        this.#tell(this.#guarantees.indexOf(news.guarantee), () => this.#complain(BAD_INPUT, news.reason));
        break;
      case 'bad':
        this.#fail(pursuit, BAD_INPUT, news.reason, news.line);
        break;
      case 'failed':
        this.#fail(pursuit, HARNESS_FAILED, news.reason);
        break;
    }
  }

  #conclude(pursuit: Pursuit, guarantee: Guarantee, verdict: Verdict, ms: number, knossos?: KnossosResult): void {
    const { format } = this.#order;
    const place = this.#guarantees.indexOf(guarantee);
    pursuit.left = pursuit.left.filter((name) => name !== guarantee);
    if (verdict.type === 'unknown' && pursuit.besides && this.#isOfMemory(verdict.reason)) {
      this.#again.push(place);
      return;
    }
    this.#tell(place, () => {
      this.#io.out(render(format, { file: this.#file, guarantee, verdict, ms, knossos }, textOptions(this.#io)));
      if (verdict.type === 'invalid') this.#draw(guarantee, verdict.anomalies);
      this.#codes.push(codeOf[verdict.type]);
    });
  }

  #isOfMemory(reason: string): boolean {
    return [spentMemory(this.#order.limits), MACHINE_SPENT, 'the memory of the budget is spent'].some((text) =>
      reason.includes(text),
    );
  }

  /** The check of this file ends here; what stands before it is still told. */
  #fail(pursuit: Pursuit, code: ExitCode, reason: string, line?: number): void {
    const place = this.#placeOf({ guarantees: pursuit.left, staleness: pursuit.staleness });
    this.#last = Math.min(this.#last, place);
    this.#tell(place, () => this.#complain(code, reason, line));
    for (const { thread, left, staleness } of this.#active) {
      if (thread !== pursuit.thread && this.#placeOf({ guarantees: left, staleness }) > this.#last) thread.interrupt();
    }
  }

  #placeOf({ guarantees: [first] }: Task): number {
    return first === undefined ? this.#guarantees.length : Math.max(0, this.#guarantees.indexOf(first));
  }

  #tell(place: number, tell: () => void): void {
    this.#waiting.set(place, tell);
    for (let next = this.#waiting.get(this.#next); next !== undefined; next = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      if (this.#next++ <= this.#last) next();
    }
  }

  /** What came before its turn, when that never came: after an interrupt. */
  #tellWaiting(): void {
    for (const [place, tell] of [...this.#waiting].sort(([a], [b]) => a - b)) if (place <= this.#last) tell();
    this.#waiting.clear();
  }

  #draw(guarantee: Guarantee, anomalies: readonly Anomaly[]): void {
    try {
      const written = this.#order.svg?.write(this.#file, guarantee, anomalies) ?? [];
      for (const path of written) this.#io.err(`tidemark: wrote ${printable(path)}\n`);
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      this.#io.err(`tidemark: ${printable(error.message)}\n`);
      this.#codes.push(BAD_INPUT);
    }
  }

  #complain(code: ExitCode, reason: string, line?: number): void {
    const where = line === undefined || this.#line !== undefined ? this.#file : `${this.#file}, line ${line}`;
    this.#io.out(renderBad(this.#order.format, { file: this.#file, where, reason, line, code }));
    const what = code === HARNESS_FAILED ? 'failed itself: ' : '';
    this.#io.err(`tidemark: ${what}${printable(`${where}: ${reason}`)}\n`);
    this.#codes.push(code);
  }
}
