/**
 * Several replication groups on one node: a store with shards. Each group is a {@link Replica} of its own, with its own
 * log, term, vote and leader; what they share is the node's network, disk and heartbeat.
 *
 * - What the groups say to one node in one step travels as one {@link Bundle}.
 * - One heartbeat timer serves all groups that lead here: a tick costs one bundle a peer, however many groups there are,
 *   and the answers to it come back as one.
 * - Tickets ascend over all groups, so one sync of the shared log reports to all of them at once.
 * - Requests go by key (slots.ts), an operator's by the group it names, notes by their token's group.
 */
import { violated } from './invariant.ts';
import type { Bundle, Message } from './messages.ts';
import { Replica } from './replica.ts';
import { groupName, groupOf } from './slots.ts';
import type {
  DiskState,
  DiskWrite,
  Durable,
  Effects,
  GroupId,
  Key,
  NodeId,
  ReplicaConfig,
  ReplicaEvent,
  Request,
  Response,
  SnapshotReader,
  Status,
  Steps,
  Timer,
  TimerName,
} from './types.ts';

export type GroupsConfig = Omit<ReplicaConfig, 'group' | 'preferredLeader' | 'leaderTurn'> & {
  /** How many: `g0` … . All nodes of a cluster must agree, and it never changes: keys are dealt by it. */
  readonly groups: number;
  /** Group i is to be led by the i-th of its voters, counted round. */
  readonly spreadLeaders: boolean;
};

export class Groups implements Steps<Bundle> {
  readonly #groups: readonly Group[];
  readonly #shared: Shared;
  readonly #groupByTimer = new Map<Timer, readonly [Group, TimerName]>();

  /** `durables`: what the disk holds of each group, in any order; a group without one begins anew. */
  constructor(config: GroupsConfig, durables: readonly Durable[], nowMs: number, out: Effects<Bundle>) {
    const { groups: count, spreadLeaders, ...common } = config;
    this.#shared = new Shared(out);
    const recovered = new Map(durables.map((durable) => [durable.group ?? groupName(0), durable]));
    this.#groups = Array.from({ length: count }, (_, i) => {
      const group = groupName(i);
      const durable = recovered.get(group) ?? { group, term: 0, votedFor: null, entries: [] };
      recovered.delete(group);
      const own = { ...common, group, ...(spreadLeaders ? { leaderTurn: i } : undefined) };
      return new Group(own, durable, nowMs, this.#shared);
    });
    for (const group of recovered.keys()) violated(`the disk holds ${group}, and there are ${count} groups`);
    for (const group of this.#groups)
      for (const name of OWN_TIMERS) this.#groupByTimer.set(group.timerOf(name), [group, name]);
    this.#shared.end();
  }

  receive(from: NodeId, message: Bundle, nowMs: number, out: Effects<Bundle>): void {
    this.#shared.begin(out);
    for (const part of message.parts) {
      // Of a group that is not here: the shells of a cluster agree on the number before they talk.
      this.#groups[part.group]?.replica.receive(from, part.message, nowMs, this.#groups[part.group]);
    }
    this.#shared.end();
  }

  request(request: number, body: Request, nowMs: number, out: Effects<Bundle>): void {
    const group = this.#groupOf(body);
    if (group === undefined) {
      out.answer(request, { type: 'refused', code: 'WRONG_GROUP' });
      return;
    }
    this.#shared.begin(out);
    group.replica.request(request, body, nowMs, group);
    this.#shared.end();
  }

  synced(ticket: number, nowMs: number, out: Effects<Bundle>): void {
    this.#shared.begin(out);
    for (const group of this.#groups) group.synced(ticket, nowMs);
    this.#shared.end();
  }

  fired(timer: Timer, nowMs: number, out: Effects<Bundle>): void {
    this.#shared.begin(out);
    if (timer === 'heartbeat') {
      for (const group of this.#shared.beat()) group.replica.fired('heartbeat', nowMs, group);
    } else {
      const [group, name] = this.#groupByTimer.get(timer) ?? violated(`no timer ${timer}`);
      group.replica.fired(name, nowMs, group);
    }
    this.#shared.end();
  }

  diskChanged(state: DiskState, nowMs: number, out: Effects<Bundle>): void {
    this.#shared.begin(out);
    for (const group of this.#groups) group.replica.diskChanged(state, nowMs, group);
    this.#shared.end();
  }

  elect(group: GroupId, term: number | undefined, nowMs: number, out: Effects<Bundle>): void {
    const found = this.#named(group);
    this.#shared.begin(out);
    found.replica.elect(group, term, nowMs, found);
    this.#shared.end();
  }

  snapshot(group: GroupId): SnapshotReader {
    return this.#named(group).replica.snapshot(group);
  }

  compacted(group: GroupId, index: number): void {
    this.#named(group).replica.compacted(group, index);
  }

  status(): Status {
    return this.#groups[0].replica.status();
  }

  statuses(): readonly Status[] {
    return this.#groups.map(({ replica }) => replica.status());
  }

  #named(group: GroupId): Group {
    return this.#groups.find(({ name }) => name === group) ?? violated(`no group ${group}`);
  }

  /** Undefined: the keys lie in several groups, or the group is not here. */
  #groupOf(body: Request): Group | undefined {
    switch (body.type) {
      case 'read':
        return this.#groupOfKeys(body.keys);
      case 'write':
      case 'cas':
        return this.#groups[groupOf(body.key, this.#groups.length)];
      case 'note':
        return this.#groups.find(({ name }) => name === body.token.group);
      case 'switchover':
      case 'change-members':
      case 'promote-by-force':
        return this.#groups.find(({ name }) => name === (body.group ?? groupName(0)));
    }
  }

  #groupOfKeys(keys: readonly Key[]): Group | undefined {
    const count = this.#groups.length;
    const first = keys.length === 0 ? 0 : groupOf(keys[0], count);
    return keys.every((key) => groupOf(key, count) === first) ? this.#groups[first] : undefined;
  }
}

