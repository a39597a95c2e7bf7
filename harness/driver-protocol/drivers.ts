/** The drivers of one run: who starts them, where their words go, what is counted, and that none outlives it. */
import { type Instant, type NodeId, type Sighting } from '../../history/operation.ts';
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { ClientOptions } from '../../history/store.ts';
import type { Deployment } from '../environments/environment.ts';
import { DriverLog } from './driver-log.ts';
import { DriverProcess, Trouble } from './driver-process.ts';
import { type Answer, type Fields, type Hello, helloOf, Nonsense, PROTOCOL, sightingOf } from './words.ts';

const HELLO_NS = 10 * SECOND;
const OPEN_NS = 5 * SECOND;
const SIGHT_NS = 500 * MILLISECOND;
/** After a driver could not be had, the next is started so much later; then twice as much. */
const BACK_OFF_NS = 100 * MILLISECOND;
const BACK_OFF_NS_MAX = 2 * SECOND;

/** How many drivers wait for a client that needs a new one. */
const SPARE = 2;

interface Greeted {
  readonly driver: DriverProcess;
  /** Rejects where its hello is not what it should be. */
  readonly greeted: Promise<void>;
}

export type Command = readonly [string, ...string[]];

/** No driver could be had, or it could not work for this client: nothing was sent to the store. */
export class NotOpened extends Error {
  /** The driver said so itself: asking again is no use. */
  readonly definite: boolean;

  constructor(message: string, definite: boolean) {
    super(message);
    this.definite = definite;
  }
}

export class Drivers {
  readonly #command: Command;
  readonly #cluster: Deployment;
  readonly #settings: ReadonlyMap<string, string>;
  readonly #log: DriverLog;
  /** What the driver said when it was asked first; each process says the same. */
  readonly hello: Hello;
  readonly #hello: string;
  readonly #all = new Set<DriverProcess>();
  readonly #sighting = new Map<NodeId, Sighter>();
  /** Started, and good for any client: whoever takes one has another started. */
  readonly #spare: Greeted[] = [];
  /** From the first that was opened on. */
  #warm = false;
  #ended = false;

