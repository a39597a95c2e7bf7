/** A client of MariaDB: one connection to the primary and one to a replica, each list of statements sent once. */
import type { Connection } from 'mysql2/promise';
import { type Clock, MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Instant, Key, NodeId, Position, Role, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, Refused, type Token } from '../../history/store.ts';
import type { Deployment } from '../environments/environment.ts';
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
} from '../stores/client.ts';
import { sequenceOf } from './gtid.ts';
import { ask, close, open, type Row } from './line.ts';
import { GROUP, PORT } from './spec.ts';

const LOOK_NS = 700 * MILLISECOND;
const BEGIN_NS = 4 * SECOND;
/** Of what is left to a read, what waiting for a position leaves to its answer. */
const ANSWER_MS = 100;
/** On which a write whose primary gave up waiting for replicas is nobody's to vouch for. */
export const CHECKED = 'semi-sync-checked';
export const TOKEN_PATH = 'replica+gtid';

interface Line {
  readonly node: NodeId;
  readonly connection: Connection;
}

/** So many transactions the primary has acknowledged without a replica's word. */
const UNHEARD = `(SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'RPL_SEMI_SYNC_MASTER_NO_TX')`;

export async function connect(cluster: Deployment, options: ClientOptions): Promise<Client> {
  const client = new MariadbClient(cluster, options);
  await client.begin();
  return {
    read: ({ key }, deadline) => client.read(key, deadline),
    readMany: ({ keys }, deadline) => client.readMany(keys, deadline),
    write: ({ key, value }, deadline) => client.write(key, value, deadline),
    compareAndSet: ({ key, expected, next }, deadline) => client.compareAndSet(key, expected, next, deadline),
    token: () => client.token,
    close: () => Promise.resolve(client.close()),
  };
}

class MariadbClient {
  /** The global transaction id of its last write, as text. */
  token: Token;
  readonly #cluster: Deployment;
  readonly #clock: Clock;
  readonly #options: ClientOptions;
  readonly #lines: Lines<Line>;

  constructor(cluster: Deployment, options: ClientOptions) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#options = options;
    this.token = options.token ?? null;
    this.#lines = new Lines<Line>(
      options,
      options.readPath === 'primary',
      (wanted, deadline) => this.#find(wanted, deadline),
      ({ connection }) => close(connection),
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

  /** Each statement has a snapshot of its own: what is read after waiting for a position is no older than that. */
  async readMany(keys: readonly Key[], deadline: Instant): Promise<Answer<{ values: readonly Value[] }>> {
    const { readPath, node } = this.#options;
    return over(this.#lines.toRead, deadline, async (held) => {
      const waitsS = Math.max(0, millisecondsLeft(this.#clock, deadline) - ANSWER_MS) / 1000;
      const waits = readPath === TOKEN_PATH && typeof this.token === 'string' ? [this.token, waitsS] : [];
      const answers = await this.#ask(
        held,
        deadline,
        `${waits.length > 0 ? 'SELECT MASTER_GTID_WAIT(?, ?) AS waited; ' : ''}SELECT @@read_only AS readOnly, k, v
          FROM (SELECT 1) one LEFT JOIN kv ON k IN (${keys.map(() => '?').join(', ')})`,
        [...waits, ...keys.map(keyText)],
      );
      const rows = answers[answers.length - 1];
      if (waits.length > 0 && answers[0][0]['waited'] !== 0) throw new Refused('GTID_NOT_REACHED');
      const role: Role = rows[0]['readOnly'] === 0 ? 'leader' : 'follower';
      if (node === undefined && (role === 'leader') !== (readPath === 'primary')) throw new Refused('ROLE_CHANGED');
      const found = new Map(rows.map(({ k, v }) => [k, v as string | null]));
      return { values: keys.map((key) => fromText(found.get(keyText(key)))), servedBy: { node: held.node, role } };
    });
  }

