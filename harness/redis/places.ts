/** Places in Redis's replication streams: a replication id and an offset in it. */
import type { Position } from '../../history/operation.ts';

export interface Info {
  readonly isMaster: boolean;
  readonly id: string;
  /** How far this node has got. */
  readonly offset: number;
  /** The stream that it followed before its present one, and where that one begins. */
  readonly before: string;
  readonly from: number;
  readonly fields: ReadonlyMap<string, string>;
}

/** What `INFO replication` says. */
export function infoOf(text: string): Info {
  const fields = new Map(
    text.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  const isMaster = fields.get('role') === 'master';
  return {
    isMaster,
    id: fields.get('master_replid') ?? '',
    offset: isMaster ? number('master_repl_offset') : number('slave_repl_offset'),
    before: fields.get('master_replid2') ?? '',
    from: number('second_repl_offset'),
    fields,
  };
}

export function place({ id, offset }: Info): Position {
  return { group: 'redis', history: id, at: offset };
}

/** A place that a session has seen. */
export interface Mark {
  readonly id: string;
  readonly offset: number;
}

/** `undone`: its stream ended before that place. `unknown`: nothing here tells. */
export function covers(info: Info, mark: Mark): 'yes' | 'not yet' | 'undone' | 'unknown' {
  if (info.id === mark.id) return info.offset >= mark.offset ? 'yes' : 'not yet';
  if (info.before !== mark.id) return 'unknown';
  // Where one stream goes on as another, everything before that place is in both.
  if (mark.offset >= info.from) return 'undone';
  return info.offset >= mark.offset ? 'yes' : 'not yet';
}
