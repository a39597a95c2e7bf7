import type { NodeId } from '../../history/operation.ts';

export const CLIENT = 2379;
const PEER = 2380;

/** As its documentation has it, with pre-vote: without, a member that comes back deposes a healthy leader. */
export function command(self: NodeId, nodes: readonly NodeId[]): readonly [string, ...string[]] {
  return [
    'etcd',
    `--name=${self}`,
    '--data-dir={data}/etcd',
    `--listen-client-urls=http://0.0.0.0:${CLIENT}`,
    `--advertise-client-urls=http://{self}:${CLIENT}`,
    `--listen-peer-urls=http://0.0.0.0:${PEER}`,
    `--initial-advertise-peer-urls=http://{self}:${PEER}`,
    `--initial-cluster=${nodes.map((node) => `${node}=http://{${node}}:${PEER}`).join(',')}`,
    '--initial-cluster-state=new',
    '--initial-cluster-token=tidemark',
    '--heartbeat-interval=100',
    '--election-timeout=1000',
    '--pre-vote=true',
    '--logger=zap',
    '--log-outputs=stderr',
  ];
}
