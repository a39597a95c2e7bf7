/**
 * What a careful operator of MariaDB does next, from what all servers say of themselves and what was seen before: no I/O, no clock.
 *
 * - Before a replica takes over, the old primary is ended, so that no two take writes.
 * - A replica takes over only where all other servers answer and each has, in its present life, had all that the primary had: so the
 *   one that has received most has all that was acknowledged by any of them. MariaDB throws a replica's relay log away when that
 *   starts, applied or not; one that was just started has nothing to say about what it had acknowledged.
 * - Until then it waits for the old primary, which it has started again where that hangs.
 * - Who has what the primary has not is made anew from that one's data; everybody else follows it from where he is.
 */
import { SECOND } from '../../history/clock.ts';
import type { Instant, NodeId } from '../../history/operation.ts';
import { isPartOf, termOf } from './gtid.ts';
import type { Self } from './sight.ts';

/** How many looks in a row, at the least, find a primary silent, or heard by no replica, before anything is done about it. */
export const LOOKS = 3;
/** … and how long. */
export const SILENT_NS = 1.5 * SECOND;
/** … where nobody can take its place. */
export const HUNG_NS = 4 * SECOND;

export type Selves = ReadonlyMap<NodeId, Self>;

export type Deed =
  /** Somebody else takes its place. */
  | { readonly do: 'replace'; readonly node: NodeId; readonly why: string }
  /** It hangs, and only it has everything. */
  | { readonly do: 'restart'; readonly node: NodeId; readonly why: string }
  /** It takes writes again. */
  | { readonly do: 'reopen'; readonly node: NodeId }
  /** It takes writes beside another one. */
  | { readonly do: 'end'; readonly node: NodeId; readonly why: string }
  | { readonly do: 'follow'; readonly node: NodeId; readonly primary: NodeId }
  | { readonly do: 'copy'; readonly node: NodeId; readonly primary: NodeId; readonly why: string };

/** What is remembered from one look to the next. */
export interface Memory {
  readonly nodes: readonly NodeId[];
  readonly primary: NodeId;
  /** When it was last as it should be. */
  readonly well: Instant;
  /** In how many looks in a row it was not. */
  readonly ill: number;
  /** What it had at the look before. */
  readonly at: number;
  /** The life in which a replica has had all that the primary had at the look before. */
  readonly complete: ReadonlyMap<NodeId, string>;
  /** The highest that anybody has named. */
  readonly term: number;
}

export function firstMemory(nodes: readonly NodeId[], now: Instant): Memory {
  return { nodes, primary: nodes[0], well: now, ill: 0, at: 0, complete: new Map(), term: 0 };
}

export function noted(before: Memory, selves: Selves, now: Instant): Memory {
  const term = Math.max(before.term, ...[...selves.values()].map(termOf));
  const found = primariesOf(selves)[0];
  // Where nobody answers at all it may be for whoever asks.
  const saysMuch = selves.size > 0 || before.nodes.length === 1;
  if (found === undefined) return { ...before, ill: before.ill + (saysMuch ? 1 : 0), term };
  const [primary, { address, at }] = found;
  const isNew = primary !== before.primary;
  const complete = new Map(isNew ? [] : before.complete);
  const hearing = [...selves].filter(([, { follows }]) => follows?.address === address && follows.hears);
  for (const [node, { received, life }] of hearing) if (received >= (isNew ? at : before.at)) complete.set(node, life);
  const isWell = isNew || hearing.length > 0 || selves.size < before.nodes.length;
  return { ...before, primary, ...(isWell ? { well: now, ill: 0 } : { ill: before.ill + 1 }), at, complete, term };
}

/** From here on only it may take writes, whether it was seen doing so or not. */
export function promoted(before: Memory, primary: NodeId, at: number, now: Instant): Memory {
  return { ...before, primary, well: now, ill: 0, at, complete: new Map(), term: before.term + 1 };
}

/** A primary that was started, or takes writes again, has time until it is as it should be. */
export function allowed(before: Memory, now: Instant): Memory {
  return { ...before, well: now, ill: 0 };
}

/** Of one that is told to follow: what it had received and not applied is gone. */
export function resumed(before: Memory, node: NodeId): Memory {
  return { ...before, complete: new Map([...before.complete].filter(([one]) => one !== node)) };
}

function primariesOf(selves: Selves): readonly (readonly [NodeId, Self])[] {
  return [...selves].filter(([, { open }]) => open).sort(([, a], [, b]) => termOf(b) - termOf(a));
}

/** Who may take the primary's place without a loss of what was acknowledged; undefined: nobody yet. */
export function successor({ nodes, primary, complete }: Memory, selves: Selves): NodeId | undefined {
  const rest = nodes.filter((node) => node !== primary);
  if (rest.some((node) => !selves.has(node) || selves.get(node)?.life !== complete.get(node))) return undefined;
  const received = (node: NodeId): number => selves.get(node)?.received ?? 0;
  return [...rest].sort((a, b) => received(b) - received(a)).at(0);
}

export function decide(memory: Memory, selves: Selves, now: Instant): readonly Deed[] {
  const { primary, well, ill } = memory;
  const isLate = (ns: number): boolean => ill >= LOOKS && now - well > ns;
  const replaces = isLate(SILENT_NS) && successor(memory, selves) !== undefined;
  const [found, ...others] = primariesOf(selves);
  if (found === undefined) {
    const self = selves.get(primary);
    // It was started again, and nobody took its place.
    if (self !== undefined && self.follows === undefined) return [{ do: 'reopen', node: primary }];
    const why = 'does not answer';
    if (replaces) return [{ do: 'replace', node: primary, why }];
    return self === undefined && isLate(HUNG_NS) ? [{ do: 'restart', node: primary, why }] : [];
  }
  if (replaces) return [{ do: 'replace', node: primary, why: 'is heard by no replica' }];
  return [
    ...others.map(([node]): Deed => ({ do: 'end', node, why: `takes writes, and ${found[0]} is primary` })),
    ...[...selves].flatMap(([node, self]) => (self.open ? [] : attached(node, self, found))),
  ];
}

function attached(node: NodeId, self: Self, [primary, whole]: readonly [NodeId, Self]): readonly Deed[] {
  const copy = (why: string): readonly Deed[] => [{ do: 'copy', node, primary, why }];
  const { follows } = self;
  if (follows?.address === whole.address) {
    if (follows.broken !== undefined) return copy(follows.broken);
    return follows.stopped === true ? [{ do: 'follow', node, primary }] : [];
  }
  if (self.at === 0 && whole.at > 0) return copy('has nothing');
  return isPartOf(self, whole) ? [{ do: 'follow', node, primary }] : copy(`has what ${primary} has not`);
}
