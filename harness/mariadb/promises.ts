/**
 * What MariaDB's documentation claims of each way to write and to read:
 *
 * - semi-synchronous writes: https://mariadb.com/docs/server/ha-and-performance/standard-replication/semisynchronous-replication,
 *   rpl_semi_sync_master_wait_point=AFTER_SYNC - all that a primary has committed is on a replica, so that nothing is lost when the
 *   primary crashes and that replica takes over. Not where the primary may give up waiting (rpl_semi_sync_master_timeout), unless
 *   its counters say that it did not.
 * - MASTER_GTID_WAIT: https://mariadb.com/docs/server/reference/sql-functions/secondary-functions/miscellaneous-functions/master_gtid_wait -
 *   once it has returned, the replica has what was there at that position. A write that a failover undoes has no such place any more,
 *   so it is claimed where none is undone.
 * - replicas mirror their primary: https://mariadb.com/docs/server/ha-and-performance/standard-replication/replication-overview
 *
 * Of asynchronous writes it says that the primary does not wait for anybody.
 *
 * Reads of the primary are not said to see what was acknowledged: the page on REPEATABLE READ, the default, says that the reads of one
 * transaction share a snapshot, and not what is in that. PostgreSQL's says it (a query sees what was committed before it began), so that
 * `read-your-writes` of the primary is a promise there and a finding here.
 */
import type { Guarantee } from '../../history/guarantee.ts';
import type { Citation, Claim } from '../system.ts';
import { CHECKED, TOKEN_PATH } from './client.ts';
import { NEVER_MS, type Replication } from './spec.ts';

export const always: readonly Guarantee[] = ['convergent'];

/** Whether what is acknowledged through this path is on a replica. */
function isOnReplica(writePath: string, { semiSync, timeoutMs }: Replication): boolean {
  return semiSync && (writePath === CHECKED || timeoutMs >= NEVER_MS);
}

export function promises(writePath: string, readPath: string, replication: Replication): readonly Guarantee[] {
  return readPath === TOKEN_PATH && isOnReplica(writePath, replication) ? ['read-your-writes'] : [];
}

export function promisesOfWrites(writePath: string, replication: Replication): readonly Guarantee[] {
  return isOnReplica(writePath, replication) ? ['durable'] : [];
}

const docs = 'https://mariadb.com/docs/server';
const replicating = `${docs}/ha-and-performance/standard-replication`;

export function citation({ guarantee }: Claim): Citation | undefined {
  if (guarantee === 'durable')
    return {
      url: `${replicating}/semisynchronous-replication`,
      says: 'with AFTER_SYNC, what the primary has committed is on a replica, and failing over to that one loses nothing',
    };
  if (guarantee === 'convergent')
    return { url: `${replicating}/replication-overview`, says: 'replicas mirror the contents of their primary' };
  if (guarantee === 'read-your-writes')
    return {
      url: `${docs}/reference/sql-functions/secondary-functions/miscellaneous-functions/master_gtid_wait`,
      says: 'once MASTER_GTID_WAIT has returned, the replica has reached that position',
    };
  return undefined;
}
