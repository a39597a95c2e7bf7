/** A driver as a client of the harness: its answers in the harness's words, and whatever else it does as `info`. */
import { MILLISECOND } from '../../history/clock.ts';
import type { Instant, Key, Position, Role, Value } from '../../history/operation.ts';
import {
  type Answer as StoreAnswer,
  type Client,
  type ClientOptions,
  type Entry,
  Refused,
  type Step,
  type Token,
} from '../../history/store.ts';
import { keyText } from '../stores/client.ts';
import { quoted } from './command.ts';
import { type DriverProcess, Trouble } from './driver-process.ts';
import { type Drivers, errorOf, NotOpened, Pace } from './drivers.ts';
import {
  type Answer,
  entriesOf,
  type Method,
  Nonsense,
  offsetOf,
  positionOf,
  servedByOf,
  sized,
  stepsOf,
  valueOf,
} from './words.ts';

/** The harness stops waiting so much later than we do, so that the journal has our reason. */
const EARLY_NS = 2 * MILLISECOND;
/** The driver is told to be done by then, so that it can say why itself. */
const DRIVERS_SHARE = 0.9;
/** And at least so much earlier: what it says has a way to go. */
const WAY_NS = 10 * MILLISECOND;
/** With less time than this none is asked: to start it took all there was, and it could only answer late. */
const LEAST_NS = 2 * WAY_NS;

interface Asked {
  readonly f: Method;
  readonly key?: string;
  readonly value?: Value;
}

export class DriverClient implements Client {
  readonly #drivers: Drivers;
  readonly #options: ClientOptions;
  readonly #pace: Pace;
  #driver: DriverProcess | undefined;
  #token: Token | undefined;
  #notOpened: NotOpened | undefined;
  #closed = false;

  /** Never rejects: what cannot be opened refuses what it is asked, and is tried again. */
  static async connect(drivers: Drivers, options: ClientOptions): Promise<DriverClient> {
    const client = new DriverClient(drivers, options);
    await client.open().catch(() => undefined);
    return client;
  }

  private constructor(drivers: Drivers, options: ClientOptions) {
    this.#drivers = drivers;
    this.#options = options;
    this.#token = options.token;
    this.#pace = new Pace(() => drivers.cluster.clock.now());
  }

  /** Rejects with {@link NotOpened}. */
  async open(withinNs?: number): Promise<DriverProcess> {
    if (this.#driver?.usable === true) return this.#driver;
    if (this.#notOpened !== undefined && !this.#pace.mayTry()) throw this.#notOpened;
    try {
      const token = this.#token;
      const driver = await this.#drivers.open({ ...this.#options, ...(token !== undefined && { token }) }, withinNs);
      if (this.#closed) this.#drivers.release(driver);
      this.#driver = driver;
      this.#notOpened = undefined;
      this.#pace.worked();
      return driver;
    } catch (error) {
      if (!(error instanceof NotOpened)) throw error;
      this.#pace.failed();
      this.#notOpened = error;
      throw error;
    }
  }

  async read({ key }: { readonly key: Key }, deadline: Instant): Promise<StoreAnswer<{ value: Value }>> {
    return this.#asked({ f: 'read', key: this.#stored(key) }, deadline, (answer) => ({
      ...this.#said('read', ok(answer)),
      value: sized(valueOf(answer.fields)),
    }));
  }

