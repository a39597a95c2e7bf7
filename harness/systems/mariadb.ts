import { SECOND } from '../../history/clock.ts';
import { CHECKED, connect, TOKEN_PATH } from '../mariadb/client.ts';
import { Operator } from '../mariadb/operate.ts';
import { always, citation, promises, promisesOfWrites } from '../mariadb/promises.ts';
import { lacks, sight } from '../mariadb/sight.ts';
import { configuration, PORT, type Replication } from '../mariadb/spec.ts';
import { aboutImage, imageSetting, oneOf, type Settings, wholeNumber } from '../stores/settings.ts';
import type { Path, System } from '../system.ts';

const replication = oneOf(
  'replication',
  ['semi-sync', 'async'],
  'whether the primary waits for a replica, which MariaDB knows of whole servers only: the write paths of a run',
);
const timeout = wholeNumber(
  'semi-sync-timeout-ms',
  3_600_000,
  1,
  9_999_999,
  'how long it waits for a replica before it goes on without (rpl_semi_sync_master_timeout)',
);
const failover = oneOf(
  'failover',
  ['operator', 'nobody'],
  'who has a replica take the place of a primary that is gone: an operator who ends the old one first, or nobody',
);

const semiSync: readonly [Path, Path] = [
  {
    name: 'semi-sync',
    about: 'acknowledged once a replica has received it, or the primary waits no longer (semi-synchronous)',
    thread: 'session',
    others: 1,
    withSetting: 'replication=semi-sync',
  },
  {
    name: CHECKED,
    about: "the same; where the primary's counters say that it may not have waited, the outcome is open",
    thread: 'session',
    others: 1,
    withSetting: 'replication=semi-sync',
  },
];
const async: Path = {
  name: 'async',
  about: 'acknowledged once the primary has it on disk (asynchronous; --set replication=async)',
  thread: 'session',
  withSetting: 'replication=async',
};

function replicationOf(settings: Settings): Replication {
  return { semiSync: replication.of(settings) === 'semi-sync', timeoutMs: timeout.of(settings) };
}

const usual = replicationOf(new Map());

/** harness/mariadb/ is what it is made of. */
export default {
  name: 'mariadb',
  about: `MariaDB with GTID replication: a primary and replicas that an operator fails over; ${aboutImage}`,
  environments: ['docker'],
  connectsFirst: true,
  methods: ['read', 'readMany', 'write', 'cas'],
  readPaths: [
    { name: 'primary', about: 'the primary', thread: 'session' },
    { name: 'replica', about: 'a replica, whatever it has', thread: 'session', others: 1 },
    {
      name: TOKEN_PATH,
      about: "a replica, once it has this device's writes, by the global transaction id of the last (MASTER_GTID_WAIT)",
      thread: 'device',
      others: 1,
    },
  ],
  writePaths: [...semiSync, async],
  strongestReadPath: 'primary',
  stateReadPath: 'replica',
  tokenPaths: [TOKEN_PATH],
  positions: { unit: 'transactions', withinHistory: true },
  settings: [imageSetting, replication, timeout, failover],
  defaults: { 'settle-ms': 15_000, sessions: 54 },
  unreachable: {
    corruptDisk: "it damages the reference store's own log",
  },
  promises: (writePath, readPath) => promises(writePath, readPath, usual),
  promisesOfWrites: (writePath) => promisesOfWrites(writePath, usual),
  always,
  examines: ['linearizable', 'read-your-writes', 'monotonic-reads', 'durable'],
  citation,
  cannot: (fault, settings) =>
    failover.of(settings) === 'nobody' && fault === 'strike-new-leader'
      ? 'with failover=nobody there is no new primary'
      : undefined,
  configured(settings) {
    const now = replicationOf(settings);
    const writePaths: System['writePaths'] = now.semiSync ? semiSync : [async];
    return Promise.resolve({
      ...this,
      writePaths,
      promises: (writePath, readPath) => promises(writePath, readPath, now),
      promisesOfWrites: (writePath) => promisesOfWrites(writePath, now),
    });
  },
  node: (self, nodes, settings) => ({
    image: 'mariadb',
    command: [
      '/opt/store/start',
      '{data}',
      String(nodes.indexOf(self) + 1),
      `{${nodes[0]}}`,
      '{self}',
      ...nodes.map((node) => `{${node}}`),
    ],
    files: configuration(nodes, replicationOf(settings)),
    ports: [PORT],
  }),
  start: { withinNs: 60 * SECOND, lacks },
  supervise: (cluster, settings, told) =>
    new Operator(cluster, replicationOf(settings), failover.of(settings) === 'operator', told),
  connect,
  sight,
} satisfies System as System;
