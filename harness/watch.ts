/**
 * Watches the cluster while a run lives: who leads, who lags, who is up. It asks every node what it says of itself, listens to
 * what the store tells, writes both into the journal, and so is what faults look at when they aim at a role.
 */
import { type Clock, MILLISECOND } from '../history/clock.ts';
import type { NodeId, Position, Role, Sighting, Value } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Levers, Target } from '../nemesis/fault.ts';
import type { Seen } from '../nemesis/triggers.ts';
import type { Deployment, NodeEvent } from './environments/environment.ts';
import { operating } from './operate.ts';
import { Pulls, recorded } from './pulls.ts';
import type { Recorder } from './recorder.ts';
import type { System } from './system.ts';

const POLL_NS = 500 * MILLISECOND;
/** How often nodes are asked while somebody waits for what they say. */
const POLL_NS_ATTENTIVE = 50 * MILLISECOND;

interface Part {
  readonly role: Role;
  readonly term: number;
  readonly applied: Position | undefined;
  readonly commit?: Position;
}

/** What nodes said last of their parts in one replication group. */
type Group = Map<NodeId, Part>;

export class Watch implements Target {
  readonly nodes: readonly NodeId[];
  readonly counts: Record<string, number> = {};
  /** Whether some nodes are cut off from others right now: what the store tells then is counted once more, as such. */
  partitioned: () => boolean = () => false;
  readonly clockDriftPpmMax: number | undefined;
  /** What faults did to the cluster by its levers. */
  readonly pulls = new Pulls();
  readonly #system: System;
  readonly #recorder: Recorder;
  readonly #groups = new Map<string, Group>();
  /** The group that `leader` and the like speak of; the first one until it is chosen. */
  #aimed: string | undefined;
  /** Told what is seen of the cluster, where somebody waits for that. */
  #listener: ((seen: Seen) => void) | undefined;
  /** By group: who led last, and the highest term that anybody claimed to lead in. */
  readonly #led = new Map<string, { readonly node: NodeId; readonly term: number; readonly leads: boolean }>();
  #cluster: Deployment | undefined;
  #levers: Partial<Levers> = {};
  #watching = false;

  constructor(
    system: System,
    nodes: readonly NodeId[],
    recorder: Recorder,
    settings: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#system = system;
    this.clockDriftPpmMax = system.clockDriftPpmMax?.(settings);
    this.nodes = nodes;
    this.#recorder = recorder;
  }

  /** Told by the environment, as it happens. */
  observe(event: NodeEvent): void {
    if (event.type !== 'store') {
      if (event.type === 'down') this.#forget(event.node);
      this.#recorder.note('cluster', event.type, { node: event.node });
      this.#listener?.({ type: event.type === 'down' ? 'node-down' : 'node-up', node: event.node });
      this.#tellLeaders();
      return;
    }
    const told = this.#system.interpret?.(event.node, event.event);
    const cut = this.partitioned();
    for (const [name, n] of Object.entries(told?.counts ?? {})) {
      this.#count(name, n);
      if (cut) this.#count(`${name} under partition`, n);
    }
    const sighting = told?.sighting;
    if (sighting?.role === undefined || sighting.term === undefined) return;
    const { role, term, group } = sighting;
    const seen = this.#group(group ?? '');
    const known = seen.get(event.node);
    seen.set(event.node, {
      role,
      term,
      applied: known?.applied,
      ...(known?.commit !== undefined && { commit: known.commit }),
    });
    this.#recorder.note('cluster', 'sighting', { node: event.node, role, term, ...(group !== undefined && { group }) });
    this.#tellLeaders();
  }

  /** From now on `listener` is told what is seen, and nodes are asked more often. */
  tell(listener: (seen: Seen) => void): void {
    this.#listener = listener;
  }

