/** When whoever led was down, paused or silent, and nobody took its place: no failover tells of that. */
import { SECOND } from '../../history/clock.ts';
import type { RunRecord, StandingRecord } from '../../results/record.ts';

export interface Absence {
  readonly node: string;
  /** `paused`, as in "n1 was paused". */
  readonly how: string;
  readonly from: number;
  readonly until: number;
}

/** Levers under which a node does nothing, and what it then is. */
const AWAY: Readonly<Record<string, string>> = {
  kill: 'killed',
  stop: 'stopped',
  pause: 'paused',
  cutPower: 'without power',
};

/** A pause that is shorter than this is not seen in what nodes say of themselves. */
const SILENT_NS = 2 * SECOND;

/** In order of time. What pulled levers tell comes before what nodes were seen to be meanwhile: it is exact. */
export function absencesOf({ standings = [], pulls = [] }: Pick<RunRecord, 'standings' | 'pulls'>): readonly Absence[] {
  const pulled = pulls.flatMap(({ lever, nodes, from, until }) =>
    nodes
      .filter((node) => AWAY[lever] !== undefined && led(standings, node, from))
      .map((node): Absence => ({ node, how: AWAY[lever], from, until })),
  );
  const isToldOf = ({ node, from, until }: StandingRecord): boolean =>
    pulled.some((one) => one.node === node && one.from <= until && from <= one.until + SILENT_NS);
  const seen = standings
    .filter((one) => isAway(one) && led(standings, one.node, one.from, one.group) && !isToldOf(one))
    .map(({ node, role, from, until }): Absence => ({ node, how: role, from, until }));
  return [...pulled, ...seen].sort((a, b) => a.from - b.from);
}

function isAway({ role }: StandingRecord): boolean {
  return role === 'down' || role === 'silent';
}

/**
 * Whether the last that a node said of itself up to a moment was that it leads; of any group if none is named. Who is paused again before
 * it was asked has not said it anew; and as nobody took its place, it still leads.
 */
function led(standings: readonly StandingRecord[], node: string, at: number, group?: string): boolean {
  const said = standings.filter(
    (one) => one.node === node && !isAway(one) && one.from <= at && (group ?? one.group) === one.group,
  );
  const groups = new Set(said.map((one) => one.group));
  return [...groups].some((name) => {
    const last = said.filter((one) => one.group === name).reduce((a, b) => (b.from > a.from ? b : a));
    return last.role === 'leader';
  });
}
