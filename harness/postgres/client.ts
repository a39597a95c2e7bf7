/** A client of PostgreSQL: one connection to the primary and one to a standby, each statement sent once. */
import type { Clock } from '../../history/clock.ts';
import { MILLISECOND } from '../../history/clock.ts';
import type { Instant, Key, NodeId, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, Refused, type Step, type Token } from '../../history/store.ts';
import type { Deployment } from '../environments/environment.ts';
import {
  byDistance,
  fromText,
  type Held,
  keyText,
  Lines,
  NotSent,
  over,
  reachOf,
  toText,
  within,
} from '../stores/client.ts';
import type { Settings } from '../stores/settings.ts';
import { close, literalOf, type Line, mustHaveWaited, open, type Parameters, quoted, refusalIn } from './line.ts';
import { covers, type Place, SELF, type Self, selfOf } from './places.ts';
import { isolation, PORT } from './spec.ts';
import { Transaction, Undone } from './transaction.ts';

const LOOK_NS = 1500 * MILLISECOND;
const BEGIN_NS = 4000 * MILLISECOND;
const RETRY_NS = 5 * MILLISECOND;
/** What an operation has, unless `--set timeout-ms` says otherwise. */
export const TIMEOUT_MS = 3000;
const COMMITS: Readonly<Record<string, string>> = {
  async: 'local',
  'remote-write': 'remote_write',
  on: 'on',
  'remote-apply': 'remote_apply',
};
interface Open {
  readonly line: Line;
  readonly node: NodeId;
}

type Row = Readonly<Record<string, unknown>>;

export async function connect(cluster: Deployment, options: ClientOptions, settings: Settings): Promise<Client> {
  const client = new PostgresClient(cluster, options, settings);
  await client.begin();
  return {
    read: ({ key }, deadline) => client.read(key, deadline),
    readMany: ({ keys }, deadline) => client.readMany(keys, deadline),
    write: ({ key, value }, deadline) => client.write(key, value, deadline),
    compareAndSet: ({ key, expected, next }, deadline) => client.compareAndSet(key, expected, next, deadline),
    transact: ({ steps }, deadline) => client.transact(steps, deadline),
    token: () => client.mark as unknown as Token, // plain data
    close: () => Promise.resolve(client.close()),
  };
}

class PostgresClient {
  /** Of its last write. */
  mark: Place | null;
  readonly #cluster: Deployment;
  readonly #clock: Clock;
  readonly #options: ClientOptions;
  readonly #parameters: Parameters;
  readonly #isolation: string;
  readonly #lines: Lines<Open>;

