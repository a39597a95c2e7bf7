/** Causal memory, session by session. */
import { NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import type { Case, Wrong } from './judge.ts';
import { IntList } from './int-list.ts';
import { explainView } from './explain-view.ts';
import { Views } from './views.ts';

const EXPLAINED = 2;

export interface Memory extends Wrong {
  /** Why a session could not be judged; undefined where all were. */
  readonly doubt: string | undefined;
}

export function judgeMemory(at: Case): Memory {
  const { units, sessions, past, budget, threads } = at;
  const views = new Views(units, sessions, past);
  const anomalies: Anomaly[] = [];
  let count = 0;
  let doubt: string | undefined;
  for (const lanes of linesByThread(at)) {
    doubt ??= budget.spent();
    if (doubt !== undefined) break;
    const whole = lanes.length === 1 ? lanes[0] : merge(lanes, past.place);
    const stands = views.stands(whole, budget);
    if (stands === undefined) doubt = budget.spent();
    if (stands !== false) continue;
    // The order in which overlapping operations of a session were seen is open: only what one lane alone forces is certain.
    const wrong = lanes.length === 1 ? whole : lanes.find((lane) => views.stands(lane, budget) === false);
    if (wrong === undefined) {
      doubt ??= `${threads.name(whole[0])} has operations that overlap, and no order of them was found that explains its reads`;
      continue;
    }
    count++;
    if (anomalies.length < EXPLAINED) anomalies.push(explainView(at, views, wrong));
  }
  return { anomalies, count, doubt };
}

/** Per thread its lanes, each as its units in order. Threads that read nothing have nothing to explain. */
function* linesByThread({ units, sessions, past }: Case): Generator<Int32Array[]> {
  const { history, source } = units;
  const { firstLane, nextLane, lane } = sessions;
  const lists = Array.from({ length: sessions.lanes }, () => new IntList(8));
  const reads = new Uint8Array(sessions.lanes);
  for (let i = 0; i < past.length; i++) {
    const unit = past.order[i];
    if (lane[unit] === NONE) continue;
    lists[lane[unit]].push(unit);
    const last = history.batch[unit] === NONE ? unit + 1 : history.length;
    for (let row = unit; row < last && (row === unit || history.batch[row] === unit); row++) {
      if (source[row] !== NONE) reads[lane[unit]] = 1;
    }
  }
  for (const first of firstLane) {
    const lines: Int32Array[] = [];
    let hasReads = false;
    for (let at = first; at !== NONE; at = nextLane.at(at)) {
      lines.push(lists[at].items.subarray(0, lists[at].length));
      if (reads[at] === 1) hasReads = true;
    }
    if (hasReads) yield lines;
  }
}

/** In causal order. */
function merge(lanes: readonly Int32Array[], place: Int32Array): Int32Array {
  return Int32Array.from(lanes.flatMap((lane) => [...lane]).sort((a, b) => place[a] - place[b]));
}