  constructor(command: Command, cluster: Deployment, settings: ReadonlyMap<string, string>, hello: Hello) {
    this.#command = command;
    this.#cluster = cluster;
    this.#settings = new Map([...settings].filter(([name]) => hello.settings.some((one) => one.name === name)));
    this.#log = new DriverLog(cluster.helpers?.logs);
    this.hello = hello;
    this.#hello = JSON.stringify(hello);
    cluster.helpers?.atEnd(() => this.#end());
  }

  get cluster(): Deployment {
    return this.#cluster;
  }

  /** Starts a driver that works for a client. Rejects with {@link NotOpened}. */
  async open(options: ClientOptions, withinNs = OPEN_NS): Promise<DriverProcess> {
    const { session, device, readPath, writePath, attempt, node, token } = options;
    const { driver, greeted } = this.#take();
    driver.logTo(this.#log.of(node === undefined ? `${session}-${device}` : `${session}-${device}-${node}`));
    try {
      const opened = driver.ask(
        {
          type: 'open',
          nodes: Object.fromEntries(this.#cluster.nodes.map((one) => [one, this.#cluster.address?.(one) ?? ''])),
          readPath,
          writePath,
          session,
          device,
          attempt,
          ...(node !== undefined && { node }),
          ...(token !== undefined && token !== null && { token }),
          settings: Object.fromEntries(this.#settings),
          timeoutMs: withinNs / MILLISECOND,
        },
        withinNs + HELLO_NS,
      );
      const [, answer] = await Promise.all([greeted, opened]);
      if (answer.type !== 'ok') throw new NotOpened(errorOf(answer), answer.type === 'fail');
      this.#warm = true;
      return driver;
    } catch (error) {
      this.release(driver);
      if (error instanceof NotOpened) throw error;
      throw new NotOpened(error instanceof Error ? error.message : String(error), false);
    }
  }

  /** Ends it behind the caller's back: nobody waits for a driver to go. */
  release(driver: DriverProcess): void {
    void driver.end().then(() => this.#all.delete(driver));
  }

  /** What a node says of itself; none: it does not answer. */
  async sight(
    node: NodeId,
    paths: { readonly readPath: string; readonly writePath: string },
  ): Promise<readonly Sighting[]> {
    let sighter = this.#sighting.get(node);
    if (sighter === undefined) {
      sighter = new Sighter(this, node, paths);
      this.#sighting.set(node, sighter);
    }
    return sighter.look();
  }

  #take(): Greeted {
    let taken = this.#spare.shift();
    while (taken !== undefined && !taken.driver.usable) taken = this.#spare.shift();
    while (this.#warm && this.#spare.length < SPARE) this.#spare.push(this.#start());
    return taken ?? this.#start();
  }

  #start(): Greeted {
    if (this.#ended) throw new NotOpened('the run has ended, and no driver is started any more', true);
    const driver = new DriverProcess({
      command: this.#command,
      count: (misdeed) => this.#cluster.helpers?.count(`driver ${misdeed}`),
    });
    this.#all.add(driver);
    const greeted = driver.ask({ type: 'hello', protocol: PROTOCOL }, HELLO_NS).then((answer) => {
      if (JSON.stringify(helloOf(answer)) !== this.#hello)
        throw new Nonsense('its hello is not the one it gave before');
    });
    greeted.catch(() => undefined); // whoever takes it is told
    return { driver, greeted };
  }

  async #end(): Promise<void> {
    this.#ended = true;
    await Promise.all([...this.#all].map((driver) => driver.end()));
  }
}

/** One driver that only looks at one node, so that a node that hangs keeps nobody waiting. */
class Sighter {
  readonly #drivers: Drivers;
  readonly #node: NodeId;
  readonly #paths: { readonly readPath: string; readonly writePath: string };
  readonly #pace: Pace;
  #driver: Promise<DriverProcess> | undefined;
  #looking: Promise<readonly Sighting[]> | undefined;
  #attempt = 0;

  constructor(drivers: Drivers, node: NodeId, paths: { readonly readPath: string; readonly writePath: string }) {
    this.#drivers = drivers;
    this.#node = node;
    this.#paths = paths;
    this.#pace = new Pace(() => drivers.cluster.clock.now());
  }

  /** One look at a time: who asks meanwhile is told what that one sees. */
  look(): Promise<readonly Sighting[]> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<readonly Sighting[]> {
    const { nodes } = this.#drivers.cluster;
    let driver: DriverProcess | undefined;
    try {
      if (this.#driver === undefined && !this.#pace.mayTry()) return [];
      this.#driver ??= this.#drivers.open({
        session: 'sight',
        device: 'd1',
        home: this.#drivers.cluster.regions[0],
        ...this.#paths,
        attempt: this.#attempt++,
        node: this.#node,
      });
      driver = await this.#driver;
      const answer = await driver.ask({ type: 'sight', node: this.#node, timeoutMs: SIGHT_NS / MILLISECOND }, SIGHT_NS);
      this.#pace.worked();
      if (answer.type !== 'ok') return [];
      const groups: unknown = answer.fields['groups'];
      const all: readonly unknown[] = Array.isArray(groups) ? groups : [answer.fields];
      return all.map((one) => sightingOf(one as Fields, this.#node, nodes)); // checked field by field
    } catch (error) {
      if (!(error instanceof NotOpened || error instanceof Trouble || error instanceof Nonsense)) throw error;
      if (error instanceof Nonsense) this.#drivers.cluster.helpers?.count('driver lines that are no answer');
      this.#pace.failed();
      this.#driver = undefined;
      if (driver !== undefined) this.#drivers.release(driver);
      return [];
    }
  }
}

/** Keeps what fails from being tried all the time. */
export class Pace {
  readonly #now: () => Instant;
  #waitNs = 0;
  #notBefore: Instant = 0;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  mayTry(): boolean {
    return this.#now() >= this.#notBefore;
  }

  worked(): void {
    this.#waitNs = 0;
    this.#notBefore = 0;
  }

  failed(): void {
    this.#waitNs = Math.min(BACK_OFF_NS_MAX, this.#waitNs === 0 ? BACK_OFF_NS : 2 * this.#waitNs);
    this.#notBefore = this.#now() + this.#waitNs;
  }
}

/** What a driver says of why: a code or a sentence. */
export function errorOf({ type, fields }: Answer): string {
  const { error } = fields;
  return typeof error === 'string' && error !== '' ? error : `the driver answered ${type}, and did not say why`;
}
