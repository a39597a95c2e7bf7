/** The default environment: a cluster simulated from one seed, in virtual time. It needs nothing but Node. */
import { Replica } from '../../../reference-impl/core/replica.ts';
import type { NodeId, ReplicaConfig } from '../../../reference-impl/core/types.ts';
import type { Environment } from '../environment.ts';
import { settings } from './settings.ts';
import { type Program, Simulation } from './simulation.ts';

/** The options of program `tidemark-store`, as harness/systems/reference.ts gives them; shell-options.ts reads some more. */
type StoreOptions = Omit<ReplicaConfig, 'id' | 'voters'> & { readonly nodes: readonly NodeId[] };

const store: Program = (id, options, { durables, nowMs, out }) => {
  const { nodes, ...config } = options as unknown as StoreOptions; // checked by the system that wrote them
  const learners = config.learners ?? [];
  const voters = nodes.filter((node) => !learners.includes(node));
  return new Replica({ ...config, id, voters }, durables[0], nowMs, out);
};

export const programs = { 'tidemark-store': store } as const satisfies Readonly<Record<string, Program>>;

export default {
  name: 'simulation',
  about: 'a cluster in virtual time, decided by one seed; needs nothing but Node',
  settings,
  deploy: async (nodes, options) => new Simulation(nodes, options, programs),
} satisfies Environment;
