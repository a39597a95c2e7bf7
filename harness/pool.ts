/** Runs on all cores: worker threads that are dealt one run after another. */
import { mkdirSync, rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Done, Order, WorkerSetup } from './campaign-worker.ts';
import { entry } from './entry.ts';

export interface PoolOptions {
  readonly jobs: number;
  readonly setup: WorkerSetup;
  /** The next run, or undefined when there is none. Asked each time a worker is free. */
  readonly next: () => Order | undefined;
  readonly done: (done: Done) => void;
}

/** Resolves when every run that was begun has ended. Rejects when a worker dies; the others are ended. */
export async function runPool({ jobs, setup, next, done }: PoolOptions): Promise<void> {
  mkdirSync(setup.folder, { recursive: true });
  const workers: Worker[] = [];
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const order = next();
      if (order === undefined) return resolve();
      const worker = new Worker(entry('harness/campaign-worker'), { workerData: setup });
      workers.push(worker);
      let finished = false;
      worker.on('message', (message: Done) => {
        done(message);
        const another = next();
        if (another !== undefined) return worker.postMessage(another);
        finished = true;
        void worker.terminate().then(() => resolve());
      });
      worker.on('error', reject);
      worker.on('exit', (code) => {
        if (!finished) reject(new Error(`a worker ended with code ${code} in the middle of a run`));
      });
      worker.postMessage(order);
    });
  try {
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    for (const worker of workers) await worker.terminate();
    rmSync(setup.folder, { recursive: true, force: true });
  }
}
