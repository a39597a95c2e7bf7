/**
 * Knows what Raft promises (Ongaro & Ousterhout 2014, figure 3) and what the store's answers mean, sees everything that
 * happens to a cluster, and notes every breach.
 */
import type {
  Entry,
  NodeId,
  Origin,
  Position,
  ReplicaEvent,
  Request,
  Response,
  Snapshot,
  Status,
  TermStart,
  Value,
} from '../types.ts';
import { epochOf } from '../types.ts';
import { Claims, NEWEST } from './claims.ts';
import type { Cluster } from './cluster.ts';
import { Configurations, membersAt } from './configurations.ts';

export interface Asked {
  readonly body: Request;
  readonly node: NodeId;
  readonly life: number;
  /** Highest committed place that anybody had been told of when this was asked. */
  readonly floor: number;
  /** Promotions by force before it. */
  readonly promotions: number;
  /** Highest place of a write that was answered as served by every voter, this node among them. */
  readonly applied: number;
}

/** What is known at a moment to whoever asks then. */
export type Known = Pick<Asked, 'floor' | 'applied' | 'promotions'>;

export interface Outcome {
  readonly breaches: readonly string[];
  readonly answered: number;
  readonly truncations: number;
  readonly leaders: number;
  readonly undoneTokens: number;
  readonly committed: number;
  readonly handovers: number;
  /** Changes of members in the final log, and undone ones. */
  readonly memberChanges: number;
  readonly membersUndone: number;
  readonly promotions: number;
  /** Damaged logs. */
  readonly damaged: number;
  /** Images taken by their own node's shell, and installed by followers. */
  readonly snapshots: number;
  readonly installs: number;
  readonly repeats: number;
  readonly leasesExpired: number;
  /** Reads answered, by path. */
  readonly reads: ReadonlyMap<string, number>;
}

