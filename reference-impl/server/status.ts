/** What a node says of itself: /status and /health. */
import type { NodeId, RefusalCode, Status } from '../core/types.ts';
import type { PeerStatus } from './peers.ts';
import type { StorageStatistics } from './storage.ts';
import type { Store } from './store.ts';

/** A leader's view of who keeps the log waiting. */
export interface Behind {
  readonly node: NodeId;
  readonly entries: number;
}

export interface GroupStatus extends Status {
  /** On a leader: the other voters that have not everything on disk that is committed; `all-ack` writes wait for them. */
  readonly behind?: readonly Behind[];
}

export interface NodeStatus {
  readonly schema: 1;
  readonly node: NodeId;
  readonly cluster: string;
  readonly region: string;
  readonly serving: boolean;
  /** Why not. */
  readonly reason?: string;
  /** Of the first group. */
  readonly role: Status['role'];
  readonly term: number;
  readonly leader?: NodeId;
  readonly groups: readonly GroupStatus[];
  readonly peers: Readonly<Record<NodeId, PeerStatus>>;
  readonly storage: StorageStatistics;
  readonly connections: number;
  /** Requests that are being worked on, by path, with the age of the oldest. */
  readonly waiting: readonly { readonly path: string; readonly requests: number; readonly oldestMs: number }[];
  readonly defect?: string;
}

export class StatusReport {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Undefined: the node serves. */
  notServing(): { readonly code: RefusalCode; readonly reason: string } | undefined {
    const statuses = this.#store.host.status();
    for (const { group, notServing } of statuses) {
      if (notServing !== undefined) return { code: notServing, reason: `${group}: ${notServing}` };
    }
    return this.#store.storage.statistics().full ? { code: 'DISK_FULL', reason: 'the disk is full' } : undefined;
  }

  status(): NodeStatus {
    const { settings, host, peers, storage, listener } = this.#store;
    const groups = host.status();
    const [first] = groups;
    const why = this.notServing();
    return {
      schema: 1,
      node: settings.node,
      cluster: settings.cluster,
      region: settings.region,
      serving: why === undefined,
      ...(why && { reason: why.reason }),
      role: first.role,
      term: first.term,
      ...(first.leader !== undefined && { leader: first.leader }),
      groups: groups.map(withBehind),
      peers: peers.status(),
      storage: storage.statistics(),
      connections: listener.connections,
      waiting: host.waitingByPath(),
      ...(settings.defect !== undefined && { defect: settings.defect }),
    };
  }
}

function withBehind(status: Status): GroupStatus {
  const { matches, members, commit } = status;
  if (matches === undefined) return status;
  const behind = members.voters.flatMap((node) => {
    const match = matches[node];
    return match === undefined || match >= commit.index ? [] : [{ node, entries: commit.index - match }];
  });
  return { ...status, behind };
}
