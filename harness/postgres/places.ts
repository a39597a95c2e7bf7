/**
 * Places in PostgreSQL's write-ahead log: a timeline, and bytes in it. A promotion ends one timeline and begins the next, which
 * shares all that was before its beginning; each server has the whole descent of its own in a history file.
 */

export interface Place {
  readonly timeline: number;
  readonly at: number;
}

/** `16/B374D848` as a number of bytes; exact up to 8 PiB. */
export function lsn(text: string): number {
  const [high, low] = text.split('/');
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
}

/** Positive where `a` is further: a later timeline is, however short it is yet. */
export function compare(a: Place, b: Place): number {
  return a.timeline - b.timeline || a.at - b.at;
}

/** What a server says of itself. */
export interface Self extends Place {
  readonly recovering: boolean;
  /** On a standby: written by its receiver, or found in its own log; its end will be replayed before it is promoted. */
  readonly received: number;
  /** On a standby that is connected: the address that it receives from, which may be another standby's. */
  readonly from: string | undefined;
  /** Where the timelines before its own ended. */
  readonly descent: ReadonlyMap<number, number>;
}

/**
 * One statement, so that all is said at one time. A primary tells its timeline in the name of the segment that it writes; a standby in
 * what it receives, or in the names of what it has received.
 */
export const SELF = `select recovering, timeline, at::text, sender,
  greatest(written, pg_last_wal_receive_lsn(), at)::text as received,
  case when timeline > 1
    then pg_read_file('pg_wal/' || lpad(upper(to_hex(timeline)), 8, '0') || '.history', 0, 1000000, true) end as descent
from (
  select pg_is_in_recovery() as recovering, w.written_lsn as written, case w.status when 'streaming' then w.sender_host end as sender,
    case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0') else pg_current_wal_lsn() end as at,
    case when pg_is_in_recovery() then coalesce(w.received_tli,
        (select max(('x' || left(name, 8))::bit(32)::int) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'), 1)
      else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline
  from (select) one left join pg_stat_wal_receiver w on true
) said`;

export function selfOf(row: Readonly<Record<string, unknown>>): Self {
  const place = (value: unknown): number => (typeof value === 'string' ? lsn(value) : 0);
  const { descent, sender } = row;
  return {
    recovering: row['recovering'] === true,
    timeline: Number(row['timeline']),
    at: place(row['at']),
    received: place(row['received']),
    from: typeof sender === 'string' ? sender : undefined,
    descent: typeof descent === 'string' ? descentOf(descent) : new Map(),
  };
}

/** A history file: in each line a timeline, where it ended, and why; comments begin with `#`. */
export function descentOf(text: string): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  for (const line of text.split('\n')) {
    const found = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line);
    if (found !== null) ends.set(Number(found[1]), lsn(found[2]));
  }
  return ends;
}

/**
 * Whether the state of a server has all up to a place. `undone`: it never will, for its history parted from that one before it.
 * `unknown`: its own history is the older one, and does not tell.
 */
export function covers(self: Self, mark: Place): 'yes' | 'not yet' | 'undone' | 'unknown' {
  if (self.timeline < mark.timeline) return 'unknown';
  if (self.timeline > mark.timeline) {
    const end = self.descent.get(mark.timeline);
    if (end === undefined || mark.at > end) return 'undone';
  }
  return self.at >= mark.at ? 'yes' : 'not yet';
}

/**
 * Whether a standby can go on as a copy of a primary: nothing in its log is beyond where the primary's history left it. (On one timeline
 * it can: each primary begins one of its own.)
 */
export function canFollow(standby: Self, primary: Self): boolean {
  if (standby.timeline === primary.timeline) return true;
  const end = primary.descent.get(standby.timeline);
  return end !== undefined && standby.received <= end;
}
