import { SECOND } from '../../history/clock.ts';
import { connect, TIMEOUT_MS } from '../postgres/client.ts';
import { always, citation, promisesWith } from '../postgres/promises.ts';
import { lacks, sight } from '../postgres/sight.ts';
import { configuration, failover, isolation, PORT, quorumOf, synchronous } from '../postgres/spec.ts';
import { Operator } from '../postgres/supervise.ts';
import { aboutImage, imageSetting } from '../stores/settings.ts';
import type { System } from '../system.ts';

const damage = "it damages the reference store's own log";
const processes = 'its processes would each have to be asked whether they notice';

/** harness/postgres/ is what it is made of. */
const system = {
  name: 'postgres',
  about: `PostgreSQL with streaming replication: a primary and standbys that an operator fails over; ${aboutImage}`,
  environments: ['docker'],
  connectsFirst: true,
  methods: ['read', 'readMany', 'write', 'cas', 'txn'],
  readPaths: [
    { name: 'primary', about: 'the primary', thread: 'session' },
    { name: 'standby', about: 'a standby, whatever it has replayed', thread: 'session', others: 1 },
    {
      name: 'standby+lsn',
      about: "a standby, once it has replayed this device's writes, by their place in the write-ahead log",
      thread: 'device',
      others: 1,
    },
  ],
  writePaths: [
    { name: 'async', about: 'synchronous_commit = local: the primary has it on disk', thread: 'session' },
    {
      name: 'remote-write',
      about: 'remote_write: as many standbys as --set synchronous says have written it, not yet to disk',
      thread: 'session',
      others: 1,
    },
    { name: 'on', about: 'on: as many standbys as --set synchronous says have it on disk', thread: 'session' },
    {
      name: 'remote-apply',
      about: 'remote_apply: as many standbys as --set synchronous says show it to readers',
      thread: 'session',
      others: 1,
    },
  ],
  strongestReadPath: 'primary',
  stateReadPath: 'standby',
  tokenPaths: ['standby+lsn'],
  positions: { unit: 'bytes of WAL', withinHistory: true },
  settings: [imageSetting, failover, synchronous, isolation],
  // Each connection is a process of the server.
  defaults: { 'settle-ms': 15_000, sessions: 36, 'timeout-ms': TIMEOUT_MS },
  unreachable: {
    corruptDisk: damage,
    cutPower: 'what several processes have not synced is not told apart',
    clock: processes,
    failDisk: processes,
    fillDisk: processes,
    slowDisk: processes,
    stallDisk: processes,
  },
  ...promisesWith(new Map()),
  configured: (settings) => Promise.resolve({ ...system, ...promisesWith(settings) }),
  always,
  examines: ['linearizable', 'read-your-writes', 'monotonic-reads', 'durable', 'one-leader-per-term'],
  citation,
  cannot: (fault, settings) =>
    failover.of(settings) === 'nobody' && fault === 'strike-new-leader'
      ? 'with failover=nobody there is no new primary'
      : undefined,
  node: (self, nodes, settings) => ({
    image: 'postgres',
    command: [
      '/opt/store/start',
      self,
      '{data}',
      failover.of(settings),
      `{${nodes[0]}}`,
      '{self}',
      ...nodes.map((node) => `{${node}}`),
    ],
    files: configuration(nodes, settings),
    ports: [PORT],
    stopSignal: 'SIGINT',
    user: 'postgres',
  }),
  start: { withinNs: 60 * SECOND, lacks },
  supervise: (cluster, settings, told) =>
    failover.of(settings) === 'nobody'
      ? { counts: {}, stop: () => Promise.resolve() }
      : new Operator(cluster, quorumOf(cluster.nodes, settings), told),
  connect,
  sight,
} satisfies System as System;

export default system;
