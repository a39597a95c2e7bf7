/**
 * What stands in the records of the log: items, each a MessagePack array that begins with its kind. An item is taken
 * whole or not at all, and so is the record around it.
 *
 * `[0, group, mask, …]` a write; `[1, …]` the state of a group where a segment begins; `[2]` the end of a segment;
 * `[3, …]` a snapshot beside the log is complete; `[4]` nothing: its record proves that the one before it was synced.
 */
import type { DiskWrite, Entry, GroupId, NodeId, Position, TermStart } from '../../core/types.ts';
import type { Reader, Writer } from '../../wire/bytes.ts';
import { packEntries, packPositions, unpackEntries, unpackPositions } from './entries.ts';

const KIND = { write: 0, state: 1, end: 2, image: 3, note: 4 } as const;

/** Which fields of a write are there. */
const WRITE = { term: 1, votedFor: 2, truncateFrom: 4, snapshot: 8, healed: 16, entries: 32 } as const;

/** A write as the log has it: of a snapshot only its place, for the image is in a file of its own. */
export interface LoggedWrite {
  readonly type: 'write';
  readonly group: GroupId;
  readonly term?: number;
  readonly votedFor?: NodeId | null;
  readonly snapshot?: Position;
  readonly truncateFrom?: number;
  readonly entries: readonly Entry[];
  readonly healed: boolean;
}

/** What must be known of a group where the segments before are gone. */
export interface LoggedState {
  readonly type: 'state';
  readonly group: GroupId;
  readonly term: number;
  readonly votedFor: NodeId | null;
  /** Last index of its log. */
  readonly last: number;
  /** Where terms begin in its log, the one that covers the newest image first. */
  readonly terms: readonly TermStart[];
  /** Images that are complete, oldest first. */
  readonly images: readonly Position[];
}

export interface LoggedImage extends Position {
  readonly type: 'image';
  readonly group: GroupId;
  /** The log here did not hold the image's place: what it held was out of date, and goes. */
  readonly reset: boolean;
}

export type Item = LoggedWrite | LoggedState | LoggedImage | { readonly type: 'end' } | { readonly type: 'note' };

export function packWrite(out: Writer, group: GroupId, write: DiskWrite): void {
  const { term, votedFor, truncateFrom, snapshot, healed, entries } = write;
  const hasEntries = entries !== undefined && entries.length > 0;
  const mask =
    (term === undefined ? 0 : WRITE.term) |
    (votedFor === undefined ? 0 : WRITE.votedFor) |
    (truncateFrom === undefined ? 0 : WRITE.truncateFrom) |
    (snapshot === undefined ? 0 : WRITE.snapshot) |
    (healed === undefined ? 0 : WRITE.healed) |
    (hasEntries ? WRITE.entries : 0);
  let fields = 3;
  for (let bit = WRITE.term; bit <= WRITE.truncateFrom; bit <<= 1) if (mask & bit) fields++;
  if (snapshot !== undefined) fields += 2;
  if (hasEntries) fields += 2;
  out.array(fields);
  out.number(KIND.write);
  out.string(group);
  out.number(mask);
  if (term !== undefined) out.number(term);
  if (votedFor !== undefined) packNodeOrNull(out, votedFor);
  if (truncateFrom !== undefined) out.number(truncateFrom);
  if (snapshot !== undefined) {
    out.number(snapshot.term);
    out.number(snapshot.index);
  }
  if (hasEntries) packEntries(out, entries);
}

export function packState(out: Writer, state: Omit<LoggedState, 'type'>): void {
  out.array(7);
  out.number(KIND.state);
  out.string(state.group);
  out.number(state.term);
  packNodeOrNull(out, state.votedFor);
  out.number(state.last);
  packPositions(out, state.terms);
  packPositions(out, state.images);
}

export function packImage(out: Writer, image: Omit<LoggedImage, 'type'>): void {
  out.array(5);
  out.number(KIND.image);
  out.string(image.group);
  out.number(image.term);
  out.number(image.index);
  out.boolean(image.reset);
}

export function packEnd(out: Writer): void {
  out.array(1);
  out.number(KIND.end);
}

export function packNote(out: Writer): void {
  out.array(1);
  out.number(KIND.note);
}

/** Throws where the bytes are no item. */
export function unpackItem(from: Reader): Item {
  const fields = from.array(from.left);
  const kind = from.number();
  switch (kind) {
    case KIND.write:
      return unpackWrite(from);
    case KIND.state:
      return {
        type: 'state',
        group: from.string(from.left),
        term: from.number(),
        votedFor: unpackNodeOrNull(from),
        last: from.number(),
        terms: unpackPositions(from),
        images: unpackPositions(from),
      };
    case KIND.image:
      return {
        type: 'image',
        group: from.string(from.left),
        term: from.number(),
        index: from.number(),
        reset: from.boolean(),
      };
    case KIND.end:
      return { type: 'end' };
    case KIND.note:
      return { type: 'note' };
    default:
      throw new Error(`an item of kind ${kind} with ${fields} fields is not known`);
  }
}

function unpackWrite(from: Reader): LoggedWrite {
  const group = from.string(from.left);
  const mask = from.number();
  const term = mask & WRITE.term ? from.number() : undefined;
  const votedFor = mask & WRITE.votedFor ? unpackNodeOrNull(from) : undefined;
  const truncateFrom = mask & WRITE.truncateFrom ? from.number() : undefined;
  const snapshot = mask & WRITE.snapshot ? { term: from.number(), index: from.number() } : undefined;
  const entries = mask & WRITE.entries ? unpackEntries(from) : [];
  return {
    type: 'write',
    group,
    ...(term === undefined ? undefined : { term }),
    ...(votedFor === undefined ? undefined : { votedFor }),
    ...(truncateFrom === undefined ? undefined : { truncateFrom }),
    ...(snapshot === undefined ? undefined : { snapshot }),
    entries,
    healed: (mask & WRITE.healed) !== 0,
  };
}

export function packNodeOrNull(out: Writer, node: NodeId | null): void {
  if (node === null) out.nil();
  else out.string(node);
}

export function unpackNodeOrNull(from: Reader): NodeId | null {
  return from.nil() ? null : from.string(from.left);
}
