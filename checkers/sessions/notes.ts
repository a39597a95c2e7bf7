/** What the notes of a journal say: phases, faults in force, lives of nodes, claims of leadership. */
import { MILLISECOND } from '../../history/clock.ts';
import type { History, PlacedNote } from '../../history/history.ts';
import type { Instant, NodeId, Value } from '../../history/operation.ts';

type Fields = Readonly<Record<string, Value>>;

function fields(note: PlacedNote): Fields {
  const { value } = note;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}; // all else was excluded
}

/** The event position at which the final reads begin; undefined in a history without them. */
export function epilogueOf(history: History): number | undefined {
  return history.notes.findLast(
    ({ process, f, value }) => process === 'harness' && f === 'phase' && value === 'epilogue',
  )?.at;
}

/** A fault from its injection to its heal. `until` is infinite for one that was never healed. */
export interface FaultSpan {
  readonly name: string;
  readonly targets: readonly NodeId[];
  readonly from: Instant;
  readonly until: Instant;
  /** Whether it did anything, as its heal tells; where nothing tells, it is taken to have done so. */
  readonly hadEffect: boolean;
  /** Nanoseconds that nodes took to end when they were told to, as its heal tells; zero where it tells none. */
  readonly endingNs: number;
}

/** What an ordered stop counts: see `stop` among the levers of processes and containers. */
const ENDING_MS = 'ms until they had ended';

/** What was asked for in vain is counted by names that begin so. */
const REFUSED = 'refused: ';

function hadEffect(effect: Value | undefined): boolean {
  if (typeof effect !== 'object' || effect === null || Array.isArray(effect)) return true;
  return Object.entries(effect).some(([name, n]) => typeof n === 'number' && n > 0 && !name.startsWith(REFUSED));
}

function endingNs(effect: Value | undefined): number {
  if (typeof effect !== 'object' || effect === null || Array.isArray(effect)) return 0;
  const ms = (effect as Fields)[ENDING_MS];
  return typeof ms === 'number' && ms > 0 ? ms * MILLISECOND : 0;
}

export function faultSpans(history: History): readonly FaultSpan[] {
  const spans: FaultSpan[] = [];
  const open = new Map<string, number>();
  for (const note of history.notes) {
    if (note.process !== 'nemesis') continue;
    const { do: deed, id, targets, effect, error } = fields(note);
    const name = `${note.f} ${JSON.stringify(id ?? null)}`;
    if (deed === 'inject') {
      open.set(name, spans.length);
      const nodes = Array.isArray(targets) ? targets.map(String) : [];
      const until = Number.POSITIVE_INFINITY;
      spans.push({ name: note.f, targets: nodes, from: note.time, until, hadEffect: true, endingNs: 0 });
    } else if (deed === 'heal' && error === undefined) {
      const span = open.get(name);
      if (span !== undefined) {
        spans[span] = { ...spans[span], until: note.time, hadEffect: hadEffect(effect), endingNs: endingNs(effect) };
      }
      open.delete(name);
    }
  }
  return spans;
}

/** Names of the faults in force at some moment of a span of time, each once. */
export function faultsWithin(spans: readonly FaultSpan[], from: Instant, until: Instant): readonly string[] {
  return [...new Set(spans.filter((span) => span.from <= until && span.until >= from).map(({ name }) => name))];
}

/** Event positions at which lives of nodes begin (`up`) and end. */
export interface Lives {
  /** Whether a node is up at an event position; a node of which no note speaks is. */
  isUp(node: NodeId, position: number): boolean;
  /** The nodes that the notes speak of. */
  readonly nodes: readonly NodeId[];
}

/** Event positions at which a node went up or down, ascending; the lives of the node lie between them. */
export function changesOf(history: History, node: NodeId): readonly number[] {
  return (
    changesByNode(history)
      .get(node)
      ?.map(({ at }) => at) ?? []
  );
}

/** A life of a node that begins (`up`) or ends. */
interface LifeChange {
  readonly at: number;
  readonly time: Instant;
  readonly up: boolean;
}

export function changesByNode(history: History): ReadonlyMap<NodeId, readonly LifeChange[]> {
  const changes = new Map<NodeId, LifeChange[]>();
  for (const note of history.notes) {
    if (note.process !== 'cluster' || (note.f !== 'up' && note.f !== 'down')) continue;
    const { node } = fields(note);
    if (typeof node !== 'string') continue;
    const list = changes.get(node) ?? [];
    changes.set(node, list);
    list.push({ at: note.at, time: note.time, up: note.f === 'up' });
  }
  return changes;
}

export function livesOf(history: History): Lives {
  const changes = changesByNode(history);
  const passed = (node: NodeId, position: number): number => {
    const list = changes.get(node) ?? [];
    let count = 0;
    while (count < list.length && list[count].at <= position) count++;
    return count;
  };
  return {
    isUp: (node, position) => changes.get(node)?.[passed(node, position) - 1]?.up ?? true,
    nodes: [...changes.keys()],
  };
}

/** A node's claim to lead, or to follow, in some term. */
export interface Claim {
  readonly node: NodeId;
  readonly role: string;
  readonly term: number;
  /** Replication group; where a sighting names none, the only one there is, or the empty name. */
  readonly group: string;
  readonly time: Instant;
  readonly members?: readonly NodeId[];
}

export function sightingsOf(history: History): readonly Claim[] {
  const only = history.groups.length === 1 ? history.groups[0] : '';
  return history.notes.flatMap((note) => claimOf(note, only) ?? []);
}

/** The claim that a note tells of, if it does; `unnamed` is the group of a sighting that names none. */
export function claimOf(note: PlacedNote, unnamed: string): Claim | undefined {
  if (note.process !== 'cluster' || note.f !== 'sighting') return undefined;
  const { node, role, term, commit, group: named, members } = fields(note);
  if (typeof node !== 'string' || typeof role !== 'string' || typeof term !== 'number') return undefined;
  const group =
    Array.isArray(commit) && typeof commit[0] === 'string' ? commit[0] : typeof named === 'string' ? named : unnamed;
  const known = Array.isArray(members) ? { members: members.map(String) } : {};
  return { node, role, term, group, time: note.time, ...known };
}

/**
 * Who takes part in a replication group in the end, by the last word of its last leader; `undefined` asks for any group. Where
 * nobody said, everybody does.
 */
export function membersOf(history: History): (node: NodeId, group: string | undefined) => boolean {
  const last = new Map<string, Claim>();
  for (const claim of sightingsOf(history)) {
    if (claim.role !== 'leader' || claim.members === undefined) continue;
    if (claim.term >= (last.get(claim.group)?.term ?? 0)) last.set(claim.group, claim);
  }
  const takesPart = (node: NodeId, { members = [] }: Claim): boolean => members.includes(node);
  return (node, group) => {
    const of = group === undefined ? undefined : last.get(group);
    if (of !== undefined) return takesPart(node, of);
    return last.size === 0 || group !== undefined || [...last.values()].some((claim) => takesPart(node, claim));
  };
}