  async readMany(
    { keys }: { readonly keys: readonly Key[] },
    deadline: Instant,
  ): Promise<StoreAnswer<{ values: readonly Value[]; versions?: readonly (Position | null)[] }>> {
    return this.#asked({ f: 'readMany', value: keys.map((key) => this.#stored(key)) }, deadline, (answer) => {
      const { version, ...rest } = ok(answer).fields;
      const values = valueOf(rest);
      if (!Array.isArray(values) || values.length !== keys.length)
        throw new Nonsense(`the driver answered a read of ${keys.length} keys with no list of as many values`);
      const said = { ...this.#said('read', { ...answer, fields: rest }), values: values.map(sized) };
      if (version === undefined) return said;
      if (!Array.isArray(version) || version.length !== keys.length)
        throw new Nonsense(`the driver answered a read of ${keys.length} keys with no list of as many versions`);
      return { ...said, versions: version.map((one) => positionOf(one, 'version') ?? null) };
    });
  }

  async write({ key, value }: { readonly key: Key; readonly value: Value }, deadline: Instant): Promise<StoreAnswer> {
    return this.#asked({ f: 'write', key: this.#stored(key), value }, deadline, (answer) =>
      this.#said('write', ok(answer)),
    );
  }

  async compareAndSet(
    { key, expected, next }: { readonly key: Key; readonly expected: Value; readonly next: Value },
    deadline: Instant,
  ): Promise<StoreAnswer<{ swapped: boolean; actual?: Value }>> {
    return this.#asked({ f: 'cas', key: this.#stored(key), value: [expected, next] }, deadline, (answer) => {
      if (answer.type !== 'fail' || answer.fields['error'] !== 'mismatch')
        return { ...this.#said('write', ok(answer)), swapped: true };
      const { actual } = answer.fields;
      return { ...this.#said('write', answer), swapped: false, ...(actual !== undefined && { actual: sized(actual) }) };
    });
  }

  async send(
    { key, value }: { readonly key: Key; readonly value: Value },
    deadline: Instant,
  ): Promise<StoreAnswer<{ offset: number }>> {
    return this.#asked({ f: 'send', key: this.#stored(key), value }, deadline, (answer) => ({
      ...this.#said('write', ok(answer)),
      offset: offsetOf(answer.fields),
    }));
  }

  async poll(
    { key, from }: { readonly key: Key; readonly from: number },
    deadline: Instant,
  ): Promise<StoreAnswer<{ entries: readonly Entry[] }>> {
    return this.#asked({ f: 'poll', key: this.#stored(key), value: from }, deadline, (answer) => ({
      ...this.#said('read', ok(answer)),
      entries: entriesOf(answer.fields),
    }));
  }

  async transact(
    { steps }: { readonly steps: readonly Step[] },
    deadline: Instant,
  ): Promise<StoreAnswer<{ steps: readonly Step[] }>> {
    const value = steps.map(([f, key, value]): Step => [f, this.#stored(key), value]);
    return this.#asked({ f: 'txn', value }, deadline, (answer) => ({
      ...this.#said('write', ok(answer)),
      steps: stepsOf(answer.fields, steps),
    }));
  }

  token(): Token {
    return this.#token ?? null;
  }

  close(): Promise<void> {
    this.#closed = true;
    if (this.#driver !== undefined) this.#drivers.release(this.#driver);
    return Promise.resolve();
  }

  /** The name it has in the store: `5` and `"5"` are different keys. */
  #stored(key: Key): string {
    const prefix = this.#drivers.cluster.helpers?.keyPrefix ?? '';
    return prefix + keyText(key);
  }

  async #asked<T>(asked: Asked, deadline: Instant, take: (answer: Answer) => T): Promise<T> {
    const { clock } = this.#drivers.cluster;
    let driver: DriverProcess;
    try {
      driver = await this.open();
    } catch (error) {
      // Nothing was sent to anybody.
      throw new Refused('NOT_OPENED', quoted(error instanceof Error ? error.message : String(error)));
    }
    const withinNs = deadline - clock.now() - EARLY_NS;
    if (withinNs < LEAST_NS) throw new Refused('NOT_OPENED', 'the deadline was there before a driver could be asked');
    const timeoutMs = Math.floor(Math.min(withinNs * DRIVERS_SHARE, withinNs - WAY_NS) / MILLISECOND);
    try {
      return take(await driver.ask({ type: 'invoke', ...asked, timeoutMs }, withinNs));
    } catch (error) {
      if (error instanceof Nonsense) this.#drivers.cluster.helpers?.count('driver lines that are no answer');
      if (error instanceof Trouble || error instanceof Nonsense) this.#drivers.release(driver);
      throw error;
    }
  }

  /** Who answered, from where, and the token to carry on with. */
  #said(way: 'read' | 'write', { fields }: Pick<Answer, 'fields'>): StoreAnswer {
    const said = servedByOf(fields, this.#drivers.cluster.nodes);
    const role = said?.role ?? this.#roleAsked(way);
    const servedBy = said === undefined || role === undefined ? said : { ...said, role };
    const version = positionOf(fields['version'], 'version');
    const position = positionOf(fields['position'], 'position');
    const { token } = fields;
    if (token !== undefined) this.#token = sized(token); // JSON is all that a token may be
    return {
      ...(servedBy !== undefined && { servedBy }),
      ...(version !== undefined && { version }),
      ...(position !== undefined && { position }),
    };
  }

  /** The role that the driver claims for all whom the path asks; not of a node that was named, whatever its role. */
  #roleAsked(way: 'read' | 'write'): Role | undefined {
    const { readPath, writePath, node } = this.#options;
    if (node !== undefined) return undefined;
    const { readPaths, writePaths } = this.#drivers.hello;
    return way === 'read'
      ? readPaths.find(({ name }) => name === readPath)?.asks
      : writePaths.find(({ name }) => name === writePath)?.asks;
  }
}

/** Refused is fail, and any other error is info. */
function ok(answer: Answer): Answer {
  if (answer.type === 'ok') return answer;
  if (answer.type === 'fail') throw new Refused(quoted(errorOf(answer)));
  if (answer.type === 'info') throw new Error(quoted(errorOf(answer)));
  throw new Nonsense('the driver said hello in place of an answer');
}