  async write(key: Key, value: Value, deadline: Instant): Promise<Answer> {
    const { node, answer } = await this.#change(
      'INSERT INTO kv (k, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = VALUES(v)',
      [keyText(key), toText(value)],
      deadline,
      () => true,
    );
    return { servedBy: { node, role: 'leader' }, version: versionOf(answer) };
  }

  /** One statement changes the row and keeps what it held. */
  async compareAndSet(
    key: Key,
    expected: Value,
    next: Value,
    deadline: Instant,
  ): Promise<Answer<{ swapped: boolean; actual?: Value }>> {
    const swapped = ({ held }: Row): boolean => (expected === null ? held === null : held === toText(expected));
    const { node, answer } =
      expected === null
        ? await this.#change(
            'INSERT INTO kv (k, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = IF((@held := v) IS NULL, v, v)',
            [keyText(key), toText(next)],
            deadline,
            swapped,
          )
        : await this.#change(
            'UPDATE kv SET v = IF((@held := v) = ?, ?, v) WHERE k = ?',
            [toText(expected), toText(next), keyText(key)],
            deadline,
            swapped,
          );
    const servedBy = { node, role: 'leader' as const };
    if (swapped(answer)) return { swapped: true, servedBy, version: versionOf(answer) };
    return { swapped: false, actual: fromText(answer['held'] as string | null), servedBy };
  }

  /** `held`: what the row held before, where the statement keeps it. */
  async #change(
    statement: string,
    values: readonly string[],
    deadline: Instant,
    changed: (answer: Row) => boolean,
  ): Promise<{ readonly node: NodeId; readonly answer: Row }> {
    const checks = this.#options.writePath === CHECKED;
    return over(this.#lines.toLeader, deadline, async (held) => {
      const answers = await this.#ask(
        held,
        deadline,
        `SET @held = NULL${checks ? `, @unheard = ${UNHEARD}` : ''}; ${statement}; SELECT @held AS held, @@last_gtid AS gtid, (SELECT MAX(term) FROM terms) AS term${
          checks ? `, ${UNHEARD} = @unheard AND @@rpl_semi_sync_master_enabled AS heard` : ''
        }`,
        values,
      );
      const [[answer]] = answers;
      if (!changed(answer)) return { node: held.node, answer };
      // From here on it has taken effect: what is not as it was wanted leaves the outcome open.
      if (checks && answer['heard'] !== 1) throw new Error('the primary has not waited for a replica');
      this.token = answer['gtid'] as string; // of this transaction: it is the last one of the connection that wrote
      return { node: held.node, answer };
    });
  }

  #ask(
    { connection }: Line,
    deadline: Instant,
    statements: string,
    values: readonly (string | number)[],
  ): Promise<readonly (readonly Row[])[]> {
    return ask(this.#clock, connection, deadline, statements, values);
  }

  /** The nearest server that says that it is one; or the one that was asked for by name, whatever it is. */
  async #find(wanted: 'leader' | 'follower', deadline: Instant): Promise<Line> {
    const { home, attempt, node: only } = this.#options;
    for (const node of only === undefined ? byDistance(this.#cluster, home, attempt) : [only]) {
      const until = Math.min(deadline, this.#clock.now() + LOOK_NS);
      const at = reachOf(this.#cluster).client(node, PORT);
      const connection = await open(this.#clock, at, 'tidemark', until).catch(() => undefined);
      if (connection === undefined) continue;
      if (only !== undefined) return { node, connection };
      try {
        const looks = 'SELECT @@read_only AS readOnly; SHOW SLAVE STATUS';
        const [[{ readOnly }], follows] = await ask(this.#clock, connection, until, looks);
        const role = readOnly === 0 ? 'leader' : follows.length > 0 ? 'follower' : 'candidate';
        if (role === wanted) return { node, connection };
      } catch {
        // The next one may answer.
      }
      close(connection);
    }
    const who = only ?? (wanted === 'leader' ? 'no primary' : 'no replica');
    throw new NotSent(`${who} ${only === undefined ? 'answers' : 'does not answer'}`);
  }
}

/** Of what was just written: no server that takes writes changes its term. */
function versionOf({ term, gtid }: Row): Position {
  return { group: GROUP, history: Number(term), at: sequenceOf(gtid as string) };
}
