/** Causal memory, session by session. */
import { NONE } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import { type Case, exactPast, type Wrong } from './judge.ts';
import { IntList } from './int-list.ts';
import { explainNoOrder } from '../sequential/explain.ts';
import { OneOrder } from '../sequential/search.ts';
import { explainView } from './explain-view.ts';
import { endOf } from './units.ts';
import { Views } from './views.ts';

const EXPLAINED = 2;

/** How many units may be looked at to find a short explanation: about a second. */
const UNITS_LOOKED_AT = 12_000_000;
const TRIES_LEAST = 16;

export interface Memory extends Wrong {
  /** Why a session could not be judged; undefined where all were. */
  readonly doubt: string | undefined;
}

export function judgeMemory(at: Case): Memory {
  const { units, sessions, past, budget, threads } = at;
  const views = new Views(units, sessions, past);
  const anomalies: Anomaly[] = [];
  const tries = { left: Math.max(TRIES_LEAST, Math.floor(UNITS_LOOKED_AT / (past.length + 1))) };
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
      const hidden = hideOthers(at, threads.of[whole[0]]);
      const found = new OneOrder(at, hidden).search(budget);
      if (found === 'an order') continue;
      const name = threads.name(whole[0]);
      if (found === 'none') {
        count++;
        anomalies.push(explainNoOrder(at, hidden, `all writes and the operations of ${name}`));
      } else {
        doubt ??= `${name} has operations that overlap, and no order of them was found that explains its reads: ${found.undecided}`;
      }
      continue;
    }
    if (count++ === 0) {
      // What is wrong with one operation alone says more than what a session cannot have seen.
      const { wrong: alone } = exactPast(at);
      if (alone.count > 0) return { ...alone, doubt: undefined };
    }
    if (anomalies.length === 0 || (anomalies.length < EXPLAINED && tries.left > 0)) {
      anomalies.push(explainView(at, views, wrong, tries));
    }
  }
  return { anomalies, count, doubt };
}

/** 1 for each row that says what another thread found, and for what does not say it. */
function hideOthers({ units, threads }: Case, thread: number): Uint8Array {
  return threads.of.reduce((hidden, other, row) => {
    if (other !== thread || units.source[row] === NONE) hidden[row] = 1;
    return hidden;
  }, new Uint8Array(threads.of.length));
}

/**
 * Per thread its lanes, each as its units in order; what lies on no lane and found something is one of its own. Threads that read
 * nothing have nothing to explain.
 */
function* linesByThread({ units, sessions, past, threads }: Case): Generator<Int32Array[]> {
  const { history, source } = units;
  const { firstLane, nextLane, lane } = sessions;
  const lists = Array.from({ length: sessions.lanes }, () => new IntList(8));
  const reads = new Uint8Array(firstLane.length);
  const loose = new Map<number, Int32Array[]>();
  for (let i = 0; i < past.length; i++) {
    const unit = past.order[i];
    let isReader = false;
    for (let row = unit, end = endOf(history, unit); row < end; row++) if (source[row] !== NONE) isReader = true;
    const thread = threads.of[unit];
    if (isReader) reads[thread] = 1;
    if (lane[unit] !== NONE) lists[lane[unit]].push(unit);
    else if (isReader) loose.set(thread, [...(loose.get(thread) ?? []), Int32Array.of(unit)]);
  }
  for (let thread = 0; thread < firstLane.length; thread++) {
    if (reads[thread] === 0) continue;
    const lines = loose.get(thread) ?? [];
    for (let at = firstLane[thread]; at !== NONE; at = nextLane.at(at)) {
      lines.push(lists[at].items.subarray(0, lists[at].length));
    }
    yield lines;
  }
}

/** In causal order. */
function merge(lanes: readonly Int32Array[], place: Int32Array): Int32Array {
  return Int32Array.from(lanes.flatMap((lane) => [...lane]).sort((a, b) => place[a] - place[b]));
}
