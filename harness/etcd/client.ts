/** A client of etcd: writes and linearizable reads through the leader, serializable reads of a follower, each request sent once. */
import type { Etcd3, IResponseHeader } from 'etcd3';
import type { Clock } from '../../history/clock.ts';
import { MILLISECOND } from '../../history/clock.ts';
import type { Instant, Key, NodeId, Position, Role, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, Refused, type Token } from '../../history/store.ts';
import type { Deployment } from '../environments/environment.ts';
import { byDistance, fromText, keyText, millisecondsLeft, NotSent, reachOf, toText } from '../stores/client.ts';
import { open, refusalIn, unread, until } from './line.ts';
import { CLIENT } from './spec.ts';
import { type Members, membersOf, type Stand } from './members.ts';

const RETRY_NS = 5 * MILLISECOND;
/** The least that an answer is given. */
const ANSWER_NS = 10 * MILLISECOND;

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
  readonly #members: Members;
  /** Its own: what breaks or is stuck in another client's is none of its business. */
  readonly #lines = new Map<NodeId, Promise<Etcd3>>();

  constructor(cluster: Deployment, options: ClientOptions) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#options = options;
    this.#members = membersOf(cluster);
    this.seen = typeof options.token === 'number' ? options.token : 0;
  }

  close(): void {
    for (const node of this.#lines.keys()) this.#drop(node);
  }

  async read(key: Key, deadline: Instant): Promise<Answer<{ value: Value }>> {
    const { values, ...rest } = await this.readMany([key], deadline);
    return { value: values[0], ...rest };
  }

  async readMany(keys: readonly Key[], deadline: Instant): Promise<Answer<{ values: readonly Value[] }>> {
    const serializable = this.#options.readPath !== 'linearizable';
    const success = keys.map((key) => ({ request_range: { key: name(key), serializable } }));
    for (;;) {
      const stand = await this.#toRead(serializable);
      this.#mustHaveTime(deadline);
      const left = until(millisecondsLeft(this.#clock, deadline));
      const { kv } = await this.#line(stand.node);
      const { header, responses } = await kv.txn({ success }, left).catch((error: unknown) => {
        this.#drop(stand.node);
        this.#members.forget(stand);
        throw unread(error);
      });
      // In another term it has to be asked again whether it leads.
      const suits = Number(header.raft_term) === stand.term || this.#options.node !== undefined;
      const at = Number(header.revision);
      const reached = this.#options.readPath !== 'serializable+revision' || at >= this.seen;
      if (suits && reached) {
        this.seen = Math.max(this.seen, at);
        const values = responses.map(({ response_range: found }) => fromText(found.kvs[0]?.value.toString('utf8')));
        return { values, servedBy: { node: stand.node, role: stand.role }, position: state(at) };
      }
      if (!suits) this.#members.forget(stand);
      if (this.#clock.now() + 2 * RETRY_NS > deadline)
        throw new Refused(suits ? 'REVISION_NOT_REACHED' : 'TERM_CHANGED');
      await this.#clock.sleepUntil(this.#clock.now() + RETRY_NS);
    }
  }

  async write(key: Key, value: Value, deadline: Instant): Promise<Answer> {
    const { answer, servedBy } = await this.#change(deadline, (etcd, left) =>
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
    const { response, answer, servedBy } = await this.#change(deadline, (etcd, left) =>
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
    work: (etcd: Etcd3, left: { readonly deadline: number }) => Promise<R>,
  ): Promise<{ response: R; answer: Answer; servedBy: { node: NodeId; role?: Role } }> {
    const stand = await this.#members.leader();
    if (stand === undefined) throw new NotSent('nobody says that it leads');
    this.#mustHaveTime(deadline);
    const { node, term } = stand;
    const etcd = await this.#line(node);
    const response = await work(etcd, until(millisecondsLeft(this.#clock, deadline))).catch((error: unknown) => {
      this.#drop(node);
      this.#members.forget(stand);
      throw refusalIn(error);
    });
    const at = Number(response.header.revision);
    this.seen = Math.max(this.seen, at);
    // Terms never fall along a log. The last entry that it had applied before this one was sent, and the last one after it was, are of
    // one term: so is this one. Else nobody knows.
    const leads = Number(response.header.raft_term) === term;
    if (!leads) {
      this.#members.forget(stand);
      return { response, answer: {}, servedBy: { node } };
    }
    const version = { group: GROUP, history: term, at };
    return { response, answer: { version }, servedBy: { node, role: 'leader' } };
  }

  #line(node: NodeId): Promise<Etcd3> {
    const line = this.#lines.get(node) ?? open(reachOf(this.#cluster).client(node, CLIENT));
    this.#lines.set(node, line);
    return line;
  }

  #drop(node: NodeId): void {
    const line = this.#lines.get(node);
    this.#lines.delete(node);
    void line?.then((etcd) => etcd.close());
  }

  /** What cannot be answered in time is not sent, and is nobody's fault. */
  #mustHaveTime(deadline: Instant): void {
    if (this.#clock.now() + ANSWER_NS > deadline) throw new NotSent('it took too long to find whom to ask');
  }

  async #toRead(serializable: boolean): Promise<Stand> {
    const { home, attempt, node: only } = this.#options;
    if (!serializable && only === undefined) {
      const leader = await this.#members.leader();
      if (leader === undefined) throw new NotSent('nobody says that it leads');
      return leader;
    }
    for (const node of only === undefined ? byDistance(this.#cluster, home, attempt) : [only]) {
      const stand = await this.#members.stand(node);
      if (stand !== undefined && (only !== undefined || stand.role === 'follower')) return stand;
    }
    throw new NotSent(only === undefined ? 'no follower answers' : `${only} does not answer`);
  }
}

const GROUP = 'etcd';

/** Revisions are one order over all terms: an answer's term is not that of what it shows. */
function state(at: number): Position {
  return { group: GROUP, history: 'revisions', at };
}

function name(key: Key): Buffer {
  return Buffer.from(keyText(key));
}
