/** Logs in a run: judged by themselves, beside registers, and read to their end when it is over. */
import type { Guarantee } from '../history/guarantee.ts';
import { type History, METHODS, NONE } from '../history/history.ts';

const SEND = METHODS.indexOf('send');
const POLL = METHODS.indexOf('poll');

type Rows = Pick<History, 'f'>;

export function isLog({ f }: Rows, row: number): boolean {
  return f[row] === SEND || f[row] === POLL;
}

/** Of what is about to be judged, what the guarantee speaks of: logs, or all else. */
export function spokenOf(guarantee: Guarantee, history: History): History {
  const { length } = history;
  let logs = 0;
  for (let row = 0; row < length; row++) if (isLog(history, row)) logs++;
  if (guarantee === 'log') return logs === length ? history : history.filter((row) => isLog(history, row));
  return logs === 0 ? history : history.filter((row) => !isLog(history, row));
}

/** The write paths of keys, and of logs by what was sent to them. */
export function withLogs(history: History, lanes: Int32Array, writePaths: readonly string[]): Int32Array {
  const { f, key, path, paths } = history;
  const all = lanes.slice();
  for (let row = 0; row < history.length; row++) {
    if (f[row] === SEND && path[row] !== NONE) all[key[row]] = writePaths.indexOf(paths[path[row]]);
  }
  return all;
}

/** What is sent to a log belongs to all who poll it, whichever way. */
export function isSend({ f }: Rows, row: number): boolean {
  return f[row] === SEND;
}
