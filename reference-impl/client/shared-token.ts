/**
 * A token that all devices of a user share, kept in the store itself under the user's name. Each write adds itself to it
 * before its caller is told; each read first fetches it from the leader, and then waits for it at a follower.
 */
import { groupName, groupOf } from '../core/slots.ts';
import type { GroupId, Position, Token, Value } from '../core/types.ts';
import type { Answered } from './answers.ts';
import { doubt } from './errors.ts';
import { seenKey } from './keys.ts';
import type { Repeats } from './repeats.ts';
import { covers, later, merged } from './session.ts';
import { isUndone, type Means, readAt, readBehind, type Strategy } from './strategies.ts';

export interface SharedTokenOptions {
  readonly user: string;
  readonly groups: number;
  readonly repeats: Repeats;
}

export function sharedToken(means: Means, { user, groups, repeats }: SharedTokenOptions): Strategy {
  const key = seenKey(user);
  const home: GroupId = groupName(groupOf(key, groups));
  const { calls, session } = means;
  /** What the store was last known to hold: what a cas expects. */
  let held: Value = null;

  async function fetch(deadlineMs: number): Promise<Token> {
    const answer = await readAt(means, 'leader', { keys: [key], group: home, deadlineMs, target: 'leader' });
    held = answer.values[0];
    return decoded(held);
  }

  /** Replaces the token by what `change` makes of it, until nothing needs changing. */
  async function update(change: (token: Token) => Token | undefined, deadlineMs: number): Promise<void> {
    for (;;) {
      const next = change(decoded(held));
      if (next === undefined) return;
      const value = encoded(next);
      const origin = repeats.next(home);
      const answer = (await calls.ask({
        body: { type: 'cas', ack: 'quorum-ack', key, expected: held, next: value, ...(origin && { origin }) },
        target: 'leader',
        group: home,
        deadlineMs,
      })) as Answered<'written' | 'mismatch'>; // a cas is answered by nothing else
      held = answer.type === 'written' ? value : answer.actual;
    }
  }

  return {
    async read(keys, group, deadlineMs) {
      const shared = placeIn(await fetch(deadlineMs), group);
      try {
        return await readBehind(means, { keys, group, deadlineMs, target: 'follower' }, () => ({
          token: later(session.token(group), shared),
          floor: session.firm(group),
        }));
      } catch (error) {
        // What a failover undid would keep all devices waiting for ever.
        if (shared !== undefined && isUndone(error)) {
          await update((token) => without(token, group, shared), deadlineMs).catch(() => undefined);
        }
        throw error;
      }
    },

    async wrote(group, { term, index }, deadlineMs) {
      const part: Token = [{ group, term, index }];
      try {
        await update((token) => (covers(token, part) ? undefined : merged(token, part)), deadlineMs);
      } catch (error) {
        // The write stands, but another device might not see it: to say ok would promise too much.
        throw doubt(`TOKEN_NOT_SHARED: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}

function placeIn(token: Token, group: GroupId): Position | undefined {
  const part = token.find((candidate) => candidate.group === group);
  return part && { term: part.term, index: part.index };
}

/** Undefined: the undone place is not in it (any more). */
function without(token: Token, group: GroupId, { term, index }: Position): Token | undefined {
  const left = token.filter((part) => part.group !== group || part.term !== term || part.index !== index);
  return left.length === token.length ? undefined : left;
}

function encoded(token: Token): Value {
  return token.map(({ group, term, index }) => [group, term, index]);
}

/** Whatever is no token is none: the key is the client's own, but the store does not know that. */
function decoded(value: Value): Token {
  if (!Array.isArray(value)) return [];
  return value.flatMap((part: Value) => {
    if (!Array.isArray(part)) return [];
    const [group, term, index] = part as readonly Value[];
    return typeof group === 'string' && typeof term === 'number' && typeof index === 'number'
      ? [{ group, term, index }]
      : [];
  });
}
