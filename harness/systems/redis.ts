import { aboutImage, imageSetting, wholeNumber } from '../stores/settings.ts';
import { connect } from '../redis/client.ts';
import { always, citation } from '../redis/promises.ts';
import { lacks, sight } from '../redis/sight.ts';
import { configuration, PORTS } from '../redis/spec.ts';
import type { System } from '../system.ts';

const minReplicas = wholeNumber(
  'min-replicas',
  0,
  0,
  2,
  'replicas that a master must have heard within the last 2 s to take writes (min-replicas-to-write)',
);

/** harness/redis/ is what it is made of. */
export default {
  name: 'redis',
  about: `Redis with Sentinel: one master, replicas, and a Sentinel on each node; ${aboutImage}`,
  environments: ['docker'],
  connectsFirst: true,
  methods: ['read', 'readMany', 'write', 'cas'],
  readPaths: [
    { name: 'leader', about: 'the master that Sentinel names', thread: 'session' },
    { name: 'replica', about: 'a replica, whatever it has', thread: 'session', others: 1 },
    {
      name: 'replica+offset',
      about: "a replica, once it has this device's writes, by the master's replication id and offset",
      thread: 'device',
      others: 1,
    },
  ],
  writePaths: [
    { name: 'async', about: 'acknowledged once the master has it in memory (asynchronous)', thread: 'session' },
    {
      name: 'wait-1',
      about: 'WAIT 1: one replica has received it; fewer leave the outcome open',
      thread: 'session',
      others: 1,
    },
    {
      name: 'wait-2',
      about: 'WAIT 2: two replicas have received it; fewer leave the outcome open',
      thread: 'session',
      others: 2,
    },
  ],
  strongestReadPath: 'leader',
  tokenPaths: ['replica+offset'],
  stateReadPath: 'replica',
  positions: { unit: 'bytes of the replication stream', withinHistory: true },
  settings: [imageSetting, minReplicas],
  // A deposed master that comes back is made a replica after 8 s of its claiming otherwise, looked at every 10 s.
  defaults: { 'settle-ms': 25_000 },
  unreachable: {
    corruptDisk: "it damages the reference store's own log",
    cutPower: 'what several processes have not synced is not told apart',
  },
  promises: () => [],
  promisesOfWrites: () => [],
  always,
  examines: ['linearizable', 'read-your-writes', 'monotonic-reads', 'durable'],
  citation,
  node: (self, nodes, settings) => ({
    image: 'redis',
    command: ['/opt/store/start', '{data}'],
    files: configuration(self, nodes, minReplicas.of(settings)),
    ports: PORTS,
  }),
  start: { withinNs: 30_000_000_000, lacks },
  connect,
  sight,
} satisfies System;
