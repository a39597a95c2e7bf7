/** Which guarantees a history tells anything about. */
import type { Header } from '../history/codec/jsonl.ts';
import { boundMsOf, type Guarantee, guaranteeNames } from '../history/guarantee.ts';
import { type History, NONE } from '../history/history.ts';

/** In the order of the columns. `linearizable` is always among them. */
export function evident(
  history: History,
  header: Header | undefined,
  asked: { readonly path: string | undefined; readonly boundMs: number | undefined },
): readonly Guarantee[] {
  const sessions = some(history.session);
  const states = some(history.batch) || (some(history.node) && some(history.positionGroup));
  const noted = (process: string, f: string, value?: string): boolean =>
    history.notes.some(
      (note) => note.process === process && note.f === f && (value === undefined || note.value === value),
    );
  const paths = asked.path === undefined ? history.paths : [asked.path];
  const bounded = paths.filter((path) => boundMsOf(path) !== undefined);
  const ended = header !== undefined && noted('harness', 'phase', 'epilogue');
  const has: Readonly<Record<Guarantee, boolean>> = {
    linearizable: true,
    'read-your-writes': sessions,
    'monotonic-reads': sessions,
    'monotonic-writes': sessions && states,
    'writes-follow-reads': sessions && states,
    'bounded-staleness': timed(history) && (asked.boundMs !== undefined || bounded.length > 0),
    durable: ended,
    fenced: some(history.versionGroup),
    convergent: ended,
    'one-leader-per-term': noted('cluster', 'sighting'),
    // What takes long, or is implied by the others, is judged where it is asked for.
    sequential: false,
    causal: false,
    'causal-memory': false,
    'causal-weak': false,
    'consistent-prefix': false,
    set: false,
    queue: false,
    log: false,
    counter: false,
    lock: false,
  };
  return guaranteeNames.filter((name) => has[name]);
}

function some(column: Int32Array): boolean {
  for (let row = 0; row < column.length; row++) if (column[row] !== NONE) return true;
  return false;
}

function timed({ length, callTime }: History): boolean {
  return length > 0 && !Number.isNaN(callTime[0]);
}
