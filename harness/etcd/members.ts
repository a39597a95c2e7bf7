/**
 * What the members said last of their roles, asked over one connection to each for all clients of a run. The term that a member names
 * is that of the last entry that it has applied. What it said stands until an answer names another term: a follower that was
 * elected meanwhile serves what it had as a follower until then.
 */
import type { Etcd3 } from 'etcd3';
import { MILLISECOND } from '../../history/clock.ts';
import type { Instant, NodeId, Role } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { reachOf } from '../stores/client.ts';
import { open, until } from './line.ts';
import { CLIENT } from './spec.ts';

const LOOK_MS = 500;
/** A member that did not answer is not asked again so soon. */
const SILENT_NS = 250 * MILLISECOND;
export interface Stand {
  readonly node: NodeId;
  readonly term: number;
  readonly role: Role;
}

export class Members {
  readonly #cluster: Deployment;
  readonly #lines = new Map<NodeId, Promise<Etcd3>>();
  readonly #stands = new Map<NodeId, Promise<Stand | undefined>>();
  readonly #silent = new Map<NodeId, Instant>();
  #led: Stand | undefined;
  #seeking: Promise<Stand | undefined> | undefined;

  constructor(cluster: Deployment) {
    this.#cluster = cluster;
  }

  /** Undefined: it does not answer. */
  stand(node: NodeId): Promise<Stand | undefined> {
    const known = this.#stands.get(node);
    if (known !== undefined) return known;
    const { clock } = this.#cluster;
    if (clock.now() - (this.#silent.get(node) ?? Number.NEGATIVE_INFINITY) < SILENT_NS)
      return Promise.resolve(undefined);
    const asking = this.#askAnew(node).catch(() => {
      this.#silent.set(node, clock.now());
      this.#hangUp(node);
      return undefined;
    });
    this.#stands.set(node, asking);
    void asking.then((stand) => {
      if (stand === undefined || stand.role === 'candidate') this.#forget(node, asking);
    });
    return asking;
  }

  /** It said something else since, or nothing. */
  forget(stand: Stand): void {
    if (this.#led === stand) this.#led = undefined;
    const known = this.#stands.get(stand.node);
    void known?.then((one) => {
      if (one === stand) this.#forget(stand.node, known);
    });
  }

  /** Who was found to lead, until somebody forgets that; otherwise all are asked anew, and the first that says so is taken. */
  leader(): Promise<Stand | undefined> {
    if (this.#led !== undefined) return Promise.resolve(this.#led);
    this.#seeking ??= this.#seek().finally(() => (this.#seeking = undefined));
    return this.#seeking;
  }

  #seek(): Promise<Stand | undefined> {
    this.#stands.clear();
    const asked = this.#cluster.nodes.map((node) => this.stand(node));
    return new Promise((resolve) => {
      for (const one of asked) {
        void one.then((stand) => {
          if (stand?.role !== 'leader') return;
          this.#led ??= stand;
          resolve(this.#led);
        });
      }
      void Promise.all(asked).then(() => resolve(undefined));
    });
  }

  /** A connection that broke while nobody used it says nothing of the member: it is asked once more, over another one. */
  async #askAnew(node: NodeId): Promise<Stand> {
    if (!this.#lines.has(node)) return this.#ask(node);
    try {
      return await this.#ask(node);
    } catch (error) {
      if (/DEADLINE/.test(String(error))) throw error;
      this.#hangUp(node);
      return this.#ask(node);
    }
  }

  async #ask(node: NodeId): Promise<Stand> {
    const line = this.#lines.get(node) ?? open(reachOf(this.#cluster).client(node, CLIENT));
    this.#lines.set(node, line);
    const etcd = await line;
    const before = await etcd.maintenance.status(until(LOOK_MS));
    const { raftTerm, leader, header } = await etcd.maintenance.status(until(LOOK_MS));
    const settled = before.raftTerm === raftTerm && leader !== '0';
    const role = !settled ? 'candidate' : leader === header.member_id ? 'leader' : 'follower';
    return { node, term: Number(raftTerm), role };
  }

  #forget(node: NodeId, asking: Promise<unknown>): void {
    if (this.#stands.get(node) === asking) this.#stands.delete(node);
  }

  #hangUp(node: NodeId): void {
    const line = this.#lines.get(node);
    this.#lines.delete(node);
    void line?.then((etcd) => etcd.close());
  }
}

const all = new WeakMap<Deployment, Members>();

export function membersOf(cluster: Deployment): Members {
  const known = all.get(cluster) ?? new Members(cluster);
  all.set(cluster, known);
  return known;
}
