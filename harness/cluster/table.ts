/** A cluster as a table: a row for each replication group of each node. */
import { painter } from '../matrix.ts';
import { count, table } from '../table.ts';
import type { NodeStatus } from './admin.ts';
import type { Cluster, NodeHome } from './home.ts';

/** What was found out about one node. */
export interface Seen {
  readonly home: NodeHome;
  readonly pid: number | undefined;
  /** Undefined: it did not answer. */
  readonly status: NodeStatus | undefined;
}

/** Groups that nobody who answers leads, in the highest term that anybody knows. */
export function leaderless({ groups }: Pick<Cluster, 'groups'>, seen: readonly Seen[]): readonly string[] {
  return Array.from({ length: groups }, (_, i) => `g${i}`).filter((group) => leaderOf(group, seen) === undefined);
}

export function leaderOf(group: string, seen: readonly Seen[]): Seen | undefined {
  const parts = seen.flatMap((one) => {
    const part = one.status?.groups.find((other) => other.group === group);
    return part === undefined ? [] : [{ one, part }];
  });
  const newest = Math.max(...parts.map(({ part }) => part.term));
  return parts.find(({ part }) => part.role === 'leader' && part.term === newest)?.one;
}

export function renderStatus(cluster: Cluster, seen: readonly Seen[], color: boolean): readonly string[] {
  const paint = painter(color);
  const heading = ['node', 'region', 'pid', 'group', 'role', 'term', 'commit', 'lag', 'serving'];
  const rows = seen.flatMap(({ home, pid, status }): string[][] => {
    const first = [home.node, home.region, pid === undefined ? '–' : String(pid)];
    if (status === undefined) {
      const word = pid === undefined ? paint('red', 'down') : paint('yellow', 'does not answer');
      return [[...first, '', word, '', '', '', '']];
    }
    return status.groups.map((part, i) => [
      ...(i === 0 ? first : ['', '', '']),
      part.group,
      part.role === 'leader' ? paint('green', 'leader') : part.role,
      String(part.term),
      `(${part.commit.term},${part.commit.index})`,
      part.role === 'leader' ? '–' : count(part.lag),
      serving(status, part.notServing, paint),
    ]);
  });
  const lost = leaderless(cluster, seen);
  const lines = table(
    [heading.map((text) => paint('dim', text)), ...rows],
    ['left', 'left', 'right', 'left', 'left', 'right', 'right', 'right', 'left'],
  );
  return lost.length === 0 ? lines : [...lines, '', paint('red', `without a leader: ${lost.join(', ')}`)];
}

function serving(status: NodeStatus, why: string | undefined, paint: ReturnType<typeof painter>): string {
  const ofNode = status.groups.every(({ notServing }) => notServing === undefined) ? status.reason : undefined;
  const reason = why ?? ofNode;
  return reason === undefined ? 'yes' : paint('yellow', `no: ${reason}`);
}

export function jsonOfStatus(cluster: Cluster, seen: readonly Seen[]): Readonly<Record<string, unknown>> {
  return {
    schema: 1,
    type: 'cluster-status',
    cluster: cluster.name,
    groups: cluster.groups,
    leaderless: leaderless(cluster, seen),
    nodes: seen.map(({ home, pid, status }) => ({
      node: home.node,
      region: home.region,
      learner: cluster.learners.includes(home.node),
      address: `127.0.0.1:${home.client}`,
      admin: `127.0.0.1:${home.admin}`,
      pid: pid ?? null,
      answers: status !== undefined,
      serving: status?.serving ?? false,
      ...(status?.reason !== undefined && { reason: status.reason }),
      groups: (status?.groups ?? []).map(({ group, role, term, leader, commit, applied, last, lag, notServing }) => ({
        group,
        role,
        term,
        leader: leader ?? null,
        commit,
        applied,
        last,
        lag,
        ...(notServing !== undefined && { notServing }),
      })),
    })),
  };
}
