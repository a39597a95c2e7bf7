/** Live progress of a run, on stderr: a line that is rewritten on a terminal, JSON lines for programs, nothing when quiet. */
import { type Cancel, type Clock, MILLISECOND, realClock, SECOND, wallTime } from '../history/clock.ts';
import type { Io } from './command.ts';
import type { Progress } from './run.ts';
import { count } from './table.ts';

export type ProgressStyle = 'terminal' | 'json' | 'lines' | 'none';

const EVERY_NS: Readonly<Record<ProgressStyle, number>> = {
  terminal: 100 * MILLISECOND,
  json: 20 * MILLISECOND,
  lines: 5 * SECOND,
  none: 0,
};

/** Shows what `look` sees from now on; the returned function ends it and clears the line. */
export function showProgress(io: Io, style: ProgressStyle, look: () => Progress, clock: Clock = realClock()): Cancel {
  if (style === 'none') return () => undefined;
  let cancel: Cancel = () => undefined;
  const show = (): void => {
    io.err(style === 'json' ? json(look()) : style === 'terminal' ? `\r\u001b[2K${line(look())}` : `${line(look())}\n`);
    cancel = clock.timer(clock.now() + EVERY_NS[style], show);
  };
  cancel = clock.timer(clock.now() + EVERY_NS[style], show);
  return () => {
    cancel();
    if (style === 'json') io.err(json(look()));
    if (style === 'terminal') io.err('\r\u001b[2K');
  };
}

/** `time`: Unix milliseconds. `index`: of the last event recorded; -1 before the first. */
function json(progress: Progress): string {
  const { phase, now, events, counts, faultsInForce, leader, waitsFor } = progress;
  const shown = {
    schema: 1,
    type: 'progress',
    time: wallTime().getTime(),
    index: events - 1,
    phase,
    virtualNs: now,
    counts,
    faultsInForce,
  };
  return `${JSON.stringify({ ...shown, leader: leader ?? null, ...(waitsFor !== undefined && { waitsFor }) })}\n`;
}

function line({ phase, now, counts, faultsInForce, leader, waitsFor }: Progress): string {
  const done = counts.ok + counts.mismatch;
  const faults = faultsInForce.length === 0 ? 'no fault' : faultsInForce.join(' + ');
  const what = waitsFor === undefined ? faults : `waits for ${waitsFor}`;
  return `${(now / SECOND).toFixed(1).padStart(6)} s  ${phase.padEnd(8)}  ${count(done).padStart(7)} operations  leader ${(leader ?? '–').padEnd(3)}  ${what}`;
}
