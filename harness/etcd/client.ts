/** A client of etcd: writes and linearizable reads through the leader, serializable reads of a follower, each request sent once. */
import type { Etcd3, IResponseHeader } from 'etcd3';
import type { Clock } from '../../history/clock.ts';
import { MILLISECOND } from '../../history/clock.ts';
import type { Instant, Key, NodeId, Position, Role, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, Refused, type Token } from '../../history/store.ts';
import type { Deployment } from '../environments/environment.ts';
import { byDistance, fromText, Held, millisecondsLeft, NotSent, reachOf, toText } from '../stores/client.ts';
import { open, refusalIn, unread, until } from './line.ts';
import { CLIENT } from './spec.ts';

const LOOK_MS = 300;
const RETRY_NS = 5 * MILLISECOND;

interface Line {
  readonly node: NodeId;
  readonly etcd: Etcd3;
  /** In this term the member is a follower, or it leads. */
  readonly term: number;
  readonly role: Role;
  /** The term that it named last. */
  lastTerm: number;
}

export function connect(cluster: Deployment, options: ClientOptions): Promise<Client> {
  const client = new EtcdClient(cluster, options);
  return Promise.resolve({
    read: ({ key }, deadline) => client.read(key, deadline),
    readMany: ({ keys }, deadline) => client.readMany(keys, deadline),
    write: ({ key, value }, deadline) => client.write(key, value, deadline),
    compareAndSet: ({ key, expected, next }, deadline) => client.compareAndSet(key, expected, next, deadline),
    token: () => client.seen as Token,
    close: () => Promise.resolve(client.close()),
  });
}

class EtcdClient {
  /** The highest revision that an answer named. */
  seen: number;
  readonly #cluster: Deployment;
  readonly #clock: Clock;
  readonly #options: ClientOptions;
  readonly #leader: Held<Line>;
  readonly #follower: Held<Line>;

