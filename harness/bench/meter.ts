/**
 * Stands where a run's recorder stands: measures every operation, and hands those on a sample of the keys to the journal, so
 * that a bench can be judged without writing down all that it does.
 *
 * A history of some of the keys is judged soundly: whatever it contradicts, all of it contradicts. It can only show less.
 */
import type { Clock } from '../../history/clock.ts';
import type { Instant, Key, Position, Process, Value } from '../../history/operation.ts';
import { Latencies, type Series } from '../../results/histograms.ts';
import type { Call } from '../../workloads/workload.ts';
import type { Completed, Recorder } from '../recorder.ts';
import type { Values } from './values.ts';

/** A stretch of time whose operations are measured together: those that were meant to begin in it. */
export interface Window {
  readonly from: Instant;
  readonly until: Instant;
  readonly latencies: Latencies;
  /** When the arrivals of this window came, after they were meant to: the load generator's own lateness. */
  readonly lateness: Series;
  arrivals: number;
  answered: number;
  refused: number;
  unknown: number;
  shed: number;
  /** Operations on keys of the sample. */
  sampled: number;
}

export interface MeterOptions {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly values: Values;
  readonly isSampled: (key: Key) => boolean;
  /** The system's own name of a path. */
  readonly pathOf: (name: string) => string;
  readonly writePath: string;
}

interface Begun {
  readonly window: Window | undefined;
  readonly intended: Instant;
  readonly sent: Instant;
  /** What the journal knows of it; undefined: nothing. */
  readonly told: Call | undefined;
}

export class Meter {
  readonly #options: MeterOptions;
  readonly #begun = new Map<Process, Begun>();
  #windows: Window[] = [];

  constructor(options: MeterOptions) {
    this.#options = options;
  }

  open(from: Instant, until: Instant): Window {
    const latencies = new Latencies();
    const window: Window = {
      from,
      until,
      latencies,
      lateness: new Latencies().series('arrival', '', '', ''),
      arrivals: 0,
      answered: 0,
      refused: 0,
      unknown: 0,
      shed: 0,
      sampled: 0,
    };
    this.#windows = [...this.#windows.filter((one) => outstanding(one) > 0), window];
    return window;
  }

  arrived(intended: Instant, shed: boolean): void {
    const window = this.#windowAt(intended);
    if (window === undefined) return;
    window.arrivals++;
    if (shed) window.shed++;
    window.lateness.record(this.#options.clock.now() - intended);
  }

  invoke(
    process: Process,
    call: Call,
    session: string,
    device: string,
    path: string,
    intended: Instant | undefined,
  ): void {
    const { clock, recorder, pathOf } = this.#options;
    const told = this.#told(call);
    const sent = clock.now();
    const window = intended === undefined ? undefined : this.#windowAt(intended);
    this.#begun.set(process, { window, intended: intended ?? sent, sent, told });
    if (told === undefined) return;
    if (window !== undefined) window.sampled++;
    recorder.invoke(process, told, session, device, pathOf(path), intended);
  }

  complete(process: Process, call: Call, path: string, completed: Completed): void {
    const begun = this.#begun.get(process);
    if (begun === undefined) throw new Error(`process ${process} completes what it never began`);
    this.#begun.delete(process);
    const { window, intended, sent, told } = begun;
    if (window !== undefined) this.#measure(window, call, path, completed, intended, sent);
    if (told !== undefined) {
      const { recorder, pathOf } = this.#options;
      recorder.complete(process, told, pathOf(path), this.#toldOf(call, told, completed));
    }
  }

  #measure(window: Window, call: Call, path: string, completed: Completed, intended: Instant, sent: Instant): void {
    const { outcome, error, answer } = completed;
    if (outcome === 'info') window.unknown++;
    else if (outcome === 'fail' && error !== 'mismatch') window.refused++;
    else window.answered++;
    if (outcome !== 'ok') return;
    const now = this.#options.clock.now();
    const role = answer?.servedBy?.role ?? 'unknown';
    window.latencies.record(call.f, path, role, '', now - intended, 'intended');
    window.latencies.record(call.f, path, role, '', now - sent, 'sent');
  }

  #windowAt(intended: Instant): Window | undefined {
    return this.#windows.find(({ from, until }) => intended >= from && intended < until);
  }

  /** The part of a call that is about keys of the sample. */
  #told(call: Call): Call | undefined {
    const { isSampled, values } = this.#options;
    switch (call.f) {
      case 'read':
        return isSampled(call.key) ? call : undefined;
      case 'write':
        return isSampled(call.key) ? { ...call, value: values.recorded(call.value) } : undefined;
      case 'cas':
        return isSampled(call.key)
          ? { ...call, expected: values.recorded(call.expected), next: values.recorded(call.next) }
          : undefined;
      case 'readMany': {
        const keys = call.keys.filter(isSampled);
        return keys.length === 0 ? undefined : { ...call, keys };
      }
      case 'send':
      case 'poll':
      case 'txn':
        return undefined; // no mix has any
    }
  }

  #toldOf(call: Call, told: Call, completed: Completed): Completed {
    const { values } = this.#options;
    if (call.f === 'read') return { ...completed, value: values.recorded(completed.value) };
    if (told.f === 'write') return { ...completed, value: told.value };
    if (told.f === 'cas') return { ...completed, value: [told.expected, told.next] };
    if (call.f !== 'readMany' || told.f !== 'readMany') return completed;
    if (completed.outcome !== 'ok') return { ...completed, value: told.keys };
    const { isSampled } = this.#options;
    const all = completed.value as readonly Value[]; // an answer to readMany
    const pick = <T>(list: readonly T[]): T[] => list.filter((_, i) => isSampled(call.keys[i]));
    const { answer } = completed;
    const versions: readonly (Position | null)[] | undefined = answer?.versions;
    return {
      ...completed,
      value: pick(all).map((value) => values.recorded(value)),
      ...(answer !== undefined && {
        answer: { ...answer, ...(versions !== undefined && { versions: pick(versions) }) },
      }),
    };
  }
}

/** How many operations of a window have not ended. */
export function outstanding({ arrivals, answered, refused, unknown, shed }: Window): number {
  return arrivals - answered - refused - unknown - shed;
}