  #count(name: string, n: number): void {
    this.counts[name] = (this.counts[name] ?? 0) + n;
  }

  attach(cluster: Deployment): void {
    this.#cluster = cluster;
    const operate = operating(this.#system, cluster);
    const levers = { ...cluster.levers, ...(operate !== undefined && { operate }) };
    // Some faults pull more levers than they need, where those are there.
    for (const lever of Object.keys(this.#system.unreachable ?? {})) delete levers[lever as keyof typeof levers];
    this.#levers = recorded(levers, cluster.clock, this.pulls);
  }

  /** Asks every node now and then until `stop`. */
  start(clock: Clock): void {
    this.#watching = true;
    const round = (): void => {
      if (!this.#watching) return;
      const pollNs = this.#listener === undefined ? POLL_NS : POLL_NS_ATTENTIVE;
      void this.look().then(() => clock.timer(clock.now() + pollNs, round));
    };
    round();
  }

  stop(): void {
    this.#watching = false;
  }

  /** Asks every node once; one that does not answer keeps nobody waiting for what the others say. */
  async look(): Promise<void> {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    await Promise.all(
      this.nodes.map(async (node) => {
        const sightings = await this.#system.sight(cluster, node);
        this.#forget(node);
        for (const sighting of sightings) {
          this.#group(sighting.commit.group).set(node, sighting);
          this.#recorder.note('cluster', 'sighting', plain(sighting));
        }
        this.#tellLeaders();
      }),
    );
    this.#tellLags();
  }

  #tellLeaders(): void {
    for (const [name, group] of this.#groups) {
      const before = this.#led.get(name);
      const node = leaderOf(group);
      const term = node === undefined ? undefined : group.get(node)?.term;
      const told = this.#groups.size > 1 ? { group: name } : {};
      if (node === undefined || term === undefined) {
        if (before?.leads !== true) continue;
        this.#led.set(name, { ...before, leads: false });
        this.#listener?.({ type: 'leader-lost', node: before.node, ...told });
      } else if (before === undefined || term > before.term) {
        this.#led.set(name, { node, term, leads: true });
        this.#listener?.({ type: 'new-leader', node, term, ...told });
      } else if (term === before.term) this.#led.set(name, { node, term, leads: true });
    }
  }

  #tellLags(): void {
    if (this.#listener === undefined) return;
    for (const [name, group] of this.#groups) {
      const leader = leaderOf(group);
      const commit = leader === undefined ? undefined : group.get(leader)?.commit;
      const committed = Number(commit?.at);
      for (const [node, { applied }] of group) {
        if (this.#system.positions?.withinHistory === true && applied?.history !== commit?.history) continue;
        const entries = committed - Number(applied?.at);
        const told = this.#groups.size > 1 ? { group: name } : {};
        if (node !== leader && entries >= 0) this.#listener({ type: 'lag', node, entries, ...told });
      }
    }
  }

  #group(name: string): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group: Group = new Map();
    this.#groups.set(name, group);
    return group;
  }

  #forget(node: NodeId): void {
    for (const group of this.#groups.values()) group.delete(node);
  }

  /** Whether every group that is known has somebody who claims to lead it. */
  get led(): boolean {
    const groups = [...this.#groups.values()].filter((group) => group.size > 0);
    return groups.length > 0 && groups.every((group) => leaderOf(group) !== undefined);
  }

  get group(): string | undefined {
    return this.#groups.size > 1 ? (this.#aimed ?? [...this.#groups.keys()][0]) : undefined;
  }

  aim(random: Random, group?: string): void {
    if (this.#groups.size > 1) this.#aimed = group ?? random.pick([...this.#groups.keys()].sort());
  }

  get #aimedAt(): Group {
    const [first] = this.#groups.values();
    return this.#groups.get(this.#aimed ?? '') ?? first ?? new Map();
  }

  get levers(): Partial<Levers> {
    return this.#levers;
  }

  leader(): NodeId | undefined {
    return leaderOf(this.#aimedAt);
  }

  followers(): readonly NodeId[] {
    const leader = this.leader();
    return this.nodes.filter((node) => node !== leader && this.#cluster?.isUp(node) === true);
  }

  learners(): readonly NodeId[] {
    return this.nodes.filter((node) => this.#aimedAt.get(node)?.role === 'learner');
  }

  leastLagging(): NodeId | undefined {
    let best: { node: NodeId; at: number } | undefined;
    for (const node of this.followers()) {
      const at = Number(this.#aimedAt.get(node)?.applied?.at ?? 0);
      if (best === undefined || at > best.at) best = { node, at };
    }
    return best?.node;
  }

  mostLagging(): NodeId | undefined {
    let worst: { node: NodeId; at: number } | undefined;
    for (const node of this.followers()) {
      const at = Number(this.#aimedAt.get(node)?.applied?.at ?? 0);
      if (worst === undefined || at < worst.at) worst = { node, at };
    }
    return worst?.node;
  }
}

function leaderOf(group: Group): NodeId | undefined {
  let best: { node: NodeId; term: number } | undefined;
  for (const [node, { role, term }] of group) {
    if (role === 'leader' && (best === undefined || term > best.term)) best = { node, term };
  }
  return best?.node;
}

/** A leader is the one to believe about who takes part. */
function plain({ node, role, term, commit, applied, members }: Sighting): Value {
  const known = role === 'leader' && members !== undefined ? { members } : {};
  return { node, role, term, commit: tuple(commit), applied: tuple(applied), ...known };
}

function tuple(position: Position): Value {
  return [position.group, position.history, position.at];
}
