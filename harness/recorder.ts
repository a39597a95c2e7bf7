/**
 * Writes the journal of a run while it lives: JSON Lines, one event a line, in the order of events (DESIGN.md, section 5).
 *
 * Lines are built by concatenation (a third cheaper than JSON.stringify of an object) and handed to the kernel every 64 KiB
 * or 100 ms of real time, whichever comes first: what was recorded 200 ms before a crash of the harness is in the file.
 * Real time decides only when bytes are written, never which.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { type Cancel, type Clock, MILLISECOND } from '../history/clock.ts';
import type { Instant, Key, Outcome, Position, Process, Value } from '../history/operation.ts';
import type { Answer } from '../history/store.ts';
import type { Call } from '../workloads/workload.ts';

const FLUSH_CHARACTERS = 64 * 1024;
const FLUSH_NS = 100 * MILLISECOND;
/** How many lines may pass before the real clock is looked at again; the timer sees to it when lines are few. */
const LINES_PER_LOOK = 16;

export interface RecorderOptions {
  readonly file: string;
  /** The run's clock: virtual in a simulation. */
  readonly clock: Clock;
  /** Decides when to hand over to the kernel. */
  readonly real: Clock;
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
  readonly #descriptor: number;
  readonly #hash = createHash('sha256');
  readonly #quoted = new Map<string, string>();
  #pending = '';
  #flushedAt: Instant;
  #index = 0;
  #lines = 0;
  #armed = false;
  #disarm: Cancel = () => undefined;
  #closed = false;

  constructor(options: RecorderOptions) {
    this.#clock = options.clock;
    this.#real = options.real;
    this.#flushedAt = options.real.now();
    this.#descriptor = openSync(options.file, 'wx');
  }

  /** Events recorded so far: the index the next one will have. */
  get events(): number {
    return this.#index;
  }

  /** The first line: what a reader needs to know of the run, and nothing that differs from machine to machine. */
  header(fields: Readonly<Record<string, Value>>): void {
    this.#line(`${JSON.stringify({ tidemark: 1, ...fields })}\n`);
  }

  invoke(
    process: Process,
    call: Call,
    session: string,
    device: string,
    path: string,
    intended: Instant | undefined,
  ): void {
    let line = `${this.#start(process, 'invoke', call)},"value":${asked(call)},"session":${this.#quote(session)},"device":${this.#quote(device)},"path":${this.#quote(path)}`;
    if (intended !== undefined) line += `,"intended":${intended}`;
    this.#line(`${line}}\n`);
  }

  complete(process: Process, call: Call, path: string, completed: Completed): void {
    const { answer } = completed;
    let line = `${this.#start(process, completed.outcome, call)},"value":${json(completed.value)},"path":${this.#quote(path)}`;
    if (completed.error !== undefined) line += `,"error":${this.#quote(completed.error)}`;
    if (completed.actual !== undefined) line += `,"actual":${json(completed.actual)}`;
    if (answer !== undefined) {
      if (answer.servedBy) {
        line += `,"node":${this.#quote(answer.servedBy.node)}`;
        if (answer.servedBy.role) line += `,"role":"${answer.servedBy.role}"`;
      }
      if (answer.versions)
        line += `,"version":[${answer.versions.map((v) => (v ? this.#position(v) : 'null')).join(',')}]`;
      else if (answer.version) line += `,"version":${this.#position(answer.version)}`;
      if (answer.position) line += `,"position":${this.#position(answer.position)}`;
    }
    this.#line(`${line}}\n`);
  }

  note(process: string, f: string, value: Value): void {
    this.#line(
      `{"index":${this.#index++},"time":${this.#clock.now()},"process":${this.#quote(process)},"type":"info","f":${this.#quote(f)},"value":${json(value)}}\n`,
    );
  }

  /** Hands everything recorded so far to the kernel. */
  flush(): void {
    this.#flushedAt = this.#real.now();
    if (this.#pending.length === 0) return;
    const bytes = Buffer.from(this.#pending, 'utf8');
    this.#pending = '';
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#descriptor, bytes, written);
    this.#hash.update(bytes);
  }

  /** Ends the journal. Returns the SHA-256 of its bytes, hexadecimal. Closing twice is an error of the caller's. */
  close(): string {
    if (this.#closed) throw new Error('the journal is closed already');
    this.#closed = true;
    this.#disarm();
    this.flush();
    closeSync(this.#descriptor);
    return this.#hash.digest('hex');
  }

  #start(process: Process, type: string, call: Call): string {
    const start = `{"index":${this.#index++},"time":${this.#clock.now()},"process":${process},"type":"${type}","f":"${call.f}"`;
    return call.f === 'readMany' ? start : `${start},"key":${this.#key(call.key)}`;
  }

  #line(line: string): void {
    this.#pending += line;
    if (this.#pending.length >= FLUSH_CHARACTERS) this.flush();
    else if (++this.#lines % LINES_PER_LOOK === 0 && this.#real.now() - this.#flushedAt >= FLUSH_NS) this.flush();
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

  #key(key: Key): string {
    return typeof key === 'number' ? String(key) : this.#quote(key);
  }

  /** Sessions, paths and nodes come back again and again: their JSON text is kept. Ledger keys would only fill the table. */
  #quote(text: string): string {
    let quoted = this.#quoted.get(text);
    if (quoted === undefined) {
      quoted = JSON.stringify(text);
      if (this.#quoted.size < 4096) this.#quoted.set(text, quoted);
    }
    return quoted;
  }

  #position({ group, history, at }: Position): string {
    return `[${this.#quote(group)},${typeof history === 'number' ? history : JSON.stringify(history)},${typeof at === 'number' ? at : JSON.stringify(at)}]`;
  }
}

function asked(call: Call): string {
  switch (call.f) {
    case 'read':
      return 'null';
    case 'readMany':
      return JSON.stringify(call.keys);
    case 'write':
      return json(call.value);
    case 'cas':
      return `[${json(call.expected)},${json(call.next)}]`;
  }
}

function json(value: Value): string {
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : JSON.stringify(value);
}
