/**
 * Shells for nodes of several groups, so that the worlds made for one group can be lived in by many: one of the groups is
 * seen as if it were alone, while the others share its nodes, messages, disks and timers, and have writes of their own.
 */
import { Groups } from '../groups.ts';
import type { Bundle, Message } from '../messages.ts';
import { Replica } from '../replica.ts';
import { groupName } from '../slots.ts';
import type {
  DiskState,
  DiskWrite,
  Durable,
  Effects,
  GroupId,
  NodeId,
  ReplicaEvent,
  Request,
  Response,
  SnapshotReader,
  Status,
  Steps,
  Timer,
} from '../types.ts';
import { applied } from './cluster.ts';
import type { Boot } from './cluster.ts';

/** What the letters of this world hold. Chaos carries them without a look. */
function asBundle(message: Message): Bundle {
  return message as unknown as Bundle;
}

function asMessage(bundle: Bundle): Message {
  return bundle as unknown as Message;
}

/** Nodes with `count` groups, of which the last one is seen; its keys have to be those that the world asks for. */
export class Lens {
  readonly #count: number;
  readonly #seen: GroupId;
  /** What the disks hold of the other groups. */
  readonly #disks = new Map<NodeId, Map<GroupId, Durable>>();
  bundles = 0;
  parts = 0;

  constructor(count: number) {
    this.#count = count;
    this.#seen = groupName(count - 1);
  }