const OWN_TIMERS: readonly TimerName[] = ['election', 'check-quorum', 'requests', 'probe'];

/** What the groups of a node share, and the step under way. */
class Shared {
  out: Effects<Bundle>;
  #ticket = 0;
  /** What this step says to each node. */
  readonly #bundles = new Map<NodeId, Bundle['parts'][number][]>();
  /** Groups that wait for the next heartbeat. */
  #beating = new Set<Group>();

  constructor(out: Effects<Bundle>) {
    this.out = out;
  }

  begin(out: Effects<Bundle>): void {
    this.out = out;
  }

  end(): void {
    if (this.#bundles.size === 0) return;
    for (const [to, parts] of this.#bundles) this.out.send(to, { type: 'bundle', parts });
    this.#bundles.clear();
  }

  send(to: NodeId, group: number, message: Message): void {
    const parts = this.#bundles.get(to);
    if (parts === undefined) this.#bundles.set(to, [{ group, message }]);
    else parts.push({ group, message });
  }

  nextTicket(): number {
    return ++this.#ticket;
  }

  /** A group that begins to lead joins the beat that is there: its first heartbeat comes early. */
  joinBeat(group: Group, minMs: number, maxMs: number): void {
    this.#beating.add(group);
    if (this.#beating.size === 1) this.out.timer('heartbeat', minMs, maxMs);
  }

  leaveBeat(group: Group): void {
    if (this.#beating.delete(group) && this.#beating.size === 0) this.out.disarm('heartbeat');
  }

  /** The timer has fired: whoever leads is to send, and joins the next one. */
  beat(): Iterable<Group> {
    const groups = this.#beating;
    this.#beating = new Set();
    return groups;
  }
}

/** One group: its replica, and the effects of the replica's steps with the group written on them. */
class Group implements Effects<Message> {
  readonly name: GroupId;
  readonly replica: Replica;
  readonly #number: number;
  readonly #shared: Shared;
  /** Writes under way: the node's ticket of each, and the replica's own. Oldest first. */
  readonly #tickets: { readonly ticket: number; readonly own: number }[] = [];
  readonly #timers: Readonly<Record<TimerName, Timer>>;

  constructor(config: ReplicaConfig & { readonly group: GroupId }, durable: Durable, nowMs: number, shared: Shared) {
    this.name = config.group;
    this.#number = Number(config.group.slice(1));
    this.#shared = shared;
    this.#timers = {
      election: `election/${this.name}`,
      heartbeat: 'heartbeat',
      'check-quorum': `check-quorum/${this.name}`,
      requests: `requests/${this.name}`,
      probe: `probe/${this.name}`,
    };
    this.replica = new Replica(config, durable, nowMs, this);
  }

  timerOf(name: TimerName): Timer {
    return this.#timers[name];
  }

  synced(ticket: number, nowMs: number): void {
    let own = 0;
    while (this.#tickets.length > 0 && this.#tickets[0].ticket <= ticket) own = this.#tickets.shift()?.own ?? own;
    if (own > 0) this.replica.synced(own, nowMs, this);
  }

  send(to: NodeId, message: Message): void {
    this.#shared.send(to, this.#number, message);
  }

  write(write: DiskWrite): void {
    const ticket = this.#shared.nextTicket();
    this.#tickets.push({ ticket, own: write.ticket });
    this.#shared.out.write({ ...write, group: this.name, ticket });
  }

  timer(timer: Timer, minMs: number, maxMs: number): void {
    if (timer === 'heartbeat') this.#shared.joinBeat(this, minMs, maxMs);
    else this.#shared.out.timer(this.#timers[timer as TimerName], minMs, maxMs); // a replica does not name groups
  }

  disarm(timer: Timer): void {
    if (timer === 'heartbeat') this.#shared.leaveBeat(this);
    else this.#shared.out.disarm(this.#timers[timer as TimerName]); // as above
  }

  answer(request: number, response: Response): void {
    this.#shared.out.answer(request, response);
  }

  tell(event: ReplicaEvent): void {
    this.#shared.out.tell({ ...event, group: this.name });
  }
}
