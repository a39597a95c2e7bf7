/**
 * All devices of a user are sent to one node of the user's region, which is told of each write of the user before the
 * caller is, and lets the user's reads wait for what it was told. When that node will not serve, the leader is asked; what
 * the user has seen there is told to the node as well, so that no later read falls behind it.
 */
import type { GroupId, NodeId, Position } from '../core/types.ts';
import type { Answered } from './answers.ts';
import { doubt, refusal, RefusedByStore } from './errors.ts';
import { precedes } from './session.ts';
import { isUndone, type Means, readAt, type Strategy } from './strategies.ts';

export interface RegionOptions {
  readonly user: string;
  /** The one node that serves this user. */
  readonly node: NodeId;
}

/** How much of the time the region's node has before the leader is asked. */
const NODE_SHARE = 0.5;

export function region(means: Means, { user, node }: RegionOptions): Strategy {
  const { calls, session } = means;
  const target = { node };

  async function note(group: GroupId, { term, index }: Position, deadlineMs: number): Promise<void> {
    await calls.ask({ body: { type: 'note', user, token: { group, term, index } }, target, group, deadlineMs });
  }

  return {
    async read(keys, group, deadlineMs) {
      const now = means.nowMs();
      const half = now + (deadlineMs - now) * NODE_SHARE;
      try {
        const answer = await readAt(means, 'region', { keys, group, deadlineMs: half, target }, { user });
        const firm = session.firm(group);
        if (firm === undefined || !precedes(answer.position, firm)) {
          session.sawState(group, answer.position);
          return answer;
        }
      } catch (error) {
        if (!(error instanceof RefusedByStore) || error.code === 'CLOSED' || error.code === 'CANCELLED') throw error;
        if (isUndone(error)) {
          // The caller is told so; the node is told of something newer, lest it wait for ever for what is gone.
          const { position } = await readAt(means, 'leader', { keys, group, deadlineMs, target: 'leader' });
          await note(group, position, deadlineMs);
          throw error;
        }
      }
      const answer: Answered<'read'> = await readAt(means, 'leader', { keys, group, deadlineMs, target: 'leader' });
      session.sawState(group, answer.position);
      await note(group, answer.position, deadlineMs).catch(() => {
        throw refusal('CONNECTION_REFUSED');
      });
      return answer;
    },

    async wrote(group, version, deadlineMs) {
      await note(group, version, deadlineMs).catch((error: unknown) => {
        // The write stands, but its own region might not show it: to say ok would promise too much.
        throw doubt(`NOT_NOTED: ${error instanceof Error ? error.message : String(error)}`);
      });
    },
  };
}
