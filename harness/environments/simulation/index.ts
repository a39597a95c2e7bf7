/** The default environment: a cluster simulated from one seed, in virtual time. It needs nothing but Node. */
import { Groups, type GroupsConfig } from '../../../reference-impl/core/groups.ts';
import { Replica } from '../../../reference-impl/core/replica.ts';
import type { NodeId } from '../../../reference-impl/core/types.ts';
import type { Environment } from '../environment.ts';
import { settings } from './settings.ts';
import { type Program, Simulation } from './simulation.ts';

/** The options of program `tidemark-store`, as harness/reference/settings.ts gives them. */
type StoreOptions = Omit<GroupsConfig, 'id' | 'voters' | 'groups' | 'spreadLeaders'> & {
  /** All nodes; those that are not learners begin as voters. */
  readonly nodes: readonly NodeId[];
  /** 1 if not given. */
  readonly groups?: number;
  /** Each group is to be led by its voter in turn; not if not given. */
  readonly spreadLeaders?: boolean;
  /** The shell's. */
  readonly snapshotEntries?: number;
};

const store: Program = (id, options, { durables, nowMs, out }) => {
  const given = options as unknown as StoreOptions; // checked by the system that wrote them
  const { nodes, groups = 1, spreadLeaders = false, snapshotEntries: _, ...rest } = given;
  const learners = rest.learners ?? [];
  const config = { ...rest, id, learners, voters: nodes.filter((node) => !learners.includes(node)) };
  if (groups > 1) return new Groups({ ...config, groups, spreadLeaders }, durables, nowMs, out);
  // One group needs no bundles.
  return new Replica(spreadLeaders ? { ...config, leaderTurn: 0 } : config, durables[0], nowMs, out);
};

export const programs = { 'tidemark-store': store } as const satisfies Readonly<Record<string, Program>>;

export default {
  name: 'simulation',
  about: 'a cluster in virtual time, decided by one seed; needs nothing but Node',
  settings,
  levers: ['cut', 'shape', 'kill', 'pause', 'clock', 'slowDisk', 'fillDisk', 'corruptDisk'],
  deploy: async (nodes, options) => new Simulation(nodes, options, programs),
} satisfies Environment;
