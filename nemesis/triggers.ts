/** What a cluster does, and faults that wait for it: "when a new leader is elected, pause it". */
import type { Instant, NodeId } from '../history/operation.ts';
import type { Deed } from './fault.ts';

/** Something that was seen of the cluster, or that the nemesis did to it. */
export type Seen =
  /** Somebody claims to lead in a higher term than anybody before. */
  | { readonly type: 'new-leader'; readonly node: NodeId; readonly term: number; readonly group?: string }
  /** Nobody of a group claims to lead any more; `node` was the last. */
  | { readonly type: 'leader-lost'; readonly node: NodeId; readonly group?: string }
  | { readonly type: 'node-down' | 'node-up'; readonly node: NodeId }
  /** How far a follower is behind what its leader has committed, as of the last look at both. */
  | { readonly type: 'lag'; readonly node: NodeId; readonly entries: number; readonly group?: string }
  /** `node` is the first of its targets. */
  | { readonly type: 'injected' | 'healed'; readonly node: NodeId; readonly fault: string };

/** What a trigger waits for. `of`: of this node only; with `injected` and `healed`: of this fault only. */
export type When =
  | { readonly type: Exclude<Seen['type'], 'lag'>; readonly of?: string }
  /** The lag passes so many entries: it was not above before. */
  | { readonly type: 'lag'; readonly above: number; readonly of?: NodeId };

/** All that a plan can wait for, with what it is about (`it`). */
export const occasions: Readonly<Record<Seen['type'], string>> = {
  'new-leader': 'a node leads in a higher term than any before; it: that node',
  'leader-lost': 'nobody leads any more; it: who led last',
  'node-down': 'a node goes down, killed or by itself; it: that node',
  'node-up': 'a node is started again; it: that node',
  lag: 'a follower falls more than so many entries behind; it: that follower',
  injected: 'a fault of this plan strikes; it: its first target',
  healed: 'a fault of this plan is healed; it: its first target',
};

export interface Trigger {
  readonly stream: string;
  readonly when: When;
  readonly deed: Deed;
  readonly durationNs: number;
  readonly afterNs: number;
  readonly patienceNs: number;
  /** How often at most it fires; not given: whenever it comes. */
  readonly timesMax?: number;
  /** How long it does not fire again. */
  readonly cooldownNs: number;
  /** It fires, and what it does lasts, within these. */
  readonly from: Instant;
  readonly until: Instant;
}

/** A trigger that is armed. */
export class Armed {
  readonly trigger: Trigger;
  /** How often it has fired. */
  fired = 0;
  #firedAt: Instant = Number.NEGATIVE_INFINITY;
  /** Nodes whose lag was above when last seen. */
  readonly #above = new Set<string>();

  constructor(trigger: Trigger) {
    this.trigger = trigger;
  }

  /** Whether this fires it. It has to be told all that is seen. */
  fires(seen: Seen, now: Instant): boolean {
    const { when, from, until, cooldownNs, timesMax } = this.trigger;
    if (now < from || now >= until || !this.#comes(when, seen)) return false;
    if (now < this.#firedAt + cooldownNs || this.fired >= (timesMax ?? Number.POSITIVE_INFINITY)) return false;
    this.fired++;
    this.#firedAt = now;
    return true;
  }

  #comes(when: When, seen: Seen): boolean {
    if (when.type !== seen.type) return false;
    if (seen.type === 'injected' || seen.type === 'healed') return when.of === undefined || when.of === seen.fault;
    if (when.of !== undefined && when.of !== seen.node) return false;
    if (when.type !== 'lag' || seen.type !== 'lag') return true;
    const follower = `${seen.group ?? ''} ${seen.node}`;
    const was = this.#above.has(follower);
    if (seen.entries <= when.above) this.#above.delete(follower);
    else this.#above.add(follower);
    return !was && seen.entries > when.above;
  }
}
