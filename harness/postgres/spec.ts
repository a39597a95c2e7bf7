/** How PostgreSQL is configured; docker/systems/postgres/start starts it. */
import type { NodeId } from '../../history/operation.ts';
import { oneOf, type Settings } from '../stores/settings.ts';

export const PORT = 5432;
/** The table that clients use. */
export const TABLE = 'kv';

export const synchronous = oneOf(
  'synchronous',
  ['any-1', 'any-2', 'any-3', 'all'],
  'how many standbys, whichever, a commit that waits for standbys waits for (synchronous_standby_names)',
);

export const failover = oneOf(
  'failover',
  ['operator', 'nobody'],
  'who promotes a standby when the primary is gone, and brings the old one back: an operator who ends the old one first, or nobody',
);

export const isolation = oneOf(
  'isolation',
  ['read-committed', 'repeatable-read', 'serializable'],
  'the isolation level of transactions (--workload txn); where those that only read go to a standby, which offers no serializable, repeatable read',
);

/** How many standbys vouch for a commit that waits for them: no more than there are. */
export function quorumOf(nodes: readonly NodeId[], settings: Settings): number {
  const others = nodes.length - 1;
  const value = synchronous.of(settings);
  return value === 'all' ? others : Math.min(Number(value.slice('any-'.length)), others);
}

export function configuration(nodes: readonly NodeId[], settings: Settings): Readonly<Record<string, string>> {
  const quorum = quorumOf(nodes, settings);
  const lines = [
    "listen_addresses = '*'",
    `port = ${PORT}`,
    "unix_socket_directories = '/tmp'",
    'max_connections = 600',
    'shared_buffers = 32MB',
    'dynamic_shared_memory_type = mmap',
    'wal_level = replica',
    'hot_standby = on',
    'synchronous_commit = local', // clients say how they want it
    'wal_log_hints = on', // for pg_rewind
    'wal_keep_size = 1GB',
    'max_wal_senders = 10',
    'wal_receiver_status_interval = 1s',
    'wal_receiver_timeout = 2s',
    'wal_sender_timeout = 3s',
    'wal_retrieve_retry_interval = 500ms',
    'client_connection_check_interval = 1s', // whoever has gone waits for no lock
    'checkpoint_timeout = 30min',
    'recovery_target_timeline = latest',
    'restart_after_crash = on',
    ...(quorum > 0 ? [`synchronous_standby_names = 'ANY ${quorum} (${nodes.join(', ')})'`] : []),
  ];
  return { '/run/tidemark/postgresql.conf': `${lines.join('\n')}\n` };
}
