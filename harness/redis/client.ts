/** A client of Redis with Sentinel: asks Sentinels who is master, as its users' do, and sends each command once. */
import type { Redis } from 'ioredis';
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { Instant, Key, NodeId, Role, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, Refused, type Token } from '../../history/store.ts';
import type { Deployment, Reach } from '../environments/environment.ts';
import {
  byDistance,
  fromText,
  keyText,
  Lines,
  millisecondsLeft,
  NotSent,
  over,
  reachOf,
  toText,
  within,
} from '../stores/client.ts';
import { ask, close, open, sound } from './line.ts';
import { covers, type Info, infoOf, type Mark } from './places.ts';
import { MASTER, REDIS, SENTINEL } from './spec.ts';

const SENTINEL_NS = 300 * MILLISECOND;
const RETRY_NS = 5 * MILLISECOND;
/** Of what is left to a write, what WAIT leaves to its answer. */
const ANSWER_MS = 100;

/** Compares and sets in one step; what is expected to be nothing is the text null. Returns [1] or [0, what is there]. */
const CAS = `local held = redis.call('GET', KEYS[1]) or 'null'
if held ~= ARGV[1] then return {0, held} end
redis.call('SET', KEYS[1], ARGV[2])
return {1}`;

interface Line {
  readonly node: NodeId;
  readonly redis: Redis;
}

type Command = readonly [string, ...(string | number)[]];

export function connect(cluster: Deployment, options: ClientOptions): Promise<Client> {
  const client = new RedisClient(cluster, options);
  return Promise.resolve({
    read: ({ key }, deadline) => client.read(key, deadline),
    readMany: ({ keys }, deadline) => client.readMany(keys, deadline),
    write: ({ key, value }, deadline) => client.write(key, value, deadline),
    compareAndSet: ({ key, expected, next }, deadline) => client.compareAndSet(key, expected, next, deadline),
    token: () => client.mark as unknown as Token, // plain data
    close: () => Promise.resolve(client.close()),
  });
}

class RedisClient {
  /** Of its last write. */
  mark: Mark | null;
  readonly #cluster: Deployment;
  readonly #clock: Clock;
  readonly #reach: Reach;
  readonly #options: ClientOptions;
  readonly #waits: number;
  readonly #lines: Lines<Line>;

