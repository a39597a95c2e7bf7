/**
 * The worker thread that reads and judges for `tidemark check`, watched from outside: it is ended at the deadline, and
 * when the process outgrows its memory, whatever a checker may be doing.
 */
import { Worker } from 'node:worker_threads';
import { type Clock, MILLISECOND } from '../history/clock.ts';
import type { Forget, Job, Message, Piece } from './check-job.ts';
import { spentMemory, spentTime } from './limits.ts';

/** How a job ended: by itself, ended by us with a reason, or dead of its own. */
export type Ended =
  | { readonly type: 'done' }
  /** `ms`: since it had begun, or last told something. */
  | { readonly type: 'stopped'; readonly reason: string; readonly ms: number }
  /** The input broke off. */
  | { readonly type: 'unread'; readonly reason: string }
  | { readonly type: 'died'; readonly reason: string };

/** What a worker tells of its job, but for beginning and end. */
export type News = Exclude<Message, { readonly type: 'ready' | 'more' | 'done' }>;

const LOOK_EVERY_NS = 20 * MILLISECOND;
/** A checker that asks its budget stops by itself, with a better reason than ours. */
const GRACE_NS = 250 * MILLISECOND;

export class CheckThread {
  readonly #script: string;
  readonly #clock: Clock;
  #worker: Worker | undefined;
  /** A worker's time counts from when it has loaded its modules. */
  #isReady = false;
  /** When the job at hand began, or told something last. */
  #since = 0;
  #hear: ((message: Message) => void) | undefined;
  #end: ((ended: Ended) => void) | undefined;

  /** @param script the built module to run, `entry('harness/check-worker')` */
  constructor(script: string, clock: Clock) {
    this.#script = script;
    this.#clock = clock;
  }

  /**
   * Runs one job; `hear` is told what comes of it. Each piece of news restarts the time of the job's limits.
   *
   * @param input what the job reads where it names no file
   */
  async run(job: Job, hear: (news: News) => void, input?: AsyncIterator<Uint8Array>): Promise<Ended> {
    const worker = (this.#worker ??= this.#start(job));
    let stopWatching = (): void => undefined;
    this.#since = this.#clock.now();
    const restart = (): void => {
      stopWatching();
      this.#since = this.#clock.now();
      stopWatching = this.#watch(job);
    };
    const ended = await new Promise<Ended>((resolve) => {
      this.#end = resolve;
      const feed = async (): Promise<void> => {
        const next = await input?.next();
        const piece: Piece = {
          type: 'piece',
          bytes: next === undefined || next.done === true ? undefined : next.value,
        };
        worker.postMessage(piece);
      };
      this.#hear = (message) => {
        if (message.type === 'more') {
          feed().catch((error: unknown) =>
            resolve({ type: 'unread', reason: String(error instanceof Error ? error.message : error) }),
          );
          return;
        }
        restart();
        if (message.type === 'ready') this.#isReady = true;
        else if (message.type === 'done') resolve({ type: 'done' });
        else hear(message);
      };
      worker.postMessage(job);
      if (this.#isReady) restart();
    });
    stopWatching();
    this.#end = this.#hear = undefined;
    if (ended.type !== 'done') await this.end();
    return ended;
  }

  /** Between jobs: lets go of the last one's history. */
  forget(): void {
    const message: Forget = { type: 'forget' };
    this.#worker?.postMessage(message);
  }

  /** Ends the job at hand, if there is one. */
  interrupt(): void {
    this.#stop('interrupted');
  }

  #stop(reason: string): void {
    this.#end?.({ type: 'stopped', reason, ms: (this.#clock.now() - this.#since) / MILLISECOND });
  }

  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    await worker?.terminate();
  }

  #start({ limits }: Job): Worker {
    const worker = new Worker(this.#script, {
      resourceLimits: { maxOldGenerationSizeMb: Math.max(64, limits.bytes / 2 ** 20) },
    });
    // Listeners stay for the worker's life: one whose listeners were all removed hears no more messages.
    worker.on('message', (message: Message) => this.#hear?.(message));
    let fault: string | undefined;
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const full = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      if (full) this.#stop(spentMemory(limits));
      else fault = error.message;
    });
    // An error overtakes messages that were posted before it; the end does not.
    worker.on('exit', (code) => {
      const reason = fault ?? `The worker ended with code ${code}.`;
      if (worker === this.#worker) this.#end?.({ type: 'died', reason });
    });
    return worker;
  }

  /** Stops the job when its limits are passed; returns how to end watching. */
  #watch({ limits }: Job): () => void {
    const clock = this.#clock;
    const deadline = clock.now() + limits.ms * MILLISECOND + GRACE_NS;
    let cancel = (): void => undefined;
    const look = (): void => {
      cancel = clock.timer(clock.now() + LOOK_EVERY_NS, look);
      if (clock.now() > deadline) this.#stop(spentTime(limits));
      else if (process.memoryUsage.rss() > limits.bytes) this.#stop(spentMemory(limits));
    };
    look();
    return () => cancel();
  }
}
