/**
 * The read paths as a client takes them: whom to ask, for what, and what to do besides. Those of the store itself (its
 * PROTOCOL.md, "Reads") pass through; those for reading one's own writes are made of them.
 */
import type { GroupId, Key, Position, ReadPath, ReadRequest } from '../core/types.ts';
import type { Answered } from './answers.ts';
import type { Calls } from './calls.ts';
import { RefusedByStore } from './errors.ts';
import type { Target } from './routes.ts';
import { precedes, type Session } from './session.ts';

/** As long as there is time: {@link Calls} sees to it that some is left to ask another node. */
const AS_LONG_AS_THERE_IS = 3_600_000;

export interface Strategy {
  /** Keys as they are stored, all of one group. */
  read(keys: readonly Key[], group: GroupId, deadlineMs: number): Promise<Answered<'read'>>;
  /** What must happen after a write was acknowledged before its caller may be told; undefined: nothing. */
  wrote?(group: GroupId, version: Position, deadlineMs: number): Promise<void>;
  /** A write is about to be sent. */
  writes?(key: Key): void;
}

export interface Means {
  readonly calls: Calls;
  readonly session: Session;
  nowMs(): number;
}

/** Asks one of the store's own read paths. */
export function readAt(
  { calls }: Means,
  path: ReadPath,
  at: { readonly keys: readonly Key[]; readonly group: GroupId; readonly deadlineMs: number; readonly target: Target },
  needs: Pick<ReadRequest, 'token' | 'notBeforeMs' | 'boundMs' | 'user'> = {},
): Promise<Answered<'read'>> {
  const { keys, group, deadlineMs, target } = at;
  const waitMs = path === 'follower' || path === 'local' ? 0 : AS_LONG_AS_THERE_IS;
  const body: ReadRequest = { type: 'read', path, keys, waitMs, ...needs };
  return calls.ask({ body, target, group, deadlineMs }) as Promise<Answered<'read'>>; // a read is answered by nothing else
}

/** Nothing but what the store offers: `leader`, `leader-lease`, `follower-linearizable`, `follower`, `local`. */
export function plain(means: Means, path: ReadPath): Strategy {
  const target: Target =
    path === 'leader' || path === 'leader-lease' ? 'leader' : path === 'local' ? 'any' : 'follower';
  return { read: (keys, group, deadlineMs) => readAt(means, path, { keys, group, deadlineMs, target }) };
}

/** A follower, no older than this. */
export function bounded(means: Means, boundMs: number): Strategy {
  return {
    read: (keys, group, deadlineMs) =>
      readAt(means, 'bounded', { keys, group, deadlineMs, target: 'follower' }, { boundMs }),
  };
}

/** A follower, once it has a write stamped no earlier than the session's latest. Leaders' clocks are apart: it may lie. */
export function timestamp(means: Means): Strategy {
  return {
    read(keys, group, deadlineMs) {
      const { stampMs } = means.session;
      const at = { keys, group, deadlineMs, target: 'follower' } as const;
      return stampMs === undefined
        ? readAt(means, 'follower', at)
        : readAt(means, 'follower+timestamp', at, { notBeforeMs: stampMs });
    },
  };
}

/** What this device has written, from the leader; the rest from a follower. */
export function ownLeader(means: Means): Strategy {
  const { session } = means;
  return {
    read(keys, group, deadlineMs) {
      return session.owns(keys)
        ? readAt(means, 'leader', { keys, group, deadlineMs, target: 'leader' })
        : readAt(means, 'follower', { keys, group, deadlineMs, target: 'follower' });
    },
    writes: (key) => session.writes(key),
  };
}

/**
 * Everything from the leader while the latest write is younger than the window; then from a follower that is no further
 * behind than the window, so that it has the write.
 */
export function leaderWindow(means: Means, windowMs: number): Strategy {
  const { session } = means;
  return {
    read(keys, group, deadlineMs) {
      const { wroteAtMs } = session;
      const inWindow = wroteAtMs !== undefined && means.nowMs() - wroteAtMs <= windowMs * (1 + CLIENT_DRIFT);
      return inWindow
        ? readAt(means, 'leader', { keys, group, deadlineMs, target: 'leader' })
        : readAt(means, 'bounded', { keys, group, deadlineMs, target: 'follower' }, { boundMs: windowMs });
    },
  };
}

/** The client's own clock may run this much fast. */
const CLIENT_DRIFT = 0.01;

/** A follower, once it has what the session has read (`read`), or read and written (`all`). */
export function withToken(means: Means, of: 'read' | 'all'): Strategy {
  const { session } = means;
  return {
    read: (keys, group, deadlineMs) =>
      readBehind(means, { keys, group, deadlineMs, target: 'follower' }, () =>
        of === 'all'
          ? { token: session.token(group), floor: session.firm(group) }
          : { token: session.read(group), floor: session.read(group) },
      ),
  };
}

interface Bounds {
  /** What the node is to wait for. */
  readonly token: Position | undefined;
  /** What the answer must not be behind: a token that was lost with its leader says nothing of what lay before it. */
  readonly floor: Position | undefined;
}

/** A read that waits for a token, and never goes back behind what was read before. */
export async function readBehind(
  means: Means,
  at: Parameters<typeof readAt>[2],
  bounds: () => Bounds,
): Promise<Answered<'read'>> {
  const { calls, session } = means;
  for (;;) {
    const { token, floor } = bounds();
    let answer: Answered<'read'>;
    try {
      answer = await readAt(means, 'follower+token', at, token === undefined ? {} : { token });
    } catch (error) {
      // Gone for good, and the caller is told so: further reads can only be asked to see what is left.
      if (token !== undefined && isUndone(error)) session.forget(at.group, token);
      throw error;
    }
    if (floor === undefined || !precedes(answer.position, floor)) {
      session.sawState(at.group, answer.position);
      return answer;
    }
    await calls.pause(at.deadlineMs, 'OFFSET_NOT_AVAILABLE');
  }
}

export function isUndone(error: unknown): boolean {
  return error instanceof RefusedByStore && error.code === 'TOKEN_UNDONE';
}
