/**
 * Who led in which term, from when on, and in which term each write was acknowledged.
 *
 * Leaders are known from sightings (`cluster`/`sighting` with role leader) and from the writes that they acknowledged. An answer
 * may tell its term. Where it tells none (and there is one group only), the node that answered tells it together with what it was
 * seen to be before and after. A sighting says that it led by then, not since when: a leader answers writes before anybody sees it.
 *
 * - A write that a node acknowledged as leader, between two sightings of it in one term, is of that term.
 * - Between sightings of it in two terms, what it acknowledged falls into what came before its longest pause and what came after.
 *   The pause is one in which it was down or seen to follow, if it ever was.
 * - Before the first sighting of it as leader, and after the last, the same holds, with no term on the other side: only what lies
 *   on the far side of a sighting as follower has none.
 * - Where the answer tells the node and not its role, it counts only if that node led, as far as sightings tell, when it was asked.
 */
import { type History, METHODS, NONE, OK, READ, ROLES } from '../history/history.ts';
import type { Instant, NodeId } from '../history/operation.ts';
import { termOf } from './positions.ts';
import { changesByNode, type Claim, sightingsOf } from './sessions/notes.ts';

/** One leadership, as far as it was seen. */
export interface Reign {
  readonly group: string;
  readonly term: number;
  readonly leader: NodeId;
  since: Instant;
  lastSeen: Instant;
  /** When it was seen to lead, writes aside. */
  readonly sightings: readonly Instant[];
}

/** What a sighting tells was so at most this long before it was noted. */
const SIGHTING_NS = 1e9;

/** The term in which a write was acknowledged, as its answer tells; undefined for anything else. */
export function writeTerm(history: History, row: number): number | undefined {
  if (history.f[row] === READ || history.outcome[row] !== OK || history.versionGroup[row] === NONE) return undefined;
  const term = termOf(history.versionHistory[row]);
  return Number.isNaN(term) ? undefined : term;
}

export class Reigns {
  /** Of each group, in order of terms. */
  readonly groups: readonly (readonly Reign[])[];
  readonly #history: History;
  /** Terms of the writes whose answers tell none. */
  readonly #terms = new Map<number, number>();

  constructor(history: History) {
    this.#history = history;
    this.groups = reignsByGroup(history);
    if (this.groups.length !== 1) return;
    const [reigns] = this.groups;
    const { byLeaders, others } = untermed(history);
    // By what was seen alone, which the writes below do not move.
    for (const row of others) {
      const asked = history.callTime[row];
      const reign = reigns.findLast(({ since }) => since <= asked);
      if (reign?.leader === history.nodes[history.node[row]]) this.#terms.set(row, reign.term);
    }
    const claims = sightingsOf(history).filter(({ group }) => group === reigns[0].group);
    const lives = changesByNode(history);
    for (const [node, rows] of byLeaders) {
      const spans = leaderships(
        claims.filter((claim) => claim.node === node),
        lives.get(node) ?? [],
      );
      for (const span of spans) {
        const within = rows.filter(({ told }) => told > span.from && told <= span.until);
        const before = within.slice(0, countBefore(within, span));
        for (const { row } of before) this.#belongs(row, span.before, node);
        for (const { row } of within.slice(before.length)) this.#belongs(row, span.after, node);
      }
    }
  }

  /** Undefined for all but acknowledged writes, and where nothing tells. */
  termOf(row: number): number | undefined {
    return writeTerm(this.#history, row) ?? this.#terms.get(row);
  }

  #belongs(row: number, term: number | undefined, node: NodeId): void {
    const reign = this.groups[0].find((one) => one.term === term && one.leader === node);
    if (reign === undefined) return;
    const told = this.#history.retTime[row];
    this.#terms.set(row, reign.term);
    reign.since = Math.min(reign.since, told);
    reign.lastSeen = Math.max(reign.lastSeen, told);
  }
}

