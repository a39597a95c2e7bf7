/**
 * What PostgreSQL's documentation claims of each way to write and to read, where an operator fails over as docs/postgres.md says: the old
 * primary is ended first, and the standby that has received most is promoted.
 *
 * - `on`, `remote_apply`: a commit waits until the synchronous standbys have it on disk; data can be lost only where the primary and
 *   those crash at once (durable). `remote_write`: until they have written it, which outlives the crash of their servers, and no fault
 *   here takes more than that.
 * - `async`, with `synchronous_commit = local`: it does not wait for standbys. What it has acknowledged outlives a crash of the primary,
 *   and not a failover, so that nothing is promised.
 * - the primary: a query sees all that was committed before it began (MariaDB's documentation does not say so much); over a failover that
 *   is what no failover loses.
 * - `remote_apply`: a commit is visible to queries on the synchronous standbys before it is acknowledged: on any standby only where all
 *   are synchronous.
 * - a standby that has replayed a place in the log shows what was committed before it.
 */
import type { Guarantee } from '../../history/guarantee.ts';
import type { Settings } from '../stores/settings.ts';
import type { Citation, Claim, System } from '../system.ts';
import { failover, synchronous } from './spec.ts';

export const always: readonly Guarantee[] = ['convergent'];

type Promises = Pick<System, 'promises' | 'promisesOfWrites'>;

export function promisesWith(settings: Settings): Promises {
  const everyStandby = synchronous.of(settings) === 'all';
  // Where there is no failover, nothing puts it to the test.
  const failsOver = failover.of(settings) === 'operator';
  return {
    promisesOfWrites: (writePath) => (failsOver && writePath !== 'async' ? ['durable'] : []),
    promises(writePath, readPath) {
      if (writePath === 'async') return [];
      const seesOwn = readPath !== 'standby' || (writePath === 'remote-apply' && everyStandby);
      return seesOwn ? ['read-your-writes'] : [];
    },
  };
}

const docs = 'https://www.postgresql.org/docs/15';

const sources = {
  disk: {
    url: `${docs}/warm-standby.html#SYNCHRONOUS-REPLICATION`,
    says: 'a commit waits until it is on disk of the primary and of the standbys that are waited for, and is lost only if these crash at once',
  },
  written: {
    url: `${docs}/runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT`,
    says: 'remote_write: a commit is preserved when a standby crashes, though not when its operating system does',
  },
  applied: {
    url: `${docs}/runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT`,
    says: 'remote_apply: a commit waits until it is visible to queries on the standbys',
  },
  primary: {
    url: `${docs}/transaction-iso.html#XACT-READ-COMMITTED`,
    says: 'a query sees a snapshot of what was committed when it began',
  },
  replayed: {
    url: `${docs}/hot-standby.html#HOT-STANDBY-USERS`,
    says: 'once the record of a commit is replayed on a standby, new queries there see it',
  },
  convergent: {
    url: `${docs}/warm-standby.html#STANDBY-SERVER-OPERATION`,
    says: 'a standby goes on applying what it receives from its primary, and connects again whenever that ended',
  },
} as const satisfies Record<string, Citation>;

export function citation({ guarantee, writePath, readPath }: Claim): Citation | undefined {
  if (guarantee === 'durable') return writePath === 'remote-write' ? sources.written : sources.disk;
  if (guarantee === 'convergent') return sources.convergent;
  if (guarantee !== 'read-your-writes') return undefined;
  if (readPath === 'primary') return sources.primary;
  return readPath === 'standby' ? sources.applied : sources.replayed;
}