  constructor(cluster: Deployment, options: ClientOptions, settings: Settings) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#options = options;
    this.mark = (options.token ?? null) as Place | null; // made by token()
    // A little before its client gives up: what waits for a lock is undone, and says so. (What waits for standbys is past that.)
    const statementMs = Math.ceil(0.8 * Number(settings.get('timeout-ms') ?? TIMEOUT_MS));
    this.#parameters = {
      synchronous_commit: COMMITS[options.writePath] ?? 'local',
      statement_timeout: String(statementMs),
    };
    this.#isolation = isolation.of(settings);
    this.#lines = new Lines<Open>(
      options,
      options.readPath === 'primary',
      (wanted, deadline) => this.#find(wanted, deadline),
      ({ line }) => close(line),
    );
  }

  /** Connects, as far as that can be done at once. */
  begin(): Promise<void> {
    return this.#lines.begin(this.#clock.now() + BEGIN_NS);
  }

  close(): void {
    this.#lines.close();
  }

  async read(key: Key, deadline: Instant): Promise<Answer<{ value: Value }>> {
    const { values, ...rest } = await this.readMany([key], deadline);
    return { value: values[0], ...rest };
  }

  async readMany(keys: readonly Key[], deadline: Instant): Promise<Answer<{ values: readonly Value[] }>> {
    const { readPath, node } = this.#options;
    return this.#over(this.#lines.toRead, deadline, async ({ line: held, node: from }) => {
      if (readPath === 'standby+lsn') await this.#reached(held, deadline);
      // What it is, as of the statement that reads.
      const rows: readonly Row[] =
        await held.sql.unsafe(`select pg_is_in_recovery() as recovering, k, v from (select) one
        left join kv on k in (${keys.map(literalOf).join(', ')})`);
      const recovering = rows[0]['recovering'] === true;
      if (node === undefined && recovering === (readPath === 'primary')) throw new Refused('ROLE_CHANGED');
      const found = new Map(rows.map(({ k, v }) => [k, v as string | null]));
      const role = recovering ? ('follower' as const) : ('leader' as const);
      return { values: keys.map((key) => fromText(found.get(keyText(key)))), servedBy: { node: from, role } };
    });
  }

  async write(key: Key, value: Value, deadline: Instant): Promise<Answer> {
    return this.#over(this.#lines.toLeader, deadline, async ({ line, node }) => {
      await this.#change(
        line,
        `insert into kv (k, v) values (${literalOf(key)}, ${quoted(toText(value))})
          on conflict (k) do update set v = excluded.v`,
      );
      return { servedBy: { node, role: 'leader' } };
    });
  }

  /**
   * Changes what is as expected, in one statement. Where nothing was, it looks what is there; should that be as expected by now, it
   * tries again, for nothing was changed.
   */
  async compareAndSet(
    key: Key,
    expected: Value,
    next: Value,
    deadline: Instant,
  ): Promise<Answer<{ swapped: boolean; actual?: Value }>> {
    return this.#over(this.#lines.toLeader, deadline, async ({ line, node }) => {
      const servedBy = { node, role: 'leader' } as const;
      const [at, from, to] = [literalOf(key), quoted(toText(expected)), quoted(toText(next))];
      const change =
        expected === null
          ? `insert into kv (k, v) values (${at}, ${to}) on conflict (k) do nothing`
          : `update kv set v = ${to} where k = ${at} and v = ${from}`;
      const look = `select pg_is_in_recovery() as recovering, (select v from kv where k = ${at}) as v`;
      while (this.#clock.now() < deadline) {
        if ((await this.#change(line, change)).count > 0) return { swapped: true, servedBy };
        const [row] = (await line.sql.unsafe(look)) as readonly Row[];
        if (row['recovering'] === true) throw new Refused('ROLE_CHANGED');
        const actual = fromText(row['v'] as string | null);
        if (toText(actual) !== toText(expected)) return { swapped: false, actual, servedBy };
      }
      throw new Refused('CONTENDED');
    });
  }

  /** One that writes is the primary's, and all of it; one that only reads goes where reads go. */
  async transact(steps: readonly Step[], deadline: Instant): Promise<Answer<{ steps: readonly Step[] }>> {
    const { readPath } = this.#options;
    const writes = steps.some(([f]) => f === 'w');
    const role = writes || readPath === 'primary' ? 'leader' : 'follower';
    return this.#over(
      role === 'leader' ? this.#lines.toLeader : this.#lines.toRead,
      deadline,
      async ({ line, node }) => {
        if (role === 'follower' && readPath === 'standby+lsn') await this.#reached(line, deadline);
        const transaction = new Transaction(line, { isolation: this.#isolation, role, writes });
        const found = await transaction.run(steps);
        if (writes && readPath === 'standby+lsn') await this.#note(line);
        return { steps: found, servedBy: { node, role } };
      },
    );
  }

  async #change(line: Line, statement: string): Promise<{ readonly count: number }> {
    line.warnings();
    const done = await line.sql.unsafe(statement);
    mustHaveWaited(line);
    if (this.#options.readPath === 'standby+lsn' && done.count > 0) await this.#note(line);
    return done;
  }

  /** The place in the log is asked for after the commit, in a statement of its own. Whatever becomes of that one, the commit stands. */
  async #note(line: Line): Promise<void> {
    const said = await selfOver(line).catch((error: Error) => error);
    if (said instanceof Error) throw new Error(`its place in the log is not known: ${said.message}`);
    if (said.recovering) throw new Error('its place in the log is not known: the server is no longer primary');
    this.mark = { timeline: said.timeline, at: said.at };
  }

  /** In statements of their own: what is read later shows at least what was replayed before. */
  async #reached(line: Line, deadline: Instant): Promise<void> {
    const { mark } = this;
    if (mark === null) return;
    for (;;) {
      const covered = covers(await selfOver(line), mark);
      if (covered === 'yes') return;
      if (covered === 'undone') throw new Refused('TOKEN_UNDONE');
      if (this.#clock.now() + 2 * RETRY_NS > deadline)
        throw new Refused(covered === 'unknown' ? 'TOKEN_OF_A_LATER_TIMELINE' : 'LSN_NOT_REACHED');
      await this.#clock.sleepUntil(this.#clock.now() + RETRY_NS);
    }
  }

  async #over<T>(line: Held<Open>, deadline: Instant, work: (line: Open) => Promise<T>): Promise<T> {
    try {
      return await over(line, deadline, work, (error) => error instanceof Undone);
    } catch (error) {
      throw refusalIn(error);
    }
  }

  /** The first server that says so; or the one that was asked for by name, whatever it is. */
  async #find(wanted: 'leader' | 'follower', deadline: Instant): Promise<Open> {
    const { home, attempt, node: only } = this.#options;
    for (const node of only === undefined ? byDistance(this.#cluster, home, attempt) : [only]) {
      const until = Math.min(deadline, this.#clock.now() + LOOK_NS);
      const line = await open(reachOf(this.#cluster).client(node, PORT), LOOK_NS, this.#parameters);
      try {
        const asked = line.sql.unsafe('select pg_is_in_recovery() as recovering').then(([row]) => row as Row);
        const row = await within(this.#clock, until, asked, () => new Error('no answer in time'));
        const role = row['recovering'] === true ? 'follower' : 'leader';
        if (role === wanted || only !== undefined) return { line, node };
      } catch {
        // The next one may answer.
      }
      close(line);
    }
    throw new NotSent(`no ${wanted === 'leader' ? 'primary' : 'standby'} answers`);
  }
}

async function selfOver({ sql }: Line): Promise<Self> {
  return selfOf(((await sql.unsafe(SELF)) as readonly Row[])[0]);
}
