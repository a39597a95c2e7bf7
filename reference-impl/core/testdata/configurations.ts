/** Watches that members change as PROTOCOL.md says: one voter at a time, never blindly, and undone with their entry. */
import type { Entry, Membership, NodeId, ReplicaEvent, Status } from '../types.ts';
import { epochOf } from '../types.ts';
import type { Cluster } from './cluster.ts';

/** The configuration that counts for the entry at `index` of a log, or for the one after its end. */
export function membersAt(log: readonly Entry[], index: number, initial: readonly NodeId[]): Membership {
  for (let i = Math.min(index, log.length) - 1; i >= 0; i--) {
    const { command } = log[i];
    if (command.type === 'members') return command.members;
  }
  return { voters: initial, learners: [] };
}

export class Configurations {
  readonly #cluster: Cluster;
  readonly #breach: (what: string, detail: string) => void;
  /** Nodes that have undone a configuration, and not said so yet. */
  readonly #owing = new Set<NodeId>();
  changes = 0;
  undone = 0;

  constructor(cluster: Cluster, breach: (what: string, detail: string) => void) {
    this.#cluster = cluster;
    this.#breach = breach;
  }

  told(node: NodeId, event: ReplicaEvent): void {
    if (event.type === 'truncated' && event.entries.some(({ command }) => command.type === 'members')) {
      this.#owing.add(node);
    } else if (event.type === 'members' && event.undone) {
      this.undone++;
      this.#owing.delete(node);
    } else if (event.type === 'snapshot-installed') this.#owing.delete(node);
    else if (event.type === 'members') {
      // An own entry of the term is committed before a leader changes anything.
      const status = this.#status(node);
      if (status?.role === 'leader' && status.commit.term < status.term) this.#breach('blind change of members', node);
    }
  }

  #status(node: NodeId): Status | undefined {
    return this.#cluster.machine(node).replica?.status();
  }

  /** Between steps. */
  check(): void {
    if (this.#owing.size === 0) return;
    for (const node of this.#owing) this.#breach('configuration not undone', node);
    this.#owing.clear();
  }

  /** Once everybody has caught up with this log: the members, and each node's opinion of who they are. */
  judge(log: readonly Entry[], initial: readonly NodeId[]): Membership {
    let voters = initial;
    for (const { term, index, command } of log) {
      if (command.type !== 'members') continue;
      this.changes++;
      const next = command.members.voters;
      const moved = [...voters.filter((id) => !next.includes(id)), ...next.filter((id) => !voters.includes(id))];
      // A promotion by force changes as many as it likes.
      const byForce = epochOf(term) > epochOf(log[index - 2]?.term ?? 0);
      if (moved.length > 1 && !byForce) this.#breach('more than one voter at a time', `${index}: ${moved.join(' ')}`);
      voters = next;
    }
    const members = membersAt(log, log.length, initial);
    for (const { id, replica } of this.#cluster.machines.values()) {
      const { voters, learners } = members;
      if (replica === undefined || !(voters.includes(id) || learners.includes(id))) continue;
      if (JSON.stringify(replica.status().members) !== JSON.stringify(members)) this.#breach('wrong members', id);
    }
    return members;
  }
}
