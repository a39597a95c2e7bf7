/** Who is asked: whom the client takes for the leader of a group, which nodes are near, and which are passed over. */
import type { GroupId, NodeId } from '../core/types.ts';

/** Which of the nodes that may serve a read is asked. `leader`: it, and the nearest where it will not serve. */
export type Routing = 'nearest' | 'fastest' | 'round-robin' | 'leader';

export const routings: readonly Routing[] = ['nearest', 'fastest', 'round-robin', 'leader'];

/** Whom a request may go to. A `follower` read spares the leader, which serves it when nobody else does. */
export type Target = 'leader' | 'follower' | 'any' | { readonly node: NodeId };

export interface RoutesConfig {
  /** Every node, the nearest to the client first. */
  readonly nodes: readonly NodeId[];
  /** Those that may be asked to read; all if not given. */
  readonly readers?: readonly NodeId[];
  readonly routing: Routing;
  /** Ask this node and no other. */
  readonly only?: NodeId;
  /** Which of the nodes to believe in first when looking for a leader. */
  readonly firstGuess: number;
  /** How long a node that would not serve is passed over, ms. */
  readonly avoidMs: number;
  nowMs(): number;
  /** How far away a node is as far as is known, ms; for `fastest`. */
  latencyMs(node: NodeId): number | undefined;
}

interface Belief {
  leader: NodeId | undefined;
  /** Number of the node to ask for the leader while nobody knows. */
  guess: number;
  /** So many that were asked in a row were not the leader. */
  misled: number;
}

export class Routes {
  readonly #config: RoutesConfig;
  readonly #readers: readonly NodeId[];
  readonly #beliefs = new Map<GroupId, Belief>();
  /** Nodes that would not serve, and until when (ms) others are asked instead. */
  readonly #avoided = new Map<NodeId, number>();
  /** Where the next round of `round-robin` begins. */
  #turn = 0;

  constructor(config: RoutesConfig) {
    this.#config = config;
    this.#readers = config.readers ?? config.nodes;
  }

  get nodes(): readonly NodeId[] {
    return this.#config.nodes;
  }

  /** Nobody else can be asked. */
  isBound(target: Target): boolean {
    return this.#config.only !== undefined || typeof target === 'object' || this.#config.nodes.length === 1;
  }

  leader(group: GroupId): NodeId | undefined {
    return this.#beliefs.get(group)?.leader;
  }

  pick(target: Target, group: GroupId): NodeId {
    const { only, nodes, routing } = this.#config;
    if (only !== undefined) return only;
    if (typeof target === 'object') return target.node;
    const { leader, guess } = this.#belief(group);
    if (target === 'leader') return leader ?? nodes[guess % nodes.length];
    if (routing === 'leader' && leader !== undefined && !this.#isAvoided(leader)) return leader;
    return this.#reader(target === 'follower' ? leader : undefined);
  }

  /** The node answered, in this role. */
  answered(node: NodeId, group: GroupId, isLeader: boolean): void {
    const belief = this.#belief(group);
    if (isLeader) {
      belief.leader = node;
      belief.misled = 0;
    } else if (belief.leader === node) belief.leader = undefined;
  }

  /**
   * The node is not the leader it was asked as, or can't act as one: follow its hint, or believe in the next. Nodes that were
   * removed may go on naming each other: when as many as there are have misled us, as many are asked in turn, hints or not.
   */
  isNoLeader(node: NodeId, group: GroupId, hint: NodeId | undefined): void {
    const belief = this.#belief(group);
    const { nodes } = this.#config;
    const credulous = belief.misled++ % (2 * nodes.length) < nodes.length;
    if (credulous && hint !== undefined && hint !== node && nodes.includes(hint)) belief.leader = hint;
    else if (!credulous || belief.leader === node) belief.leader = undefined;
    belief.guess = (nodes.indexOf(node) + 1) % nodes.length;
  }

  avoid(node: NodeId): void {
    this.#avoided.set(node, this.#config.nowMs() + this.#config.avoidMs);
  }

  #belief(group: GroupId): Belief {
    let belief = this.#beliefs.get(group);
    if (belief === undefined) {
      belief = { leader: undefined, guess: this.#config.firstGuess, misled: 0 };
      this.#beliefs.set(group, belief);
    }
    return belief;
  }

  #isAvoided(node: NodeId): boolean {
    const until = this.#avoided.get(node);
    return until !== undefined && until > this.#config.nowMs();
  }

  /** A node that served when last asked, and is not the one to be spared; of several the preferred one. */
  #reader(spared: NodeId | undefined): NodeId {
    const fit = (node: NodeId): boolean => node !== spared && !this.#isAvoided(node);
    const readers = this.#readers;
    switch (this.#config.routing) {
      case 'nearest':
      case 'leader':
        for (const node of readers) if (fit(node)) return node;
        break;
      case 'round-robin':
        for (let i = 0; i < readers.length; i++) {
          const at = (this.#turn + i) % readers.length;
          if (!fit(readers[at])) continue;
          // From behind the one that was picked: otherwise whoever follows one that is passed over gets its share.
          this.#turn = at + 1;
          return readers[at];
        }
        break;
      case 'fastest': {
        const best = this.#fastest(readers.filter(fit));
        if (best !== undefined) return best;
      }
    }
    return this.#longestAvoided(spared);
  }

  /** Nodes of which nothing is known yet come last, in the order of their distance. */
  #fastest(nodes: readonly NodeId[]): NodeId | undefined {
    let best: NodeId | undefined;
    let leastMs = Number.POSITIVE_INFINITY;
    for (const node of nodes) {
      const ms = this.#config.latencyMs(node) ?? Number.POSITIVE_INFINITY;
      if (best === undefined || ms < leastMs) {
        best = node;
        leastMs = ms;
      }
    }
    return best;
  }

  /** All refused lately, or are to be spared: whoever is to be spared, if it did not refuse; otherwise who did so first. */
  #longestAvoided(spared: NodeId | undefined): NodeId {
    if (spared !== undefined && !this.#isAvoided(spared)) return spared;
    const until = (node: NodeId): number => this.#avoided.get(node) ?? 0;
    return this.#readers.reduce((a, b) => (until(b) < until(a) ? b : a));
  }
}
