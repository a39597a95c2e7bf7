/**
 * Which reads were answered from one state, or from states of which one continues the other.
 *
 * A state is what one multi-key read saw. Reads of one life of one node, of one term, are states of one log: of two places of
 * one term, the lower is a prefix of the higher. Across terms that is not so where uncommitted writes are served: (2,120) may
 * have been undone when the node stands at (3,115); such reads are not compared. What lies in several replication groups is not
 * one state: a read of keys of several is taken apart by group.
 */
import { type History, NONE, OK, READ } from '../../history/history.ts';
import { groupsOfKeys, positionsOf } from '../positions.ts';
import { livesOf } from './notes.ts';

export interface StateGroups {
  /** Reads of one node's log, by ascending position. */
  readonly logs: readonly (readonly number[])[];
  /** Reads of one state with no known place: the rows of a batch, or a single read. */
  readonly batches: readonly (readonly number[])[];
}

export function statesOf(history: History): StateGroups {
  const positions = positionsOf(history);
  const lives = livesOf(history);
  const logs = new Map<string, Map<number, number[]>>();
  const batches: number[][] = [];
  const groups = groupsOfKeys(history);
  /** Of the batch that is open: its number, and for each group the list of its rows. */
  let open = { batch: NONE, byGroup: new Map<number, number[]>() };
  for (let row = 0; row < history.length; row++) {
    if (history.f[row] !== READ || history.outcome[row] !== OK) continue;
    const node = history.node[row];
    const life = node === NONE ? undefined : lives.within(history.nodes[node], history.call[row], history.ret[row]);
    const group = groups[history.key[row]];
    const elsewhere = group !== NONE && group !== positions.group[row];
    if (life === undefined || positions.group[row] === NONE || elsewhere) {
      const batch = history.batch[row];
      if (batch === NONE || batch !== open.batch) open = { batch, byGroup: new Map() };
      const known = open.byGroup.get(group);
      if (known !== undefined) known.push(row);
      else {
        const rows = [row];
        open.byGroup.set(group, rows);
        batches.push(rows);
      }
      continue;
    }
    const name = `${node} ${life} ${positions.group[row]}`;
    let terms = logs.get(name);
    if (terms === undefined) logs.set(name, (terms = new Map<number, number[]>()));
    const log = terms.get(positions.history[row]);
    if (log === undefined) terms.set(positions.history[row], [row]);
    else log.push(row);
  }
  const sorted = [...logs.values()].flatMap((terms) => [...terms.values()]);
  for (const log of sorted) log.sort((a, b) => positions.at[a] - positions.at[b]);
  return { logs: sorted, batches };
}
