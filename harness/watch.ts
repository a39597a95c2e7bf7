/**
 * Watches the cluster while a run lives: who leads, who lags, who is up. It asks every node what it says of itself, listens to
 * what the store tells, writes both into the journal, and so is what faults look at when they aim at a role.
 */
import { type Clock, MILLISECOND } from '../history/clock.ts';
import type { NodeId, Position, Role, Sighting, Value } from '../history/operation.ts';
import type { Levers, Target } from '../nemesis/fault.ts';
import type { Deployment, NodeEvent } from './environments/environment.ts';
import { operating } from './operate.ts';
import type { Recorder } from './recorder.ts';
import type { System } from './system.ts';

const POLL_NS = 500 * MILLISECOND;

interface Seen {
  readonly role: Role;
  readonly term: number;
  readonly applied: Position | undefined;
}

export class Watch implements Target {
  readonly nodes: readonly NodeId[];
  readonly counts: Record<string, number> = {};
  readonly #system: System;
  readonly #recorder: Recorder;
  readonly #seen = new Map<NodeId, Seen>();
  #cluster: Deployment | undefined;
  #levers: Partial<Levers> = {};
  #watching = false;

  constructor(system: System, nodes: readonly NodeId[], recorder: Recorder) {
    this.#system = system;
    this.nodes = nodes;
    this.#recorder = recorder;
  }

  /** Told by the environment, as it happens. */
  observe(event: NodeEvent): void {
    if (event.type !== 'store') {
      if (event.type === 'down') this.#seen.delete(event.node);
      this.#recorder.note('cluster', event.type, { node: event.node });
      return;
    }
    const told = this.#system.interpret?.(event.node, event.event);
    for (const [name, n] of Object.entries(told?.counts ?? {})) this.counts[name] = (this.counts[name] ?? 0) + n;
    const sighting = told?.sighting;
    if (sighting?.role === undefined || sighting.term === undefined) return;
    this.#seen.set(event.node, {
      role: sighting.role,
      term: sighting.term,
      applied: this.#seen.get(event.node)?.applied,
    });
    this.#recorder.note('cluster', 'sighting', { node: event.node, role: sighting.role, term: sighting.term });
  }

  attach(cluster: Deployment): void {
    this.#cluster = cluster;
    const operate = operating(this.#system, cluster);
    this.#levers = operate === undefined ? cluster.levers : { ...cluster.levers, operate };
  }

  /** Asks every node now and then until `stop`. */
  start(clock: Clock): void {
    this.#watching = true;
    const round = (): void => {
      if (!this.#watching) return;
      void this.look().then(() => clock.timer(clock.now() + POLL_NS, round));
    };
    round();
  }

  stop(): void {
    this.#watching = false;
  }

  /** Asks every node once. */
  async look(): Promise<void> {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    for (const node of this.nodes) {
      const sighting = await this.#system.sight(cluster, node);
      if (sighting === undefined) this.#seen.delete(node);
      else {
        this.#seen.set(node, sighting);
        this.#recorder.note('cluster', 'sighting', plain(sighting));
      }
    }
  }

  get levers(): Partial<Levers> {
    return this.#levers;
  }

  leader(): NodeId | undefined {
    let best: { node: NodeId; term: number } | undefined;
    for (const [node, { role, term }] of this.#seen) {
      if (role === 'leader' && (best === undefined || term > best.term)) best = { node, term };
    }
    return best?.node;
  }

  followers(): readonly NodeId[] {
    const leader = this.leader();
    return this.nodes.filter((node) => node !== leader && this.#cluster?.isUp(node) === true);
  }

  learners(): readonly NodeId[] {
    return this.nodes.filter((node) => this.#seen.get(node)?.role === 'learner');
  }

  mostLagging(): NodeId | undefined {
    let worst: { node: NodeId; at: number } | undefined;
    for (const node of this.followers()) {
      const at = Number(this.#seen.get(node)?.applied?.at ?? 0);
      if (worst === undefined || at < worst.at) worst = { node, at };
    }
    return worst?.node;
  }
}

function plain({ node, role, term, commit, applied }: Sighting): Value {
  return { node, role, term, commit: tuple(commit), applied: tuple(applied) };
}

function tuple(position: Position): Value {
  return [position.group, position.history, position.at];
}