  readonly boot: Boot = (config, durable, nowMs, out) => {
    const others = [...(this.#disks.get(config.id)?.values() ?? [])];
    const seen = { ...durable, group: this.#seen };
    const groups = { ...config, groups: this.#count, spreadLeaders: true };
    return new Seen(this.#seen, (effects) => new Groups(groups, [seen, ...others], nowMs, effects), out, this);
  };

  /** Keeps what was written for a group that is not seen. */
  readonly kept = (node: NodeId, write: DiskWrite): boolean => {
    const { group } = write;
    if (group === undefined || group === this.#seen) return false;
    const disk = this.#disks.get(node) ?? new Map<GroupId, Durable>();
    this.#disks.set(node, disk);
    disk.set(group, applied(disk.get(group) ?? { group, term: 0, votedFor: null, entries: [] }, write));
    return true;
  };
}

class Seen implements Steps<Message> {
  readonly #group: GroupId;
  readonly #groups: Groups;
  readonly #lens: Lens;

  constructor(group: GroupId, boot: (out: Effects<Bundle>) => Groups, out: Effects<Message>, lens: Lens) {
    this.#group = group;
    this.#lens = lens;
    this.#groups = boot(this.#effects(out));
  }

  #effects(out: Effects<Message>): Effects<Bundle> {
    return {
      send: (to, bundle) => {
        this.#lens.bundles++;
        this.#lens.parts += bundle.parts.length;
        out.send(to, asMessage(bundle));
      },
      write: (write) => out.write(write),
      timer: (timer, minMs, maxMs) => out.timer(timer, minMs, maxMs),
      disarm: (timer) => out.disarm(timer),
      answer: (request, response) => {
        if (request > 0) out.answer(request, response);
      },
      tell: (event) => {
        if (event.group === this.#group) out.tell(event);
      },
    };
  }

  receive(from: NodeId, message: Message, nowMs: number, out: Effects<Message>): void {
    this.#groups.receive(from, asBundle(message), nowMs, this.#effects(out));
  }

  request(request: number, body: Request, nowMs: number, out: Effects<Message>): void {
    const effects = this.#effects(out);
    // The others are busy, too. (b lies in g0, whether there are two groups or three.)
    this.#groups.request(-request, { type: 'write', key: 'b', value: request }, nowMs, effects);
    this.#groups.request(request, this.#addressed(body), nowMs, effects);
  }

  #addressed(body: Request): Request {
    if (body.type === 'read' || body.type === 'write' || body.type === 'cas') return body;
    if (body.type === 'note') return { ...body, token: { ...body.token, group: this.#group } };
    return { ...body, group: this.#group };
  }

  synced(ticket: number, nowMs: number, out: Effects<Message>): void {
    this.#groups.synced(ticket, nowMs, this.#effects(out));
  }

  fired(timer: Timer, nowMs: number, out: Effects<Message>): void {
    this.#groups.fired(timer, nowMs, this.#effects(out));
  }

  diskChanged(state: DiskState, nowMs: number, out: Effects<Message>): void {
    this.#groups.diskChanged(state, nowMs, this.#effects(out));
  }

  elect(_group: GroupId, term: number | undefined, nowMs: number, out: Effects<Message>): void {
    this.#groups.elect(this.#group, term, nowMs, this.#effects(out));
  }

  snapshot(_group: GroupId): SnapshotReader {
    return this.#groups.snapshot(this.#group);
  }

  compacted(_group: GroupId, index: number): void {
    this.#groups.compacted(this.#group, index);
  }

  status(): Status {
    return this.statuses()[0];
  }

  statuses(): readonly Status[] {
    return this.#groups.statuses().filter(({ group }) => group === this.#group);
  }
}

/** A replica, and beside it the same as the only group of its node: both take each step, and must do the same. */
export class Twin implements Steps<Message> {
  readonly #replica: Replica;
  readonly #groups: Groups;

  constructor(...[config, durable, nowMs, out]: Parameters<Boot>) {
    const asReplica = new Effected(out);
    const asGroups = new Effected(undefined);
    this.#replica = new Replica(
      config,
      durable,
      nowMs,
      asReplica.of((message: Message) => [message]),
    );
    this.#groups = new Groups({ ...config, groups: 1, spreadLeaders: false }, [durable], nowMs, asGroups.of(unwrapped));
    asReplica.expectSame(asGroups);
  }

  #both(out: Effects<Message>, step: (it: Steps, out: Effects, wrap: (message: Message) => unknown) => void): void {
    const asReplica = new Effected(out);
    const asGroups = new Effected(undefined);
    step(this.#replica, asReplica.of((message: Message) => [message]) as Effects, (message) => message);
    const wrap = (message: Message): Bundle => ({ type: 'bundle', parts: [{ group: 0, message }] });
    step(this.#groups, asGroups.of(unwrapped) as Effects, wrap);
    asReplica.expectSame(asGroups);
  }

  receive(from: NodeId, message: Message, nowMs: number, out: Effects<Message>): void {
    this.#both(out, (it, effects, wrap) => it.receive(from, wrap(message), nowMs, effects));
  }

  request(request: number, body: Request, nowMs: number, out: Effects<Message>): void {
    this.#both(out, (it, effects) => it.request(request, body, nowMs, effects));
  }

  synced(ticket: number, nowMs: number, out: Effects<Message>): void {
    this.#both(out, (it, effects) => it.synced(ticket, nowMs, effects));
  }

  fired(timer: Timer, nowMs: number, out: Effects<Message>): void {
    this.#both(out, (it, effects) => {
      it.fired(it instanceof Groups && timer !== 'heartbeat' ? (`${timer}/g0` as Timer) : timer, nowMs, effects);
    });
  }

  diskChanged(state: DiskState, nowMs: number, out: Effects<Message>): void {
    this.#both(out, (it, effects) => it.diskChanged(state, nowMs, effects));
  }

  elect(group: GroupId, term: number | undefined, nowMs: number, out: Effects<Message>): void {
    this.#both(out, (it, effects) => it.elect(group, term, nowMs, effects));
  }

  snapshot(group: GroupId): SnapshotReader {
    return this.#replica.snapshot(group);
  }

  compacted(group: GroupId, index: number): void {
    this.#replica.compacted(group, index);
    this.#groups.compacted(group, index);
  }

  status(): Status {
    return this.#replica.status();
  }

  statuses(): readonly Status[] {
    const statuses = this.#replica.statuses();
    same('statuses', statuses, this.#groups.statuses());
    return statuses;
  }
}

function unwrapped(bundle: Bundle): readonly Message[] {
  return bundle.parts.map(({ message }) => message);
}

function same(what: string, one: unknown, other: unknown): void {
  const [ours, theirs] = [JSON.stringify(one), JSON.stringify(other)];
  if (ours !== theirs) throw new Error(`${what}: a replica does ${ours}, the only group ${theirs}`);
}

/** The effects of a step, without what only several groups need. */
class Effected {
  readonly #out: Effects<Message> | undefined;
  readonly #sent: Record<NodeId, unknown[]> = {};
  readonly #rest: unknown[] = [];

  constructor(out: Effects<Message> | undefined) {
    this.#out = out;
  }

  of<T>(messagesOf: (sent: T) => readonly Message[]): Effects<T> {
    const out = this.#out;
    const rest = this.#rest;
    return {
      send: (to, sent) => {
        for (const message of messagesOf(sent)) {
          (this.#sent[to] ??= []).push(message);
          out?.send(to, message);
        }
      },
      write: (write) => {
        rest.push(['write', { ...write, group: undefined }]);
        out?.write(write);
      },
      timer: (timer, minMs, maxMs) => {
        rest.push(['timer', timer.replace('/g0', ''), minMs, maxMs]);
        out?.timer(timer, minMs, maxMs);
      },
      disarm: (timer) => {
        rest.push(['disarm', timer.replace('/g0', '')]);
        out?.disarm(timer);
      },
      answer: (request: number, response: Response) => {
        rest.push(['answer', request, response]);
        out?.answer(request, response);
      },
      tell: (event: ReplicaEvent) => {
        rest.push(['tell', { ...event, group: undefined }]);
        out?.tell(event);
      },
    };
  }

  expectSame(other: Effected): void {
    same('messages', this.#sent, other.#sent);
    same('effects', this.#rest, other.#rest);
  }
}
