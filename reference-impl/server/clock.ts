/**
 * Time and chance of real processes: the only file below reference-impl/ that asks for either. The core is given both.
 */
import { randomBytes, randomInt } from 'node:crypto';

/**
 * The machine's monotonic clock less this process's, so that a restarted process goes on where it was: ids taken from
 * the clock ascend over lives.
 */
const originMs = monotonicOfMachineMs() - performance.now();

function monotonicOfMachineMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1_000_000;
}

/** Monotonic, with fractions. Goes on while the process is stopped; stands still while the machine sleeps. */
export function monotonicMs(): number {
  return originMs + performance.now();
}

/** Wall time, ms since 1970. May jump. */
export function wallMs(): number {
  return Date.now();
}

/** Wall time as people write it, UTC. */
export function wallTime(): string {
  return new Date().toISOString();
}

export type Cancel = () => void;

/** Once, no earlier than after `delayMs`, less the millisecond that a timer may be early. */
export function after(delayMs: number, action: () => void): Cancel {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
}

/** Again and again; does not keep the process alive. */
export function every(periodMs: number, action: () => void): Cancel {
  const timer = setInterval(action, periodMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** When everything that has arrived by now was taken in. */
export function atEndOfTurn(action: () => void): void {
  setImmediate(action);
}

export function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, durationMs));
}

/** Even over [least, most], in steps of a microsecond. For delays of less than a day. */
export function drawMs(least: number, most: number): number {
  const steps = Math.floor((most - least) * 1000);
  return steps <= 0 ? least : least + randomInt(steps + 1) / 1000;
}

/** Bytes that nobody can guess. */
export function unguessable(length: number): Buffer {
  return randomBytes(length);
}