  constructor(cluster: Deployment, options: ClientOptions) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#options = options;
    this.seen = typeof options.token === 'number' ? options.token : 0;
    const hangUp = ({ etcd }: Line): void => etcd.close();
    this.#leader = new Held((deadline) => this.#find('leader', deadline), hangUp);
    this.#follower = new Held((deadline) => this.#find('follower', deadline), hangUp);
  }

  close(): void {
    this.#leader.drop();
    this.#follower.drop();
  }

  async read(key: Key, deadline: Instant): Promise<Answer<{ value: Value }>> {
    const { values, ...rest } = await this.readMany([key], deadline);
    return { value: values[0], ...rest };
  }

  async readMany(keys: readonly Key[], deadline: Instant): Promise<Answer<{ values: readonly Value[] }>> {
    const serializable = this.#options.readPath !== 'linearizable';
    const line = serializable || this.#options.node !== undefined ? this.#follower : this.#leader;
    const success = keys.map((key) => ({ request_range: { key: name(key), serializable } }));
    try {
      for (;;) {
        const held = await line.get(deadline);
        const left = until(millisecondsLeft(this.#clock, deadline));
        const { header, responses } = await held.etcd.kv.txn({ success }, left);
        if (!this.#suits(held, header)) {
          line.drop();
          continue;
        }
        const at = Number(header.revision);
        if (this.#options.readPath === 'serializable+revision' && at < this.seen) {
          if (this.#clock.now() + 2 * RETRY_NS > deadline) throw new Refused('REVISION_NOT_REACHED');
          await this.#clock.sleepUntil(this.#clock.now() + RETRY_NS);
          continue;
        }
        this.seen = Math.max(this.seen, at);
        const values = responses.map(({ response_range: found }) => fromText(found.kvs[0]?.value.toString('utf8')));
        return { values, servedBy: { node: held.node, role: held.role }, position: state(at) };
      }
    } catch (error) {
      line.drop();
      throw unread(error);
    }
  }

  async write(key: Key, value: Value, deadline: Instant): Promise<Answer> {
    const { answer, servedBy } = await this.#change(deadline, ({ etcd }, left) =>
      etcd.kv.put({ key: name(key), value: Buffer.from(toText(value)) }, left),
    );
    return { servedBy, ...answer };
  }

  async compareAndSet(
    key: Key,
    expected: Value,
    next: Value,
    deadline: Instant,
  ): Promise<Answer<{ swapped: boolean; actual?: Value }>> {
    const compare =
      expected === null
        ? ({ key: name(key), target: 'Create', result: 'Equal', create_revision: 0 } as const)
        : ({ key: name(key), target: 'Value', result: 'Equal', value: Buffer.from(toText(expected)) } as const);
    const { response, answer, servedBy } = await this.#change(deadline, ({ etcd }, left) =>
      etcd.kv.txn(
        {
          compare: [compare],
          success: [{ request_put: { key: name(key), value: Buffer.from(toText(next)) } }],
          failure: [{ request_range: { key: name(key) } }],
        },
        left,
      ),
    );
    if (response.succeeded) return { swapped: true, servedBy, ...answer };
    const [{ response_range: found }] = response.responses;
    return { swapped: false, actual: fromText(found.kvs[0]?.value.toString('utf8')), servedBy };
  }

  async #change<R extends { readonly header: IResponseHeader }>(
    deadline: Instant,
    work: (line: Line, left: { readonly deadline: number }) => Promise<R>,
  ): Promise<{ response: R; answer: Answer; servedBy: { node: NodeId; role?: Role } }> {
    const line = await this.#leader.get(deadline);
    try {
      const before = line.lastTerm;
      const response = await work(line, until(millisecondsLeft(this.#clock, deadline)));
      const { header } = response;
      const [at, term] = [Number(header.revision), Number(header.raft_term)];
      line.lastTerm = term;
      this.seen = Math.max(this.seen, at);
      // One term before and after it was sent, and a member that leads in it: the entry is of that term. Else nobody knows.
      const leads = line.role === 'leader' && before === line.term && term === line.term;
      if (!leads) this.#leader.drop();
      return {
        response,
        answer: leads ? { version: { group: GROUP, history: term, at } } : {},
        servedBy: leads ? { node: line.node, role: 'leader' } : { node: line.node },
      };
    } catch (error) {
      this.#leader.drop();
      throw refusalIn(error);
    }
  }

  /** A member that follows in a term never leads in it: in another term it has to be asked again. */
  #suits(line: Line, header: IResponseHeader): boolean {
    if (this.#options.node !== undefined) return true;
    line.lastTerm = Number(header.raft_term);
    return line.lastTerm === line.term;
  }

  /** The first member that answers names the leader; a follower says itself that it is one. */
  async #find(wanted: 'leader' | 'follower', deadline: Instant): Promise<Line> {
    const { home, attempt, node: only } = this.#options;
    let hint: NodeId | undefined;
    const tried = new Set<NodeId>();
    const candidates = only === undefined ? byDistance(this.#cluster, home, attempt) : [only];
    while (this.#clock.now() < deadline) {
      const node = hint !== undefined && !tried.has(hint) ? hint : candidates.find((one) => !tried.has(one));
      if (node === undefined) break;
      tried.add(node);
      const etcd = await open(reachOf(this.#cluster).client(node, CLIENT));
      try {
        const left = Math.min(LOOK_MS, millisecondsLeft(this.#clock, deadline));
        const status = await etcd.maintenance.status(until(left));
        const again = await etcd.maintenance.status(until(left));
        const term = Number(again.raftTerm);
        const leads = again.leader === again.header.member_id;
        const settled = again.leader !== '0' && status.raftTerm === again.raftTerm;
        const role: Role = !settled ? 'candidate' : leads ? 'leader' : 'follower';
        if (role === wanted || only !== undefined) return { node, etcd, term, role, lastTerm: term };
        if (wanted === 'leader' && settled) hint = await this.#named(etcd, again.leader, left);
      } catch {
        // The next one may answer.
      }
      etcd.close();
    }
    throw new NotSent(`no ${wanted} answers`);
  }

  async #named(etcd: Etcd3, member: string, leftMs: number): Promise<NodeId | undefined> {
    const { members } = await etcd.cluster.memberList({}, until(leftMs));
    return members.find(({ ID }) => ID === member)?.name;
  }
}

const GROUP = 'etcd';

/** Revisions are one order over all terms: an answer's term is not that of what it shows. */
function state(at: number): Position {
  return { group: GROUP, history: 'revisions', at };
}

/** Keys that are numbers and keys that look like them are not the same. */
function name(key: Key): Buffer {
  return Buffer.from(typeof key === 'number' ? `#${key}` : key);
}
