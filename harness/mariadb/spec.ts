/** How MariaDB is configured; docker/systems/mariadb/start starts it. */
import type { NodeId } from '../../history/operation.ts';

export const PORT = 3306;
/** What places are called after. */
export const GROUP = 'mariadb';
/** From here on nobody waits for a time-out in a run of any length that is usual here. */
export const NEVER_MS = 600_000;

export interface Replication {
  readonly semiSync: boolean;
  /** How long a primary waits for a replica until it goes on without. */
  readonly timeoutMs: number;
}

/** What makes a replica of whoever is at this address. Its relay log is gone then, whether it was applied or not. */
export function follow(address: string): string {
  return `CHANGE MASTER TO MASTER_HOST='${address}', MASTER_PORT=${PORT}, MASTER_USER='replica', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=0.5; START SLAVE`;
}

/** What makes a primary: first who waits for replicas, then who takes writes. */
export function lead({ semiSync }: Replication): string {
  return `SET GLOBAL rpl_semi_sync_master_enabled=${semiSync ? 'ON' : 'OFF'}; SET GLOBAL read_only=OFF`;
}

export function configuration(nodes: readonly NodeId[], replication: Replication): Readonly<Record<string, string>> {
  const lines = [
    '[mariadbd]',
    'user=root',
    `port=${PORT}`,
    'bind-address=0.0.0.0',
    'socket=/tmp/mariadb.sock',
    'skip-name-resolve',
    'max_connections=1500',
    'performance_schema=OFF',
    'innodb_buffer_pool_size=32M',
    'innodb_log_file_size=16M', // as docker/systems/mariadb/Dockerfile makes it
    'innodb_use_native_aio=OFF', // so that what slows disks down reaches it
    'innodb_lock_wait_timeout=2',
    // Its documentation's way to lose nothing in a crash.
    'innodb_flush_log_at_trx_commit=1',
    'sync_binlog=1',
    'log-bin=binlog',
    'binlog-format=ROW',
    'log-slave-updates=ON',
    'relay-log=relay',
    'gtid_strict_mode=ON',
    'read_only=ON', // until its operator says otherwise
    'slave_net_timeout=2',
    'rpl_semi_sync_slave_enabled=ON', // asked for; whether it is done the primary says
    'rpl_semi_sync_slave_kill_conn_timeout=1',
    'rpl_semi_sync_master_wait_point=AFTER_SYNC',
    'rpl_semi_sync_master_wait_no_slave=ON',
    `rpl_semi_sync_master_timeout=${replication.timeoutMs}`,
  ];
  // One statement a line.
  const statements = (text: string): string => `${text.split('; ').join(';\n')};\n`;
  return {
    '/run/tidemark/mariadb.cnf': `${lines.join('\n')}\n`,
    '/run/tidemark/primary.sql': statements(lead(replication)),
    '/run/tidemark/replica.sql': statements(follow(`{${nodes[0]}}`)),
  };
}
