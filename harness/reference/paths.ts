/** The ways of writing and reading that the reference store offers. */
import { boundMsOf } from '../../history/guarantee.ts';
import type { Path } from '../system.ts';

export const writePaths: readonly [Path, ...Path[]] = [
  { name: 'leader-ack', about: 'acknowledged once the leader has it on disk (asynchronous)', thread: 'session' },
  { name: 'quorum-ack', about: 'acknowledged once a quorum has it on disk: committed', thread: 'session' },
  { name: 'all-ack', about: 'acknowledged once every voter has it on disk (synchronous)', thread: 'session' },
  { name: 'all-applied', about: 'acknowledged once every voter serves it to readers', thread: 'session' },
];

/** Paths that say what they say about reads whatever the writes did: one write path is enough to try them. */
const strategy = { byDefaultWith: ['quorum-ack'] } as const;

export const readPaths: readonly [Path, ...Path[]] = [
  { name: 'leader', about: 'read index: the leader asks a quorum whether it still leads', thread: 'session' },
  {
    name: 'leader-lease',
    about: 'the leader, by a lease that holds while clocks drift no more than is stated',
    thread: 'session',
  },
  {
    name: 'follower-linearizable',
    about: "a follower, once it has what the leader's read index says",
    thread: 'session',
  },
  { name: 'follower', about: "a follower's committed state, however old", thread: 'session' },
  { name: 'local', about: "any node's log, uncommitted entries included", thread: 'session', uncommitted: true },
  { name: 'follower+token', about: 'a follower, once it has what this device has read and written', thread: 'device' },
  { ...bounded('bounded-500ms'), about: 'a follower, no more than 500 ms behind; likewise bounded-<n>ms for any n' },
  { ...bounded('bounded-2000ms'), ...strategy },
  { ...strategy, name: 'monotonic', about: 'a follower, once it has what this device has read', thread: 'device' },
  {
    ...strategy,
    name: 'follower+timestamp',
    about: "a follower, once it has a write stamped no earlier than this device's latest, by leaders' wall clocks",
    thread: 'device',
  },
  {
    ...strategy,
    name: 'own-leader',
    about: 'keys that this device has written from the leader, others from a follower',
    thread: 'device',
  },
  {
    ...strategy,
    name: 'leader-window',
    about: 'the leader for a window after a write of this device, then a follower no further behind than the window',
    thread: 'device',
  },
  {
    ...strategy,
    name: 'shared-token',
    about: 'a follower, once it has what all devices of the user have written, by a token kept in the store',
    thread: 'session',
  },
  {
    ...strategy,
    name: 'region',
    about: 'one node for all devices of a user, once it has what it was told that they have seen',
    thread: 'session',
  },
];

/** `bounded-<n>ms`, for any whole number of milliseconds. */
export function readPathNamed(name: string): Path | undefined {
  return (boundMsOf(name) ?? 0) > 0 ? bounded(name) : undefined;
}

function bounded(name: string): Path {
  const boundMs = boundMsOf(name);
  if (boundMs === undefined) throw new Error(`${name} states no bound`);
  return { name, about: `a follower, no more than ${boundMs} ms behind`, thread: 'session', boundMs };
}