function reignsByGroup(history: History): readonly (readonly Reign[])[] {
  const groups = new Map<string, Map<number, Reign & { readonly sightings: Instant[] }>>();
  const seen = (group: string, term: number, leader: NodeId, time: Instant): void => {
    const reigns = groups.get(group) ?? new Map<number, Reign & { readonly sightings: Instant[] }>();
    groups.set(group, reigns);
    const known = reigns.get(term);
    // Whoever was seen first: two leaders of one term are for another checker to report.
    if (known === undefined || time < known.since) {
      const sightings = known?.leader === leader ? known.sightings : [];
      reigns.set(term, {
        group,
        term,
        leader,
        since: time,
        lastSeen: Math.max(time, known?.lastSeen ?? time),
        sightings,
      });
    } else if (known.leader === leader) known.lastSeen = Math.max(known.lastSeen, time);
  };
  for (const { node, role, term, group, time } of sightingsOf(history)) {
    if (role !== 'leader') continue;
    seen(group, term, node, time);
    const reign = groups.get(group)?.get(term);
    if (reign?.leader === node) reign.sightings.push(time);
  }
  for (let row = 0; row < history.length; row++) {
    const term = writeTerm(history, row);
    if (term === undefined || history.node[row] === NONE || ROLES[history.role[row]] !== 'leader') continue;
    seen(history.groups[history.versionGroup[row]], term, history.nodes[history.node[row]], history.retTime[row]);
  }
  return [...groups.values()].map((reigns) => [...reigns.values()].sort((a, b) => a.term - b.term));
}

interface Told {
  readonly row: number;
  readonly told: Instant;
}

/** Acknowledged writes whose answers tell a node and no term: those of nodes that say they led, as they were told, and the rest. */
function untermed(history: History): {
  readonly byLeaders: ReadonlyMap<NodeId, readonly Told[]>;
  readonly others: readonly number[];
} {
  const byLeaders = new Map<NodeId, Told[]>();
  const others: number[] = [];
  for (let row = 0; row < history.length; row++) {
    const method = METHODS[history.f[row]];
    if (method === 'read' || method === 'poll' || history.outcome[row] !== OK || history.node[row] === NONE) continue;
    if (writeTerm(history, row) !== undefined) continue;
    const role: string | undefined = ROLES[history.role[row]];
    if (role === undefined) others.push(row);
    if (role !== 'leader') continue;
    const node = history.nodes[history.node[row]];
    const told = { row, told: history.retTime[row] };
    const list = byLeaders.get(node);
    if (list === undefined) byLeaders.set(node, [told]);
    else list.push(told);
  }
  for (const list of byLeaders.values()) list.sort((a, b) => a.told - b.told);
  return { byLeaders, others };
}

/** A time of one node between two sightings of it as leader, or up to the first, or from the last. */
interface Span {
  readonly from: Instant;
  readonly until: Instant;
  /** The terms on both sides; none before the first sighting and after the last. */
  readonly before?: number;
  readonly after?: number;
  /** When it did not lead: it was down, or seen to follow. */
  readonly away: readonly { readonly from: Instant; readonly until: Instant }[];
}

function leaderships(
  claims: readonly Claim[],
  lives: readonly { readonly time: Instant; readonly up: boolean }[],
): readonly Span[] {
  const following = claims.flatMap(({ role, time }, i) =>
    role === 'follower'
      ? [{ from: Math.max(time - SIGHTING_NS, claims[i - 1]?.time ?? Number.NEGATIVE_INFINITY), until: time }]
      : [],
  );
  const down = lives.flatMap(({ time, up }, i) =>
    up ? [] : [{ from: time, until: lives[i + 1]?.time ?? Number.POSITIVE_INFINITY }],
  );
  const leading = claims.filter(({ role }) => role === 'leader');
  return [...leading.keys(), leading.length].map((i): Span => {
    const [before, after]: (Claim | undefined)[] = [leading[i - 1], leading[i]];
    const from = before?.time ?? Number.NEGATIVE_INFINITY;
    const until = after?.time ?? Number.POSITIVE_INFINITY;
    // A node that went down and came back may lead on, but one that was seen in no other term did not lead in one.
    const away = before === undefined || after === undefined ? following : [...following, ...down];
    return {
      from,
      until,
      ...(before !== undefined && { before: before.term }),
      ...(after !== undefined && { after: after.term }),
      away: away.filter((one) => one.until > from && one.from < until),
    };
  });
}

/** How many of a node's writes within a span belong to the term before it. A side without a sighting is an endless pause. */
function countBefore(writes: readonly Told[], { from, until, before, after, away }: Span): number {
  if (before === after) return writes.length;
  const pauses = [...writes.keys(), writes.length].map((i) => {
    const [begin, end] = [writes[i - 1]?.told ?? from, writes[i]?.told ?? until];
    return { i, length: end - begin, isAway: away.some((one) => one.from < end && one.until > begin) };
  });
  const possible = pauses.some(({ isAway }) => isAway) ? pauses.filter(({ isAway }) => isAway) : pauses;
  return possible.reduce((longest, one) => (one.length > longest.length ? one : longest)).i;
}
