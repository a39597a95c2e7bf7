/**
 * Writes the journal of a run while it lives: JSON Lines, one event a line, in the order of events (DESIGN.md, section 5).
 *
 * Lines are written as bytes from the start (json-bytes.ts) and handed to the kernel every 64 KiB or 100 ms of real time,
 * whichever comes first: what was recorded 200 ms before a crash of the harness is in the file. Real time decides only
 * when bytes are written, never which.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { type Cancel, type Clock, MILLISECOND } from '../history/clock.ts';
import type { Instant, Note, Outcome, Position, Process, Value } from '../history/operation.ts';
import type { Answer } from '../history/store.ts';
import type { Call } from '../workloads/workload.ts';
import { JsonBytes } from './json-bytes.ts';

const FLUSH_BYTES = 64 * 1024;
const FLUSH_NS = 100 * MILLISECOND;
/** How many lines may pass before the real clock is looked at again; the timer sees to it when lines are few. */
const LINES_PER_LOOK = 16;

/** Hears of every event as it is recorded, under the number it has in the journal. */
export interface Following {
  invoke(
    event: number,
    time: Instant,
    process: Process,
    call: Call,
    session: string,
    device: string,
    path: string,
  ): void;
  complete(event: number, time: Instant, process: Process, call: Call, completed: Completed): void;
  note(event: number, note: Note): void;
}

export interface RecorderOptions {
  readonly file: string;
  /** The run's clock: virtual in a simulation. */
  readonly clock: Clock;
  /** Decides when to hand over to the kernel. */
  readonly real: Clock;
  readonly following?: Following;
}

/** What a completion carries besides its outcome. `value` is what was read, or what was asked for. */
export interface Completed {
  readonly outcome: Outcome;
  readonly value: Value;
  readonly error?: string;
  readonly actual?: Value;
  readonly answer?: Answer<{ readonly versions?: readonly (Position | null)[] }>;
}

export class Recorder {
  readonly #clock: Clock;
  readonly #real: Clock;
  readonly #following: Following | undefined;
  readonly #descriptor: number;
  readonly #hash = createHash('sha256');
  readonly #lines = new JsonBytes();
  #flushedAt: Instant;
  #index = 0;
  #written = 0;
  #armed = false;
  #disarm: Cancel = () => undefined;
  #closed = false;

  constructor(options: RecorderOptions) {
    this.#clock = options.clock;
    this.#real = options.real;
    this.#following = options.following;
    this.#flushedAt = options.real.now();
    this.#descriptor = openSync(options.file, 'wx');
  }

  /** Events recorded so far: the index the next one will have. */
  get events(): number {
    return this.#index;
  }

  /** The first line: what a reader needs to know of the run, and nothing that differs from machine to machine. */
  header(fields: Readonly<Record<string, Value>>): void {
    this.#lines.plain(`${JSON.stringify({ tidemark: 1, ...fields })}\n`);
    this.#wrote();
  }

  invoke(
    process: Process,
    call: Call,
    session: string,
    device: string,
    path: string,
    intended: Instant | undefined,
  ): void {
    const out = this.#start(process, 'invoke', call);
    out.plain(',"value":');
    writeAsked(out, call);
    out.plain(',"session":').text(session).plain(',"device":').text(device).plain(',"path":').text(path);
    if (intended !== undefined) out.plain(',"intended":').number(intended);
    this.#end();
    this.#following?.invoke(this.#index - 1, this.#clock.now(), process, call, session, device, path);
  }

  complete(process: Process, call: Call, path: string, completed: Completed): void {
    const { answer } = completed;
    const out = this.#start(process, completed.outcome, call);
    out.plain(',"value":').json(completed.value).plain(',"path":').text(path);
    if (completed.error !== undefined) out.plain(',"error":').text(completed.error);
    if (completed.actual !== undefined) out.plain(',"actual":').json(completed.actual);
    if (answer !== undefined) {
      if (answer.servedBy) {
        out.plain(',"node":').text(answer.servedBy.node);
        if (answer.servedBy.role) out.plain(',"role":').text(answer.servedBy.role);
      }
      if (answer.versions) writePositions(out.plain(',"version":'), answer.versions);
      else if (answer.version) writePosition(out.plain(',"version":'), answer.version);
      if (answer.position) writePosition(out.plain(',"position":'), answer.position);
    }
    this.#end();
    this.#following?.complete(this.#index - 1, this.#clock.now(), process, call, completed);
  }

  note(process: string, f: string, value: Value): void {
    const out = this.#lines;
    out
      .plain('{"index":')
      .number(this.#index++)
      .plain(',"time":')
      .number(this.#clock.now());
    out.plain(',"process":').text(process).plain(',"type":"info","f":').text(f).plain(',"value":').json(value);
    this.#end();
    this.#following?.note(this.#index - 1, { type: 'info', time: this.#clock.now(), process, f, value });
  }

  /** Hands everything recorded so far to the kernel. What a cluster tells while it is torn down comes after the end. */
  flush(): void {
    if (this.#closed) return;
    this.#flushedAt = this.#real.now();
    const bytes = this.#lines.take();
    if (bytes.length === 0) return;
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#descriptor, bytes, written);
    this.#hash.update(bytes);
  }

  /** Ends the journal. Returns the SHA-256 of its bytes, hexadecimal. Closing twice is an error of the caller's. */
  close(): string {
    if (this.#closed) throw new Error('the journal is closed already');
    this.#disarm();
    this.flush();
    this.#closed = true;
    closeSync(this.#descriptor);
    return this.#hash.digest('hex');
  }

  #start(process: Process, type: string, call: Call): JsonBytes {
    const out = this.#lines;
    out
      .plain('{"index":')
      .number(this.#index++)
      .plain(',"time":')
      .number(this.#clock.now());
    out.plain(',"process":').number(process).plain(',"type":').text(type).plain(',"f":').text(call.f);
    if (call.f !== 'readMany' && call.f !== 'txn') out.plain(',"key":').json(call.key);
    return out;
  }

  #end(): void {
    this.#lines.plain('}\n');
    this.#wrote();
  }

  #wrote(): void {
    if (this.#lines.length >= FLUSH_BYTES) this.flush();
    else if (++this.#written % LINES_PER_LOOK === 0 && this.#real.now() - this.#flushedAt >= FLUSH_NS) this.flush();
    else if (!this.#armed) this.#arm();
  }

  /** However few events there are, none waits longer than this. */
  #arm(): void {
    this.#armed = true;
    this.#disarm = this.#real.timer(this.#real.now() + FLUSH_NS, () => {
      this.#armed = false;
      this.flush();
    });
  }
}

function writeAsked(out: JsonBytes, call: Call): void {
  switch (call.f) {
    case 'read':
      out.plain('null');
      break;
    case 'readMany':
      out.json(call.keys);
      break;
    case 'txn':
      out.json(call.steps);
      break;
    case 'poll':
      out.json(call.from);
      break;
    case 'write':
    case 'send':
      out.json(call.value);
      break;
    case 'cas':
      out.plain('[').json(call.expected).plain(',').json(call.next).plain(']');
  }
}

function writePositions(out: JsonBytes, positions: readonly (Position | null)[]): void {
  out.plain('[');
  for (let i = 0; i < positions.length; i++) {
    if (i > 0) out.plain(',');
    const position = positions[i];
    if (position) writePosition(out, position);
    else out.plain('null');
  }
  out.plain(']');
}

function writePosition(out: JsonBytes, { group, history, at }: Position): void {
  out.plain('[').text(group).plain(',').json(history).plain(',').json(at).plain(']');
}