export class Observer {
  readonly #cluster: Cluster;
  readonly #initial: readonly NodeId[];
  readonly #configurations: Configurations;
  /** Where acknowledged writes were put, oldest first. */
  readonly tokens: Position[] = [];
  readonly #breaches = new Set<string>();
  readonly #asked = new Map<number, Asked>();
  readonly #leaderOfTerm = new Map<number, NodeId>();
  #termCommittedAt: (number | undefined)[] = [0];
  readonly #reads: { readonly asked: Asked; readonly response: Response & { readonly type: 'read' } }[] = [];
  readonly #acknowledged: { readonly version: Position; readonly ack: string }[] = [];
  readonly #snapshots: Snapshot[] = [];
  #installs = 0;
  readonly #servedAt = new Map<string, number>();
  /** Highest committed place that anybody has been told of. */
  #floor = 0;
  /** Promotions by force: the log that each of them made the only one. */
  readonly #promotions: { readonly term: number; readonly log: readonly Entry[] }[] = [];
  damaged = 0;
  /** Highest commit index that an answer to a write gave. */
  commit = 0;
  /** With a promotion by force most of what answers claim is suspended. */
  readonly #claims = new Claims((what, detail) => {
    if (this.#promotions.length === 0) this.#breach(what, detail);
  });
  readonly #readsByPath = new Map<string, number>();
  #leasesExpired = 0;
  #truncations = 0;
  #undoneTokens = 0;
  /** Switchovers that ended as they were to. */
  #handovers = 0;

  /** The cluster, and the voters it begins with. */
  constructor(cluster: Cluster, initial: readonly NodeId[]) {
    this.#cluster = cluster;
    this.#initial = initial;
    this.#configurations = new Configurations(cluster, (what, detail) => this.#breach(what, detail));
  }

  outcome(): Outcome {
    return {
      breaches: [...this.#breaches],
      answered: this.#cluster.answers.size,
      truncations: this.#truncations,
      leaders: this.#leaderOfTerm.size,
      undoneTokens: this.#undoneTokens,
      committed: this.#termCommittedAt.length - 1,
      handovers: this.#handovers,
      memberChanges: this.#configurations.changes,
      membersUndone: this.#configurations.undone,
      promotions: this.#promotions.length,
      damaged: this.damaged,
      snapshots: this.#snapshots.length - this.#installs,
      installs: this.#installs,
      repeats: this.#claims.repeats,
      leasesExpired: this.#leasesExpired,
      reads: this.#readsByPath,
    };
  }

  /** What is known now, by whoever asks. */
  known(node: NodeId): Known {
    const promotions = this.#promotions.length;
    return { floor: this.#floor, applied: this.#claims.applied.get(node) ?? 0, promotions };
  }

  /** With what was known when the client asked, which may be before the node took the request. */
  asked(body: Request, node: NodeId, known: Known): void {
    const asked = { body, node, life: this.#cluster.machine(node).life, ...known };
    this.#asked.set(this.#asked.size + 1, asked);
    this.#claims.asked(asked);
  }

  #raise(floor: number): void {
    this.#floor = Math.max(this.#floor, floor);
    this.#claims.told(this.#cluster.nowMs, this.#floor);
  }

  told(node: NodeId, event: ReplicaEvent): void {
    this.#configurations.told(node, event);
    if (event.type === 'role' && event.role === 'leader') this.#elected(node, event.term);
    if (event.type === 'truncated') this.#truncated(event.entries);
    if (event.type === 'snapshot-installed') {
      this.#installs++;
      if (this.#promotions.length > 0) this.#servedAt.delete(this.#lifeOf(node));
    }
    if (event.type === 'token-undone') this.#undoneTokens++;
    if (event.type === 'promoted-by-force') this.#promoted(event.term, this.#cluster.machine(node).full);
    if (event.type === 'lease-expired') this.#leasesExpired++;
  }

  #breach(what: string, detail: string): void {
    this.#breaches.add(`${what}: ${detail}`);
  }

  /** The node may crash before it tells, but after its promotion has come to its disk. */
  #watchEpochs(): void {
    for (const { full } of this.#cluster.machines.values()) {
      const epoch = epochOf(full.at(-1)?.term ?? 0);
      if (epoch === 0 || this.#promotions.some(({ term }) => epochOf(term) === epoch)) continue;
      const first = full.findIndex(({ term }) => epochOf(term) === epoch);
      this.#promoted(full[first].term, full.slice(0, first + 1));
    }
  }

  #promoted(term: number, log: readonly Entry[]): void {
    if (this.#promotions.some((known) => known.term === term)) return;
    this.#promotions.push({ term, log });
    // What was known before says nothing about the new epoch.
    this.#floor = 0;
    this.#termCommittedAt = this.#termCommittedAt.map((committed, index) =>
      committed !== undefined && this.#mayBeLost({ term: committed, index }) ? undefined : committed,
    );
  }

  /** Whether some promotion overruled this entry: then it may be lost, and whoever has not heard may still serve it. */
  #mayBeLost({ term, index }: Position): boolean {
    return this.#promotions.some((epoch) => term < epoch.term && epoch.log[index - 1]?.term !== term);
  }

  #elected(node: NodeId, term: number): void {
    const other = this.#leaderOfTerm.get(term);
    if (other !== undefined && other !== node)
      this.#breach('election safety', `${other} and ${node} lead term ${term}`);
    this.#leaderOfTerm.set(term, node);
  }

  #truncated(entries: readonly Entry[]): void {
    this.#truncations++;
    const lost = entries.find((entry) => this.#termCommittedAt[entry.index] === entry.term);
    if (lost !== undefined) this.#breach('committed entry truncated', `(${lost.term},${lost.index})`);
  }

  /** State-machine safety: whatever is committed at an index anywhere has the same term everywhere. */
  watchCommits(): void {
    this.#configurations.check();
    this.#watchEpochs();
    for (const { id, replica } of this.#cluster.machines.values()) {
      const commit = replica?.status().commit;
      if (commit === undefined || commit.index === 0) continue;
      if (this.#mayBeLost(commit)) continue;
      const known = this.#termCommittedAt[commit.index];
      if (known === undefined) this.#termCommittedAt[commit.index] = commit.term;
      else if (known !== commit.term)
        this.#breach('state-machine safety', `${id} at ${commit.index}: ${known} and ${commit.term}`);
    }
  }

  answered(request: number, response: Response): void {
    const asked = this.#asked.get(request);
    if (asked === undefined) throw new Error(`answer to ${request}, which nobody asked`);
    if (response.type === 'done' && asked.body.type === 'switchover') this.#handovers++;
    this.#claims.answered(asked, response, this.#cluster.nowMs);
    if (response.type === 'read') {
      this.#reads.push({ asked, response });
      const { body } = asked;
      if (body.type !== 'read' || body.path === 'local') return;
      this.#readsByPath.set(body.path, (this.#readsByPath.get(body.path) ?? 0) + 1);
      if (NEWEST.includes(body.path) && this.#hasHeardAll(asked.node)) {
        if (response.position.index < asked.floor && asked.promotions === this.#promotions.length)
          this.#breach(`stale ${body.path} read`, `${response.position.index} < ${asked.floor}`);
        this.#raise(response.position.index);
      }
      const life = this.#lifeOf(asked.node);
      if (response.position.index < (this.#servedAt.get(life) ?? 0)) this.#breach('a node went back', life);
      this.#servedAt.set(life, response.position.index);
      return;
    }
    if ((response.type !== 'written' && response.type !== 'mismatch') || !('ack' in asked.body)) return;
    const { version } = response;
    this.commit = Math.max(this.commit, response.commit ?? 0);
    if (response.type === 'written') this.tokens.push(version);
    if (asked.body.ack === 'leader-ack') return;
    this.#acknowledged.push({ version, ack: asked.body.ack ?? 'quorum-ack' });
    if (this.#hasHeardAll(asked.node)) this.#raise(version.index);
    if (response.type !== 'written' || this.#mayBeLost(version)) return;
    for (const id of this.#votersOf(version, this.#claims.isRepeated(asked.body))) {
      if (asked.body.ack === 'all-applied') this.#claims.appliedBy(id, version.index);
      if (asked.body.ack !== 'all-ack' && asked.body.ack !== 'all-applied') continue;
      const { full, durable } = this.#cluster.machine(id);
      // What was damaged since may have lost it again.
      if (durable.damaged === true) continue;
      if (full[version.index - 1]?.term !== version.term) this.#breach(`${asked.body.ack} not on every disk`, id);
    }
  }

  /**
   * Every voter of the entry's configuration. That of an old entry, of which a repeat may ask, is not known for ever: whoever
   * was removed by a committed change since may be left out.
   */
  #votersOf({ term, index }: Position, repeated: boolean): readonly NodeId[] {
    const logs = [...this.#cluster.machines.values()].map(({ full }) => full);
    const log = logs.find((full) => full[index - 1]?.term === term) ?? [];
    const { voters } = membersAt(log, index, this.#initial);
    if (!repeated) return voters;
    const committed = this.#termCommittedAt.length - 1;
    const longest = logs.find((full) => full[committed - 1]?.term === this.#termCommittedAt[committed]) ?? log;
    const { voters: now } = membersAt(longest, committed, this.#initial);
    return voters.filter((id) => now.includes(id));
  }

  #lifeOf(node: NodeId): string {
    return `${node}/${this.#cluster.machine(node).life}`;
  }

  /** Whether the node knows of all promotions by force; what others say is of a history that was overruled. */
  #hasHeardAll(node: NodeId): boolean {
    const { term } = this.#cluster.replica(node).status();
    return this.#promotions.every((promotion) => term >= promotion.term);
  }

  missing({ term, index }: Position): void {
    this.#breach('no disk has what a snapshot ends with', `(${term},${index})`);
  }

  /** An image that was written to a disk, or sent to a follower. */
  saw(snapshot: Snapshot): void {
    this.#snapshots.push(snapshot);
  }

  #judgeSnapshot(snapshot: Snapshot, log: readonly Entry[], states: readonly Held[]): void {
    const { term, index } = snapshot;
    if (this.#mayBeLost(snapshot)) return;
    if (index > 0 && log[index - 1]?.term !== term)
      this.#breach('snapshot of what is not committed', `(${term},${index})`);
    const state = states[Math.min(index, states.length - 1)];
    const same =
      snapshot.values.length === state.size &&
      snapshot.values.every((stored) => {
        const held = state.get(stored.key);
        return held?.index === stored.index && held.term === stored.term && held.value === stored.value;
      });
    if (!same) this.#breach('wrong snapshot', `(${term},${index})`);
    const { originsKept = 100_000 } = this.#cluster.config;
    const requests = log
      .slice(Math.max(0, index - originsKept), index)
      .flatMap((entry) => (entry.origin === undefined ? [] : [placeIn(entry, entry.origin)]));
    if (requests.join() !== snapshot.requests.map((record) => placeIn(record, record)).join())
      this.#breach('wrong requests in a snapshot', `(${term},${index})`);
    if (JSON.stringify(snapshot.terms) !== JSON.stringify(termStarts(log.slice(0, index))))
      this.#breach('wrong term history', `(${term},${index})`);
  }

  /** The log of whoever leads, or the longest. */
  #finalLog(): readonly Entry[] {
    const rank = (status: Status | undefined): number => (status?.role === 'leader' ? status.term : 0);
    const machines = [...this.#cluster.machines.values()];
    return machines.reduce((best, other) => {
      const above = rank(other.replica?.status()) - rank(best.replica?.status());
      return above > 0 || (above === 0 && other.full.length > best.full.length) ? other : best;
    }).full;
  }

  /** Once everybody has caught up: one log, and every answer is explained by it. */
  judge(): void {
    const log = this.#finalLog();
    const { voters, learners } = this.#configurations.judge(log, this.#initial);
    for (const { id, replica, full } of this.#cluster.machines.values()) {
      const commit = replica?.status().commit.index ?? 0;
      const member = voters.includes(id) || learners.includes(id);
      if (member && (commit !== log.length || full.length !== log.length)) this.#breach('not caught up', id);
      // What was removed may have stopped anywhere, with entries that nobody else got.
      const known = full.slice(0, member ? full.length : commit);
      if (known.some((entry, i) => JSON.stringify(entry) !== JSON.stringify(log[i]) && !this.#mayBeLost(entry)))
        this.#breach('log matching', id);
    }
    this.#termCommittedAt.forEach((term, index) => {
      if (index > 0 && term !== undefined && log[index - 1]?.term !== term)
        this.#breach('leader completeness', `(${term},${index}) is gone`);
    });
    for (const { version, ack } of this.#acknowledged) {
      if (version.index > 0 && log[version.index - 1]?.term !== version.term && !this.#mayBeLost(version)) {
        this.#breach('acknowledged write lost', `${ack} (${version.term},${version.index})`);
      }
    }
    this.#claims.judge(log);
    const states = replay(log);
    for (const snapshot of this.#snapshots) this.#judgeSnapshot(snapshot, log, states);
    for (const { asked, response } of this.#reads) {
      const path = asked.body.type === 'read' ? asked.body.path : '';
      if (path === 'local') continue;
      const { position, values, versions } = response;
      if (this.#mayBeLost(position)) continue;
      if (position.index > 0 && log[position.index - 1]?.term !== position.term)
        this.#breach('undone state served', path);
      const state = states[Math.min(position.index, states.length - 1)];
      const keys = asked.body.type === 'read' ? asked.body.keys : [];
      values.forEach((value, i) => {
        const version = state.get(keys[i]);
        if (value !== (version?.value ?? null)) this.#breach('wrong value', path);
        if (versions[i]?.index !== version?.index || versions[i]?.term !== version?.term)
          this.#breach('wrong version', path);
      });
      const token = asked.body.type === 'read' ? asked.body.token : undefined;
      if (token !== undefined && (position.index < token.index || log[token.index - 1]?.term !== token.term)) {
        this.#breach('token not honoured', `(${token.term},${token.index}) at ${position.index}`);
      }
    }
  }
}

function placeIn({ term, index }: Position, { client, sequence }: Origin): string {
  return `${client}/${sequence} at (${term},${index})`;
}

function termStarts(log: readonly Entry[]): TermStart[] {
  return log.filter(({ term }, i) => term !== log[i - 1]?.term).map(({ term, index }) => ({ term, index }));
}

type Held = ReadonlyMap<string | number, { readonly value: Value; readonly term: number; readonly index: number }>;

/** The naive twin of the multi-version state: the whole state after each prefix of the log. */
export function replay(log: readonly Entry[]): Held[] {
  const states: Held[] = [new Map()];
  for (const { term, index, command } of log) {
    const state = new Map(states[states.length - 1]);
    if (command.type === 'write') state.set(command.key, { value: command.value, term, index });
    if (
      command.type === 'cas' &&
      JSON.stringify(state.get(command.key)?.value ?? null) === JSON.stringify(command.expected)
    ) {
      state.set(command.key, { value: command.next, term, index });
    }
    states.push(state);
  }
  return states;
}