  constructor(cluster: Deployment, options: ClientOptions) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#reach = reachOf(cluster);
    this.#options = options;
    this.#waits = Number(/^wait-(\d)$/.exec(options.writePath)?.[1] ?? 0);
    this.mark = (options.token ?? null) as Mark | null; // made by token()
    this.#lines = new Lines<Line>(
      options,
      options.readPath === 'leader',
      (wanted, deadline) => (wanted === 'leader' ? this.#toLeader(deadline) : this.#toReplica(deadline)),
      ({ redis }) => close(redis),
    );
  }

  close(): void {
    this.#lines.close();
  }

  async read(key: Key, deadline: Instant): Promise<Answer<{ value: Value }>> {
    const { answer, servedBy } = await this.#get(['GET', keyText(key)], deadline);
    return { value: fromText(answer as string | null), servedBy };
  }

  async readMany(keys: readonly Key[], deadline: Instant): Promise<Answer<{ values: readonly Value[] }>> {
    const { answer, servedBy } = await this.#get(['MGET', ...keys.map(keyText)], deadline);
    return { values: (answer as readonly (string | null)[]).map(fromText), servedBy };
  }

  async write(key: Key, value: Value, deadline: Instant): Promise<Answer> {
    const { node } = await this.#change(['SET', keyText(key), toText(value)], deadline, () => true);
    return { servedBy: { node, role: 'leader' } };
  }

  async compareAndSet(
    key: Key,
    expected: Value,
    next: Value,
    deadline: Instant,
  ): Promise<Answer<{ swapped: boolean; actual?: Value }>> {
    const command: Command = ['EVAL', CAS, 1, keyText(key), toText(expected), toText(next)];
    const swapped = (answer: unknown): boolean => (answer as readonly [number])[0] === 1;
    const { node, answer } = await this.#change(command, deadline, swapped);
    const servedBy = { node, role: 'leader' } as const;
    if (swapped(answer)) return { swapped: true, servedBy };
    return { swapped: false, actual: fromText((answer as readonly [number, string])[1]), servedBy };
  }

  /** What was changed is in the answer's place of the stream: the offset is read after it. */
  async #change(
    command: Command,
    deadline: Instant,
    changed: (answer: unknown) => boolean,
  ): Promise<{ readonly node: NodeId; readonly answer: unknown }> {
    const waitMs = Math.max(1, millisecondsLeft(this.#clock, deadline) - ANSWER_MS);
    const wait: readonly Command[] = this.#waits === 0 ? [] : [['WAIT', this.#waits, waitMs]];
    const marks = this.#options.readPath === 'replica+offset';
    const commands: readonly Command[] = [command, ...wait, ...(marks ? [['INFO', 'replication'] as const] : [])];
    return over(this.#lines.toLeader, deadline, async ({ node, redis }) => {
      const [answered, ...rest] = await ask(redis, commands);
      const answer = sound(answered);
      if (!changed(answer)) return { node, answer };
      // From here on it has taken effect: what is not as it was wanted leaves the outcome open.
      if (this.#waits > 0) {
        const [received] = rest;
        if (typeof received !== 'number') throw new Error(`WAIT: ${String(received)}`);
        if (received < this.#waits) throw new Error(`WAIT: ${received} of ${this.#waits} replicas`);
      }
      if (marks) {
        const { id, offset } = infoOf(told(rest[rest.length - 1]));
        this.mark = { id, offset };
      }
      return { node, answer };
    });
  }

  #get(command: Command, deadline: Instant): Promise<{ answer: unknown; servedBy: { node: NodeId; role: Role } }> {
    const { readPath } = this.#options;
    return over(this.#lines.toRead, deadline, async ({ node: from, redis }) => {
      for (;;) {
        // The order matters: the state that is read is no older than what was said before.
        const [said, answer] = await ask(redis, [['INFO', 'replication'], command]);
        const info = infoOf(told(said));
        this.#mustSuit(info);
        const covered = readPath !== 'replica+offset' || this.mark === null ? 'yes' : covers(info, this.mark);
        if (covered === 'undone') throw new Refused('TOKEN_UNDONE');
        if (covered === 'unknown') throw new Refused('TOKEN_OF_ANOTHER_STREAM');
        if (covered === 'yes')
          return { answer: sound(answer), servedBy: { node: from, role: info.isMaster ? 'leader' : 'follower' } };
        if (this.#clock.now() + 2 * RETRY_NS > deadline) throw new Refused('OFFSET_NOT_REACHED');
        await this.#clock.sleepUntil(this.#clock.now() + RETRY_NS);
      }
    });
  }

  /** Reads change nothing: one of a node that is no longer what it was asked as has not happened. */
  #mustSuit({ isMaster }: Info): void {
    if (this.#options.node !== undefined) return;
    if (this.#options.readPath === 'leader' && !isMaster) throw new Refused('NOT_MASTER');
    if (this.#options.readPath !== 'leader' && isMaster) throw new Refused('NOT_REPLICA');
  }

  async #toLeader(deadline: Instant): Promise<Line> {
    const node = await this.#master(deadline);
    return { node, redis: await open(this.#clock, this.#reach.client(node, REDIS), deadline) };
  }

  /** Of the Sentinels the first that answers. */
  async #master(deadline: Instant): Promise<NodeId> {
    const { home, attempt } = this.#options;
    for (const node of byDistance(this.#cluster, home, attempt)) {
      const until = Math.min(deadline, this.#clock.now() + SENTINEL_NS);
      const sentinel = await open(this.#clock, this.#reach.client(node, SENTINEL), until).catch(() => undefined);
      if (sentinel === undefined) continue;
      try {
        const named = ask(sentinel, [['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER]]);
        const [answer] = await inTime(this.#clock, until, named);
        const found = this.#reach.nodeAt((answer as readonly [string] | null)?.[0] ?? '');
        if (found !== undefined) return found;
      } catch {
        // The next one may know.
      } finally {
        close(sentinel);
      }
    }
    throw new NotSent('no Sentinel names a master');
  }

  /** The nearest that is one; or the node that was asked for, whatever it is. */
  async #toReplica(deadline: Instant): Promise<Line> {
    const { home, attempt, node } = this.#options;
    if (node !== undefined) return { node, redis: await open(this.#clock, this.#reach.client(node, REDIS), deadline) };
    for (const candidate of byDistance(this.#cluster, home, attempt)) {
      const until = Math.min(deadline, this.#clock.now() + SENTINEL_NS);
      const redis = await open(this.#clock, this.#reach.client(candidate, REDIS), until).catch(() => undefined);
      if (redis === undefined) continue;
      const info = await inTime(this.#clock, until, ask(redis, [['INFO', 'replication']])).catch(() => undefined);
      if (info !== undefined && !infoOf(told(info[0])).isMaster) return { node: candidate, redis };
      close(redis);
    }
    throw new NotSent('no replica answers');
  }
}

function told(answer: unknown): string {
  return sound(answer) as string; // as INFO answers
}

function inTime<T>(clock: Clock, deadline: Instant, work: Promise<T>): Promise<T> {
  return within(clock, deadline, work, () => new Error('no answer in time'));
}
