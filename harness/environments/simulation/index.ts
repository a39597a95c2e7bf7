/** The default environment: a cluster simulated from one seed, in virtual time. It needs nothing but Node. */
import { Groups, type GroupsConfig } from '../../../reference-impl/core/groups.ts';
import { Replica } from '../../../reference-impl/core/replica.ts';
import type { NodeId } from '../../../reference-impl/core/types.ts';
import type { Environment } from '../environment.ts';
import { settings } from './settings.ts';
import { type Program, Simulation } from './simulation.ts';

/** The options of program `tidemark-store`, as harness/systems/reference.ts gives them. */
type StoreOptions = Omit<GroupsConfig, 'id' | 'voters' | 'groups'> & {
  /** All nodes; those that are not learners begin as voters. */
  readonly nodes: readonly NodeId[];
  /** 1 if not given. */
  readonly groups?: number;
  /** The shell's. */
  readonly snapshotEntries?: number;
};

const store: Program = (id, options, { durables, nowMs, out }) => {
  const { nodes, groups = 1, snapshotEntries: _, ...rest } = options as unknown as StoreOptions; // checked by the system that wrote them
  const learners = rest.learners ?? [];
  const config = { ...rest, id, learners, voters: nodes.filter((node) => !learners.includes(node)) };
  // One group needs no bundles.
  return groups === 1
    ? new Replica(config, durables[0], nowMs, out)
    : new Groups({ ...config, groups }, durables, nowMs, out);
};

export const programs = { 'tidemark-store': store } as const satisfies Readonly<Record<string, Program>>;

export default {
  name: 'simulation',
  about: 'a cluster in virtual time, decided by one seed; needs nothing but Node',
  settings,
  deploy: async (nodes, options) => new Simulation(nodes, options, programs),
} satisfies Environment;
