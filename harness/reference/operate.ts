/**
 * Does what an operator asks, as an operator would: asks the node that can do it, follows hints to the leader, and waits for
 * what is in the way. Members are members of every group. What is so already is answered as done.
 */
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import { Refused } from '../../history/store.ts';
import type { Effect, Operation } from '../../nemesis/fault.ts';
import type { Answered } from '../../reference-impl/client/answers.ts';
import { Calls } from '../../reference-impl/client/calls.ts';
import { Repeats } from '../../reference-impl/client/repeats.ts';
import { Routes, type Target } from '../../reference-impl/client/routes.ts';
import {
  EPOCH,
  type GroupId,
  type Membership,
  type OperatorRequest,
  type Status,
} from '../../reference-impl/core/types.ts';
import type { Deployment } from '../environments/environment.ts';
import { byDistance, rethrow, surroundings } from './adapt.ts';

const DEADLINE_NS = 5 * SECOND;
const ATTEMPT_MS = 2000;

export async function operate(cluster: Deployment, operation: Operation): Promise<Effect> {
  const effect: Record<string, number> = {};
  const count = (name: string, n = 1): void => void (effect[name] = (effect[name] ?? 0) + n);
  const operator = new Operator(cluster);
  try {
    const groups = await groupsOf(cluster);
    const of = operation.type === 'switchover' ? [operation.group ?? groups[0]] : groups;
    for (const group of of) await operator.operate(group, operation, count);
    return effect;
  } catch (error) {
    return rethrow(error);
  } finally {
    operator.close();
  }
}

class Operator {
  readonly #cluster: Deployment;
  readonly #calls: Calls;
  readonly #deadlineMs: number;

  constructor(cluster: Deployment) {
    this.#cluster = cluster;
    const home = cluster.regions[0];
    const around = surroundings(cluster, home);
    const { nowMs } = around;
    const routes = new Routes({
      nodes: byDistance(cluster, home),
      routing: 'nearest',
      firstGuess: 0,
      avoidMs: 0,
      nowMs,
      latencyMs: () => undefined,
    });
    this.#calls = new Calls({
      ...around,
      routes,
      repeats: new Repeats(undefined),
      attemptMs: ATTEMPT_MS,
      votersOnly: false,
    });
    this.#deadlineMs = nowMs() + DEADLINE_NS / MILLISECOND;
  }

  close(): void {
    this.#calls.close();
  }

  async operate(group: GroupId, operation: Operation, count: (name: string, n?: number) => void): Promise<void> {
    switch (operation.type) {
      case 'switchover': {
        const { to } = operation;
        await this.#ask(group, { type: 'switchover', group, ...(to !== undefined && { to }) });
        return count('switchovers');
      }
      case 'remove-member':
        await this.#remove(group, operation);
        return count('members removed');
      case 'add-member': {
        const { node, as } = operation;
        await this.#add(group, node, as);
        return count('members added');
      }
      case 'promote-by-force': {
        const lost = await this.#force(group, operation.node, { voters: operation.members, learners: [] });
        count('nodes promoted by force');
        return count('committed entries known to be lost', lost);
      }
    }
  }

  /** Asks whoever leads if the node that is to be asked says that it does not. */
  async #remove(group: GroupId, { node, at }: Operation & { readonly type: 'remove-member' }): Promise<void> {
    const body = { type: 'change-members', group, change: { remove: node } } as const;
    const leads = at !== undefined && (await statusOf(this.#cluster, at, group))?.role === 'leader';
    await this.#ask(group, body, leads ? { node: at } : await this.#leading(group));
  }

  /** A learner that another operator has made a voter meanwhile belongs to the group: that is no refusal. */
  async #add(group: GroupId, node: NodeId, as: 'voter' | 'learner'): Promise<void> {
    const target = await this.#leading(group);
    if (as === 'learner' && typeof target === 'object') {
      const leading = await statusOf(this.#cluster, target.node, group);
      if (leading?.members.voters.includes(node) === true) as = 'voter';
    }
    await this.#ask(group, { type: 'change-members', group, change: { add: node, as } }, target);
  }

  /** After a promotion by force there may be two that lead, each with a majority of its own: the later one is to be asked. */
  async #leading(group: GroupId): Promise<Target> {
    let latest: { readonly node: NodeId; readonly term: number } | undefined;
    for (const node of this.#cluster.nodes) {
      const status = await statusOf(this.#cluster, node, group);
      if (status?.role === 'leader' && status.term > (latest?.term ?? 0)) latest = { node, term: status.term };
    }
    return latest === undefined ? 'leader' : { node: latest.node };
  }

  /** How many committed entries the node knew of and did not have. */
  async #force(group: GroupId, node: NodeId, members: Membership): Promise<number> {
    const status = await statusOf(this.#cluster, node, group);
    const isSo = status?.role === 'leader' && status.term >= EPOCH && sameVoters(status.members, members);
    if (isSo) return 0;
    const body = { type: 'promote-by-force', group, members } as const;
    const { loss } = await this.#ask(group, body, { node });
    return loss === undefined ? 0 : Math.max(0, loss.commitHeard - loss.last.index);
  }

  async #ask(group: GroupId, body: OperatorRequest, target: Target = 'leader'): Promise<Answered<'done'>> {
    const answer = await this.#calls.ask({ body, target, group, deadlineMs: this.#deadlineMs });
    return answer as Answered<'done'>; // an operator's request is answered by nothing else
  }
}

/** What a node of this store says of itself; with several groups, of each of them. */
export async function statusesOf(cluster: Deployment, node: NodeId): Promise<readonly Status[]> {
  const told = (await cluster.status(node)) as (Status & { readonly groups?: readonly Status[] }) | undefined; // program tidemark-store's
  if (told === undefined) return [];
  return told.groups ?? [told];
}

async function statusOf(cluster: Deployment, node: NodeId, group: GroupId): Promise<Status | undefined> {
  return (await statusesOf(cluster, node)).find((status) => status.group === group);
}

async function groupsOf(cluster: Deployment): Promise<readonly GroupId[]> {
  for (const node of cluster.nodes) {
    const statuses = await statusesOf(cluster, node);
    if (statuses.length > 0) return statuses.map(({ group }) => group);
  }
  // Of which groups it would be the operator cannot know: half an operation would pass for a whole one.
  throw new Refused('NOBODY_ANSWERED');
}

function sameVoters(a: Membership, b: Membership): boolean {
  return a.voters.length === b.voters.length && a.voters.every((voter) => b.voters.includes(voter));
}
