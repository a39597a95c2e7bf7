/** A history as its events again, in their order: for those who write it down. */
import { INFO, NEVER, NONE } from '../history.ts';
import type { History, PlacedNote } from '../history.ts';

const NO_ROLE = 255;

/** What stands at one place of the order. Rows of a batch are one event: its first row stands for it. */
export interface EventTaker {
  invocation(row: number): void;
  completion(row: number): void;
  note(note: PlacedNote): void;
}

/**
 * Hands out all events. What a history does not keep is the place of an `info`: it comes when its time has come, before
 * the next invocation of its process, or at the end.
 */
export function* eventsInOrder(history: History, taker: EventTaker): Generator<void, void, undefined> {
  const { call, ret, callTime, retTime, batch, process, notes, positions } = history;
  const at = ownersOf(history);
  const infos = infosByTime(history);
  const told = new Uint8Array(history.length);
  /** The row of the info that each process has still to hear of. */
  const open = new Map<number, number>();
  const tell = (row: number): void => {
    if (told[row] === 1) return;
    told[row] = 1;
    if (open.get(process[row]) === row) open.delete(process[row]);
    taker.completion(row);
  };
  let note = 0;
  let info = 0;
  const tellBefore = (time: number): void => {
    while (info < infos.length && retTime[infos[info]] < time) tell(infos[info++]);
  };
  const tellNote = (told: PlacedNote): void => {
    tellBefore(told.time);
    taker.note(told);
  };
  for (let position = 0; position < positions; position++) {
    for (; note < notes.length && notes[note].at <= position; note++) tellNote(notes[note]);
    const row = at[position];
    const isCall = call[row] === position;
    if (batch[row] !== NONE && batch[row] !== row) continue;
    const time = isCall ? callTime[row] : retTime[row];
    tellBefore(time);
    if (isCall) {
      const unheard = open.get(process[row]);
      if (unheard !== undefined) tell(unheard);
      taker.invocation(row);
      if (history.outcome[row] === INFO && isTold(history, row)) open.set(process[row], row);
    } else if (ret[row] === position) {
      taker.completion(row);
    }
    yield;
  }
  for (; note < notes.length; note++) tellNote(notes[note]);
  for (; info < infos.length; info++) tell(infos[info]);
}

/** The row of each position. */
function ownersOf({ length, positions, call, ret }: History): Int32Array {
  const owners = new Int32Array(positions);
  for (let row = 0; row < length; row++) {
    owners[call[row]] = row;
    if (ret[row] !== NEVER) owners[ret[row]] = row;
  }
  return owners;
}

/** Rows of operations that somebody gave up, first those that were given up first. */
function infosByTime(history: History): number[] {
  const { length, outcome, retTime, batch } = history;
  const rows: number[] = [];
  for (let row = 0; row < length; row++) {
    const isFirst = batch[row] === NONE || batch[row] === row;
    if (outcome[row] === INFO && isFirst && isTold(history, row)) rows.push(row);
  }
  const timeOf = (row: number): number => (Number.isNaN(retTime[row]) ? Number.MAX_VALUE : retTime[row]);
  return rows.sort((a, b) => timeOf(a) - timeOf(b) || a - b);
}

/** Whether a completion that says `info` would say anything else. */
const isTold = ({ retTime, node, role, positionGroup, versionGroup }: History, row: number): boolean =>
  !Number.isNaN(retTime[row]) ||
  node[row] !== NONE ||
  role[row] !== NO_ROLE ||
  positionGroup[row] !== NONE ||
  versionGroup[row] !== NONE;
