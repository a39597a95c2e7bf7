/**
 * Places in MariaDB's replication: global transaction ids, `domain-server-sequence`. There is one domain here, in which sequence
 * numbers grow by one with each transaction, whoever was primary; so that a place is a sequence number, and the same one may stand
 * for two transactions only where two servers have gone different ways.
 */

/** The last sequence number of a position such as `0-1-105`; 0: nothing happened yet. Throws for one of several domains. */
export function sequenceOf(position: string | null | undefined): number {
  if (position === null || position === undefined || position === '') return 0;
  const match = /^(\d+)-(\d+)-(\d+)$/.exec(position);
  if (match === null) throw new Error(`'${position}' is not the position of one domain`);
  const sequence = Number(match[3]);
  if (!Number.isSafeInteger(sequence)) throw new Error(`'${position}' is beyond what numbers hold here`);
  return sequence;
}

/** Where one primary took over from another: its term, who it is, and the last that it had by then. */
export interface Turn {
  readonly term: number;
  readonly node: string;
  readonly at: number;
}

/** `1:n1:0,2:n3:104`: the turns that a server has had word of, oldest first. */
export function turnsOf(text: string | null): readonly Turn[] {
  if (text === null || text === '') return [];
  return text.split(',').map((one) => {
    const [term, node, at] = one.split(':');
    return { term: Number(term), node, at: Number(at) };
  });
}

/** A server's history: the turns it has had, and how far it has got. */
export interface Course {
  readonly turns: readonly Turn[];
  readonly at: number;
}

export function termOf({ turns }: Pick<Course, 'turns'>): number {
  return turns.at(-1)?.term ?? 0;
}

/**
 * Whether all that one server has is in another one's history too. It is not where it went on after the other one's had turned from
 * its own.
 */
export function isPartOf(one: Course, whole: Course): boolean {
  const name = ({ term, node, at }: Turn): string => `${term}:${node}:${at}`;
  const shared = new Set(whole.turns.map(name));
  if (one.turns.some((turn) => !shared.has(name(turn)))) return false;
  const turned = whole.turns.find(({ term }) => term > termOf(one));
  return one.at <= (turned?.at ?? whole.at);
}
