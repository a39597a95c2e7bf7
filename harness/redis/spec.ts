/** How Redis and Sentinel are configured; docker/systems/redis/start starts them. */
import type { NodeId } from '../../history/operation.ts';

export const REDIS = 6379;
export const SENTINEL = 26379;
export const PORTS = [REDIS, SENTINEL] as const;
/** What Sentinels call the master that they watch. */
export const MASTER = 'tidemark';

const DOWN_AFTER_MS = 1000;
const FAILOVER_MS = 4000;

export function configuration(
  self: NodeId,
  nodes: readonly NodeId[],
  minReplicas: number,
): Readonly<Record<string, string>> {
  const [first] = nodes;
  const redis = [
    `port ${REDIS}`,
    'bind 0.0.0.0',
    'protected-mode no',
    'dir {data}',
    // As its users run it who want more than a cache: what was written in the last second may be lost in a crash.
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
    'repl-ping-replica-period 1',
    'repl-timeout 5',
    'replica-announce-ip {self}',
    ...(minReplicas > 0 ? [`min-replicas-to-write ${minReplicas}`, 'min-replicas-max-lag 2'] : []),
    ...(self === first ? [] : [`replicaof {${first}} ${REDIS}`]),
  ];
  const sentinel = [
    `port ${SENTINEL}`,
    'bind 0.0.0.0',
    'protected-mode no',
    'dir /tmp',
    'sentinel announce-ip {self}',
    `sentinel monitor ${MASTER} {${first}} ${REDIS} ${Math.floor(nodes.length / 2) + 1}`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER} ${FAILOVER_MS}`,
    `sentinel parallel-syncs ${MASTER} 2`,
  ];
  return {
    '/run/tidemark/redis.conf': `${redis.join('\n')}\n`,
    '/run/tidemark/sentinel.conf': `${sentinel.join('\n')}\n`,
  };
}
