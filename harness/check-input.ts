/** Input that is no file of its own: standard input, and named pipes. */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import type { Io } from './command.ts';

export interface Input {
  readonly bytes: AsyncIterator<Uint8Array>;
  close(): void;
}

/** Undefined for what a worker may open by itself. */
export function openInput(file: string, io: Io): Input | undefined {
  if (file === '-') return over(io.stdin as AsyncIterable<Uint8Array> & NodeJS.ReadableStream, () => undefined);
  if (!isPipe(file)) return undefined;
  // Opening a pipe, and reading it, blocks a thread until its writer comes: a process can be ended, a thread can't.
  const descriptor = file === '/dev/stdin' ? '0' : /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(file)?.[1];
  const reader =
    descriptor === undefined
      ? spawn('cat', ['--', file], { stdio: ['ignore', 'pipe', 'ignore'] })
      : spawn('cat', [], { stdio: [Number(descriptor), 'pipe', 'ignore'] });
  if (reader.stdout === null) throw new Error('a pipe was asked for, and there is none');
  // Node throws away what a child that has ended had written, unless somebody reads by then.
  return over(reader.stdout.pipe(new PassThrough()), () => void reader.kill('SIGKILL'));
}

function isPipe(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return statSync(file).isFIFO();
  } catch {
    return false; // whoever opens it says what is wrong
  }
}

function over(stream: AsyncIterable<Uint8Array> & NodeJS.ReadableStream, close: () => void): Input {
  return {
    bytes: stream[Symbol.asyncIterator](),
    close() {
      close();
      stream.pause();
      if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
    },
  };
}
