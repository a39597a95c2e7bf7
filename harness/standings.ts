/** What the nodes of a run said of themselves over time: who led in which term, who was down or did not answer, who lagged. */
import { livesOf, sightingsOf } from '../checkers/sessions/notes.ts';
import { SECOND } from '../history/clock.ts';
import type { History, PlacedNote } from '../history/history.ts';
import type { Instant, NodeId, Position, Role, Value } from '../history/operation.ts';
import type { LagSeries, RunRecord, StandingRecord } from '../results/record.ts';
import type { Distance } from './system.ts';

/** Nodes are asked at least every half second; who says nothing for so long did not answer. */
const SILENT_NS = 2 * SECOND;

type Open = { -readonly [Name in keyof StandingRecord]: StandingRecord[Name] };

/** By node and group, in order of time; what is said twice is said once. */
export function standingsOf(history: History, endNs: Instant): readonly StandingRecord[] {
  const groups = [...new Set(sightingsOf(history).map(({ group }) => group))];
  const done: StandingRecord[] = [];
  const open = new Map<string, Open>();
  const end = (name: string, at: Instant): void => {
    const standing = open.get(name);
    if (standing === undefined) return;
    open.delete(name);
    const silentFrom = standing.until;
    const isSilent = standing.role !== 'down' && at - silentFrom > SILENT_NS;
    done.push({ ...standing, until: isSilent ? silentFrom : at });
    const { node, group } = standing;
    if (isSilent) done.push({ node, group, role: 'silent', from: silentFrom, until: at });
  };
  for (const event of eventsOf(history)) {
    const { node, time } = event;
    for (const group of event.type === 'claim' ? [event.group] : groups) {
      const name = `${node}\0${group}`;
      const now = open.get(name);
      if (event.type === 'claim') {
        const goesOn = now?.role === event.role && now.term === event.term && time - now.until <= SILENT_NS;
        if (goesOn) now.until = time;
        else {
          end(name, time);
          open.set(name, { node, group, role: event.role, term: event.term, from: time, until: time });
        }
      } else {
        end(name, time);
        if (event.type === 'down') open.set(name, { node, group, role: 'down', from: time, until: time });
      }
    }
  }
  for (const name of open.keys()) end(name, endNs); // which takes it away, as a Map allows
  return done.filter(({ from, until }) => until > from).sort(inOrder);
}

function inOrder(a: StandingRecord, b: StandingRecord): number {
  if (a.group !== b.group) return a.group < b.group ? -1 : 1;
  if (a.node !== b.node) return a.node < b.node ? -1 : 1;
  return a.from - b.from;
}

type Event =
  | { readonly type: 'up' | 'down'; readonly node: NodeId; readonly time: Instant; readonly at: number }
  | {
      readonly type: 'claim';
      readonly node: NodeId;
      readonly time: Instant;
      readonly at: number;
      readonly group: string;
      readonly role: Role;
      readonly term: number;
    };

const roles: readonly string[] = ['leader', 'follower', 'candidate', 'learner'] satisfies readonly Role[];

function eventsOf(history: History): readonly Event[] {
  const claims = sightingsOf(history).flatMap(({ node, role, term, group, time }, at): Event[] =>
    roles.includes(role) ? [{ type: 'claim', node, role: role as Role, term, group, time, at }] : [],
  );
  const lives = history.notes.flatMap(({ process, f, value, time, at }): Event[] => {
    const node = (value as { readonly node?: Value } | null)?.node;
    if (process !== 'cluster' || (f !== 'up' && f !== 'down') || typeof node !== 'string') return [];
    return [{ type: f, node, time, at }];
  });
  return [...claims, ...lives].sort((a, b) => a.time - b.time);
}

/** The nodes that the notes of a journal speak of, by name. */
export function nodesOf(history: History): readonly NodeId[] {
  const seen = sightingsOf(history).map(({ node }) => node);
  return [...new Set([...livesOf(history).nodes, ...seen])].sort(byNumber);
}

/** `n2` before `n10`. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

interface Place {
  readonly node: NodeId;
  readonly group: string;
  readonly isLeader: boolean;
  readonly commit: number;
  readonly commitHistory: string;
  readonly applied: number;
  readonly appliedHistory: string;
}

/** What the run's system said that its positions count; undefined: entries of one log. */
export function positionsOf({ plan }: Pick<RunRecord, 'plan'>): Distance | undefined {
  const { unit, withinHistory } = (plan['positions'] ?? {}) as Readonly<Record<string, unknown>>; // whatever was imported
  if (typeof unit !== 'string') return undefined;
  return { unit, ...(withinHistory === true && { withinHistory }) };
}

/**
 * Counted where positions are numbers. `withinHistory`: a node is compared with a leader of its own history only, and nothing is said of
 * it where none has been seen.
 */
export function lagsOf(history: History, stepNs: number, steps: number, withinHistory: boolean): readonly LagSeries[] {
  const known = new Map<string, number>();
  const series = new Map<string, LagSeries & { readonly entries: (number | null)[] }>();
  for (const note of history.notes) {
    const place = placeOf(note);
    if (place === undefined) continue;
    const { node, group, isLeader, commit, applied } = place;
    const within = (of: string): string => (withinHistory ? `${group}\0${of}` : group);
    const [led, followed] = [within(place.commitHistory), within(place.appliedHistory)];
    if (isLeader && !Number.isNaN(commit)) known.set(led, Math.max(known.get(led) ?? 0, commit));
    const committed = known.get(followed);
    if (committed === undefined || Number.isNaN(applied)) continue;
    const name = `${group}\0${node}`;
    let one = series.get(name);
    if (one === undefined)
      series.set(name, (one = { node, group, entries: Array.from({ length: steps }, () => null) }));
    const step = Math.min(steps - 1, Math.floor(note.time / stepNs));
    one.entries[step] = Math.max(one.entries[step] ?? 0, committed - applied, 0);
  }
  return [...series.values()].sort((a, b) =>
    a.group === b.group ? byNumber(a.node, b.node) : a.group < b.group ? -1 : 1,
  );
}

function placeOf({ process, f, value }: PlacedNote): Place | undefined {
  if (process !== 'cluster' || f !== 'sighting' || typeof value !== 'object' || value === null) return undefined;
  const { node, role, commit, applied } = value as Readonly<Record<string, Value>>; // a list has none of these
  if (typeof node !== 'string' || !Array.isArray(applied)) return undefined;
  const [group, of, at] = applied as unknown as readonly [Position['group'], unknown, unknown]; // what is none of these is left aside below
  const [, ofCommit, committed] = Array.isArray(commit) ? commit : [];
  return {
    node,
    group,
    isLeader: role === 'leader',
    commit: numeral(committed),
    commitHistory: String(ofCommit),
    applied: numeral(at),
    appliedHistory: String(of),
  };
}

/** A place that is a number, or the digits of one; anything else cannot be counted. */
function numeral(at: unknown): number {
  return typeof at === 'number' ? at : typeof at === 'string' && /^\d{1,15}$/.test(at) ? Number(at) : Number.NaN;
}
