/**
 * Which reads were answered from one state, or from states of which one continues the other.
 *
 * A state is what one multi-key read saw. Reads of one life of one node, of one term, are states of one log: of two places of
 * one term, the lower is a prefix of the higher. Across terms that is not so where uncommitted writes are served: (2,120) may
 * have been undone when the node stands at (3,115); such reads are not compared. What lies in several replication groups is not
 * one state: a read of keys of several is taken apart by group.
 */
import { type History, NONE, OK, READ } from '../../history/history.ts';
import { groupsOfKeys } from '../positions.ts';
import { changesOf } from './notes.ts';
import { Pairs } from './pairs.ts';

/** Lists of rows, one after the other: those of list i are `rows[start[i]] … rows[start[i + 1] - 1]`. */
export interface Lists {
  readonly rows: Int32Array;
  readonly start: Int32Array;
  readonly count: number;
}

export interface StateGroups {
  /** Reads of one node's log, by ascending position. */
  readonly logs: Lists;
  /** Reads of one state with no known place: the rows of a batch, or a single read. */
  readonly batches: Lists;
  /** A key that versions place in several replication groups, so that what is one state is not known; or NONE. */
  readonly moved: number;
}

/** Of a row that belongs to no list. */
const NO_LIST = -1;

/** @param doubtful by row: 1 where the position is contradicted, and says nothing */
export function statesOf(history: History, doubtful?: Uint8Array): StateGroups {
  const { f, outcome, batch, key, length, positionGroup, positionAt } = history;
  // Where one group is all there is, a key of which no version tells lies in it too.
  const { groups, moved } =
    history.groups.length === 1 ? { groups: new Int32Array(history.keys.length), moved: NONE } : groupsOfKeys(history);
  const logOf = logs(history);
  const logRows = new Int32Array(length).fill(NO_LIST);
  const batchRows = new Int32Array(length).fill(NO_LIST);
  let batches = 0;
  let open = NONE;
  /** Of the open batch: the list of each group met, as group and list in turn. */
  let known: number[] = [];
  for (let row = 0; row < length; row++) {
    if (f[row] !== READ || outcome[row] !== OK) continue;
    const group = groups[key[row]];
    const elsewhere = group !== NONE && group !== positionGroup[row];
    if (positionGroup[row] !== NONE && !elsewhere && doubtful?.[row] !== 1) logRows[row] = logOf.list(row);
    if (logRows[row] !== NO_LIST) continue;
    if (batch[row] === NONE) {
      batchRows[row] = batches++;
      continue;
    }
    if (batch[row] !== open) {
      open = batch[row];
      known = [];
    }
    let at = 0;
    while (at < known.length && known[at] !== group) at += 2;
    if (at === known.length) known.push(group, batches++);
    batchRows[row] = known[at + 1];
  }
  const ofLogs = gather(logRows, logOf.count());
  for (let log = 0; log < ofLogs.count; log++) {
    sortByPlace(ofLogs.rows.subarray(ofLogs.start[log], ofLogs.start[log + 1]), positionAt);
  }
  return { logs: ofLogs, batches: gather(batchRows, batches), moved };
}

/** Numbers for (node, life, group, term), in order of appearance. */
function logs(history: History): { list(row: number): number; count(): number } {
  const { node, call, ret, positionGroup, positionHistory, length } = history;
  const changes = history.nodes.map((name) => Float64Array.from(changesOf(history, name)));
  /** Of each node the changes that the invocations have passed: rows are in their order. */
  const passed = new Int32Array(history.nodes.length);
  const firstLife = new Int32Array(history.nodes.length);
  let lives = 0;
  for (let one = 0; one < firstLife.length; one++) {
    firstLife[one] = lives;
    lives += changes[one].length + 1;
  }
  const ofGroups = new Pairs(lives, history.groups.length, length);
  const ofTerms = new Pairs(2 ** 32, 1, 0);
  const names = new Pairs(2 ** 32, 2 ** 32, 0);
  /** Of each node its last row and the list of it: mostly the list of the next one too. */
  const last = new Int32Array(history.nodes.length).fill(NONE);
  const lastLife = new Int32Array(history.nodes.length);
  const lastList = new Int32Array(history.nodes.length);
  return {
    count: () => names.count,
    list: (row) => {
      const by = node[row];
      if (by === NONE) return NO_LIST;
      const own = changes[by];
      let life = passed[by];
      while (life < own.length && own[life] <= call[row]) life++;
      passed[by] = life;
      // A life that ended before the answer came: nobody knows which one gave it.
      if (life < own.length && own[life] <= ret[row]) return NO_LIST;
      const before = last[by];
      const same =
        before !== NONE &&
        lastLife[by] === life &&
        positionGroup[before] === positionGroup[row] &&
        positionHistory[before] === positionHistory[row];
      if (!same) {
        const group = ofGroups.of(firstLife[by] + life, positionGroup[row]);
        lastList[by] = names.of(group, ofTerms.of(positionHistory[row], 0));
        lastLife[by] = life;
      }
      last[by] = row;
      return lastList[by];
    },
  };
}

/** Rows by the number of their list; below 0: in none. */
export function gather(list: Int32Array, count: number): Lists {
  const start = new Int32Array(count + 1);
  if (count === 0) return { rows: new Int32Array(0), start, count };
  for (let row = 0; row < list.length; row++) if (list[row] !== NO_LIST) start[list[row] + 1]++;
  for (let i = 0; i < count; i++) start[i + 1] += start[i];
  const rows = new Int32Array(start[count]);
  const next = start.slice();
  for (let row = 0; row < list.length; row++) if (list[row] !== NO_LIST) rows[next[list[row]]++] = row;
  return { rows, start, count };
}

/** Sorts rows that are nearly sorted already, and those that are not; equal ones keep their order. */
export function sortRows(rows: Int32Array, compare: (a: number, b: number) => number): void {
  let moves = rows.length * 8;
  for (let i = 1; i < rows.length; i++) {
    const row = rows[i];
    let to = i;
    while (to > 0 && compare(rows[to - 1], row) > 0 && moves-- > 0) rows[to] = rows[--to];
    rows[to] = row;
    if (moves > 0) continue;
    rows.sort((a, b) => compare(a, b) || a - b);
    return;
  }
}

/** Sorts rows by their places, as sortRows does, without a call for each comparison. */
export function sortByPlace(rows: Int32Array, at: Float64Array): void {
  let moves = rows.length * 8;
  for (let i = 1; i < rows.length; i++) {
    const row = rows[i];
    const place = at[row];
    let to = i;
    for (; to > 0 && at[rows[to - 1]] > place && moves-- > 0; to--) rows[to] = rows[to - 1];
    rows[to] = row;
    if (moves > 0) continue;
    sortRows(rows, (a, b) => at[a] - at[b]);
    return;
  }
}
