import { SECOND } from '../../history/clock.ts';
import { connect } from '../etcd/client.ts';
import { always, citation, promises, promisesOfWrites } from '../etcd/promises.ts';
import { lacks, sight } from '../etcd/sight.ts';
import { CLIENT, command } from '../etcd/spec.ts';
import { aboutImage, imageSetting } from '../stores/settings.ts';
import type { System } from '../system.ts';

const passedBy = 'etcd is a Go program, which asks the kernel itself and passes by the library that would do it';

/** harness/etcd/ is what it is made of. */
export default {
  name: 'etcd',
  about: `etcd, with pre-vote; ${aboutImage}`,
  environments: ['docker'],
  connectsFirst: true,
  methods: ['read', 'readMany', 'write', 'cas'],
  readPaths: [
    { name: 'linearizable', about: 'the leader, which asks a quorum whether it still leads', thread: 'session' },
    { name: 'serializable', about: 'a follower, whatever it has', thread: 'session', others: 1 },
    {
      name: 'serializable+revision',
      about: 'a follower, once it has the revision that this device has seen',
      thread: 'device',
      others: 1,
    },
  ],
  writePaths: [{ name: 'quorum', about: 'acknowledged once it is committed and applied', thread: 'session' }],
  strongestReadPath: 'linearizable',
  tokenPaths: ['serializable+revision'],
  stateReadPath: 'serializable',
  positions: { unit: 'revisions' },
  settings: [imageSetting],
  unreachable: {
    clock: passedBy,
    slowDisk: passedBy,
    stallDisk: passedBy,
    fillDisk: passedBy,
    failDisk: passedBy,
    cutPower: passedBy,
    corruptDisk: "it damages the reference store's own log",
  },
  promises: (_writePath, readPath) => promises(readPath),
  promisesOfWrites,
  always,
  examines: ['fenced'],
  citation,
  node: (self, nodes) => ({ image: 'etcd', command: command(self, nodes), ports: [CLIENT] }),
  start: { withinNs: 30 * SECOND, lacks },
  connect,
  sight,
} satisfies System;
