import { interpret } from '../reference/interpret.ts';
import { connect, position } from '../reference/adapt.ts';
import { operate, statusesOf } from '../reference/operate.ts';
import { readPathNamed, readPaths, writePaths } from '../reference/paths.ts';
import { promises, promisesOfWrites, suspends } from '../reference/promises.ts';
import { cannot, clientSettings, clockDriftPpmMax, nodeSpec, settings } from '../reference/settings.ts';
import type { System } from '../system.ts';
import { groupName, groupOf } from '../../reference-impl/core/slots.ts';
import { storedKey } from '../../reference-impl/client/keys.ts';

/** The store that this project ships; harness/reference/ is what it is made of. */
export default {
  name: 'reference',
  about: "Tidemark's own leader/follower store",
  methods: ['read', 'readMany', 'write', 'cas'],
  readPaths,
  readPathNamed,
  writePaths,
  strongestReadPath: 'leader',
  stateReadPath: 'follower',
  settings,
  promises,
  promisesOfWrites,
  always: ['convergent', 'one-leader-per-term'],
  clockDriftPpmMax,
  suspends,
  cannot,
  operate,
  node: (_self, nodes, chosen) => nodeSpec(nodes, chosen),
  connect: (cluster, options, chosen) => Promise.resolve(connect(cluster, options, chosen)),
  partOf: (key, chosen) => groupName(groupOf(storedKey(key), clientSettings(chosen).groups)),
  interpret,

  async sight(cluster, node) {
    return (await statusesOf(cluster, node)).map(({ group, role, term, commit, applied, members }) => ({
      node,
      role,
      term,
      commit: position(group, commit),
      applied: position(group, applied),
      members: [...members.voters, ...members.learners],
    }));
  },
} satisfies System;
