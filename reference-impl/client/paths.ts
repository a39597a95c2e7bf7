/** The read paths by name. */
import type { NodeId, ReadPath } from '../core/types.ts';
import { region } from './region.ts';
import type { Repeats } from './repeats.ts';
import { sharedToken } from './shared-token.ts';
import {
  bounded,
  leaderWindow,
  type Means,
  ownLeader,
  plain,
  type Strategy,
  timestamp,
  withToken,
} from './strategies.ts';

export interface ReadPathOptions {
  /** The user whose devices `shared-token` and `region` keep together. */
  readonly user?: string;
  /** `region`: the node that serves all devices of this user. */
  readonly userNode?: NodeId;
  /** `leader-window`: how long after a write everything is read from the leader, ms; 1000 if not given. */
  readonly leaderWindowMs?: number;
}

const LEADER_WINDOW_MS = 1000;

/** The number in `bounded-<n>ms`; undefined: it is no such path. */
export function boundMsOf(path: string): number | undefined {
  const match = /^bounded-([1-9]\d{0,8})ms$/.exec(path);
  return match === null ? undefined : Number(match[1]);
}

/** Throws where there is no such path, or an option is missing that it needs. */
export function strategyNamed(
  path: string,
  means: Means,
  options: ReadPathOptions & { readonly groups: number; readonly repeats: Repeats },
): Strategy {
  const boundMs = boundMsOf(path);
  if (boundMs !== undefined) return bounded(means, boundMs);
  switch (path) {
    case 'leader':
    case 'leader-lease':
    case 'follower-linearizable':
    case 'follower':
    case 'local':
      return plain(means, path satisfies ReadPath);
    case 'follower+token':
      return withToken(means, 'all');
    case 'monotonic':
      return withToken(means, 'read');
    case 'follower+timestamp':
      return timestamp(means);
    case 'own-leader':
      return ownLeader(means);
    case 'leader-window':
      return leaderWindow(means, options.leaderWindowMs ?? LEADER_WINDOW_MS);
    case 'shared-token':
      return sharedToken(means, { ...options, user: given(options.user, path, 'user') });
    case 'region':
      return region(means, {
        user: given(options.user, path, 'user'),
        node: given(options.userNode, path, 'userNode'),
      });
    default:
      throw new Error(`no read path '${path}'`);
  }
}

function given(value: string | undefined, path: string, name: string): string {
  if (value === undefined) throw new Error(`the read path '${path}' needs '${name}'`);
  return value;
}
