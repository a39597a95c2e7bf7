/** One machine: logged in at, asked for what it is, given what a node needs, and left as it was found. */
import { PassThrough } from 'node:stream';
import { type Clock, SECOND } from '../../../history/clock.ts';
import { BadInput } from '../../errors.ts';
import { AgentLink } from '../docker/agent-link.ts';
import type { Event } from '../docker/agent/protocol.ts';
import type { Machine as Shared } from '../docker/agent/place.ts';
import { NodeLog } from '../docker/container.ts';
import { type Context, packed } from '../docker/context.ts';
import { owner } from '../docker/owner.ts';
import { bundle, COMPILE, shimsFor } from './bundle.ts';
import { type Connection, type Said, SshError } from './connection.ts';
import { type Facts, ownNode, readFacts, unfit, whyNoRules } from './facts.ts';
import { type Host, isIpv4, nameOf } from './hosts.ts';
import { clear, facts, remains, runsIn, trial, unpack } from './scripts.ts';
import type { Ways } from './ways.ts';

const UPLOAD_NS = 300 * SECOND;
const COMPILE_NS = 120 * SECOND;
const READY_NS = 60 * SECOND;
const END_NS = 30 * SECOND;
const AGENT_SILENCE_MS = 60_000;
const ALIVE_NS = 5 * SECOND;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where runs are on it. */
export interface Site {
  /** For all runs. */
  readonly folder: string;
  readonly port: number;
}

export class Machine {
  readonly host: Host;
  readonly site: Site;
  readonly facts: Facts;
  #connection: Connection;
  readonly #ways: Ways;

  /** Throws {@link BadInput} where nobody answers or lets us in. */
  static async reach(ways: Ways, host: Host, site: Site): Promise<Machine> {
    const connection = await ways.open(host);
    try {
      const said = await connection.run('saying what it is', 'sh -s', { input: facts(site.folder, site.port) });
      if (said.code !== 0) throw new BadInput(`${nameOf(host)} cannot be asked for what it is: ${whyEnded(said)}.`);
      return new Machine(ways, connection, site, readFacts(said.out));
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor(ways: Ways, connection: Connection, site: Site, known: Facts) {
    this.#ways = ways;
    this.#connection = connection;
    this.host = connection.host;
    this.site = site;
    this.facts = known;
  }

  get name(): string {
    return nameOf(this.host);
  }

  /** Where the other machines reach it. */
  get address(): string {
    const address = this.host.address ?? this.facts.address ?? this.host.name;
    if (isIpv4(address)) return address;
    throw new BadInput(
      `${this.name} was reached at ${address}, and faults are rules for IPv4: ${this.host.name}=ADDRESS names one.`,
    );
  }

  /** Throws {@link BadInput} where a node cannot be there. */
  mustFit(): void {
    const why = unfit(this.facts, this.site.folder, this.site.port, ownNode());
    if (why !== undefined) throw new BadInput(`${this.name} ${why}.`);
    void this.address;
  }

  async run(what: string, script: string, options: Parameters<Connection['run']>[2] = {}): Promise<string> {
    if (this.#connection.over) this.#connection = await this.#ways.open(this.host);
    const said = await this.#connection.run(what, script, options);
    if (said.code === 0) return said.out;
    throw new SshError(`${this.name} failed at ${what}: ${whyEnded(said)}`);
  }

  /** A script as root where that is possible, else as whom we are. */
  privileged(what: string, script: string): Promise<string> {
    return this.run(what, this.#sudo('sh -s'), { input: script });
  }

  #sudo(command: string): string {
    return this.facts.root || this.facts.noSudo !== undefined ? command : `sudo -n ${command}`;
  }

  /** Makes the run's folder with these files in it. */
  async unpack(run: string, context: Context): Promise<void> {
    const { tar, end } = packed(context);
    // Node throws away what a process has said that nobody reads when it ends, and the channel is yet to be opened.
    const input = tar.pipe(new PassThrough());
    tar.on('error', (error) => input.destroy(error));
    try {
      await this.run('unpacking the store', unpack(this.site.folder, run, owner()), { input, ns: UPLOAD_NS });
    } finally {
      end();
    }
  }

  compile(run: string): Promise<string> {
    return this.run('compiling the shims', `cd ${this.site.folder}/${run}/shims && ${COMPILE}`, { ns: COMPILE_NS });
  }

  /** \`lever=why not\` of what the kernel does not do. */
  async tried(run: string): Promise<ReadonlyMap<string, string>> {
    const said = await this.privileged(
      'trying what faults need',
      trial(`${this.site.folder}/${run}`, this.site.port, this.facts.node),
    );
    return new Map(lines(said).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  }

  /** Runs whose folders are there. `ageS`: since it was made. */
  async runs(): Promise<
    readonly { readonly run: string; readonly alive: boolean; readonly ageS: number; readonly owner: string }[]
  > {
    const said = await this.privileged('listing its runs', runsIn(this.site.folder));
    return lines(said).flatMap((line) => {
      const [, state, run, age, whose] = /^(alive|dead) ([\w.-]+) (-?\d+) ?(.*)$/.exec(line) ?? [];
      return run === undefined ? [] : [{ run, alive: state === 'alive', ageS: Number(age), owner: whose }];
    });
  }

  /** Undoes what a run's agent could not; throws where something stays. */
  async clear(run: string): Promise<void> {
    const left = lines(await this.privileged(`removing what ${run} left`, clear(this.site.folder, run)));
    if (left.length > 0) throw new Error(`${this.name} still has ${left.join(', ')}`);
  }

  /** What a run that is over has left. */
  async remains(run: string): Promise<readonly string[]> {
    return lines(await this.privileged(`looking for what ${run} left`, remains(this.site.folder, run, this.site.port)));
  }

  /** The command that starts the agent. */
  agent(run: string): string {
    const root = `${this.site.folder}/${run}`;
    const main = `${root}/dist/harness/environments/docker/agent/main.js`;
    return `exec ${this.#sudo(`env PATH=${PATH} ${this.node(run)} ${main} --place ${root}/place.json`)}`;
  }

  /** Path of the Node that runs there. */
  node(run: string): string {
    return this.facts.node ?? `${this.site.folder}/${run}/node`;
  }

  async openChannel(what: string, command: string): ReturnType<Connection['channel']> {
    return this.#connection.channel(what, command);
  }

  close(): void {
    this.#connection.close();
  }
}

export interface ResidentOptions {
  readonly clock: Clock;
  readonly node: string;
  readonly run: string;
  readonly logFile: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly told: (event: Event) => void;
  readonly broken: () => void;
}

/** The agent on a machine, and what it was given to run. */
export class Resident {
  readonly link: AgentLink;
  readonly machine: Machine;
  readonly run: string;
  readonly #log: NodeLog;
  readonly #ended: Promise<void>;
  readonly #stop: () => void;

  /** Resolves when the agent takes requests. */
  static async settle(machine: Machine, options: ResidentOptions): Promise<Resident> {
    const { run, env } = options;
    const root = `${machine.site.folder}/${run}`;
    const shims = shimsFor(machine.facts);
    const shared: Shared = {
      root,
      port: machine.site.port,
      rules: whyNoRules(machine.facts) === undefined,
      silenceMs: AGENT_SILENCE_MS,
      env,
    };
    const place = { folder: `${root}/run`, shims: `${root}/shims`, machine: shared };
    await machine.unpack(run, bundle(place, shims, machine.facts.node === undefined));
    if (shims?.compile === true) await machine.compile(run);
    await machine.run('starting Node', `${machine.node(run)} --version`);
    const channel = await machine.openChannel('starting the agent', machine.agent(run));
    let isReady = (): void => undefined;
    let isDead = (): void => undefined;
    const ready = new Promise<void>((resolve, reject) => {
      isReady = resolve;
      isDead = () => reject(new Error('it has ended'));
    });
    const resident = new Resident(machine, channel, {
      ...options,
      told: (event) => (event.event === 'ready' ? isReady() : options.told(event)),
      broken: () => {
        isDead();
        options.broken();
      },
    });
    const { clock } = options;
    const late = clock.timer(clock.now() + READY_NS, isDead);
    await ready.catch(() => {
      throw new Error(`the agent on ${machine.name} did not start: ${resident.lastWords()}`);
    });
    late();
    return resident;
  }

  private constructor(
    machine: Machine,
    channel: Awaited<ReturnType<Machine['openChannel']>>,
    options: ResidentOptions,
  ) {
    const { clock, node, run, logFile, told, broken } = options;
    this.machine = machine;
    this.run = run;
    this.#log = new NodeLog(logFile);
    this.#ended = new Promise((resolve) => channel.once('close', () => resolve()));
    let cancel = (): void => undefined;
    const alive = (): void => {
      channel.write('\n');
      cancel = clock.timer(clock.now() + ALIVE_NS, alive);
    };
    this.#stop = () => cancel();
    this.link = new AgentLink({
      clock,
      node,
      where: `the agent on ${machine.name}`,
      stream: channel,
      demux: (_, out, err) => {
        channel.pipe(out);
        channel.stderr.pipe(err);
      },
      log: (bytes) => this.#log.write(bytes),
      told,
      broken: () => {
        cancel();
        broken();
      },
    });
    alive();
  }

  lastWords(): string {
    return this.#log.lastWords();
  }

  lastLines(): readonly string[] {
    return this.#log.lastLines();
  }

  /** Lets the agent undo everything and end; then looks whether it did. Throws with what stays. */
  async leave(clock: Clock): Promise<void> {
    this.#stop();
    this.link.close();
    let cancel = (): void => undefined;
    await Promise.race([
      this.#ended,
      new Promise<void>((resolve) => void (cancel = clock.timer(clock.now() + END_NS, resolve))),
    ]);
    cancel();
    this.#log.close();
    const left = await this.machine.remains(this.run);
    if (left.length > 0) await this.machine.clear(this.run);
  }
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

function whyEnded({ code, signal, err }: Said): string {
  if (err.trim() !== '') return firstLine(err);
  if (signal !== undefined) return `ended by ${signal}`;
  return code === null ? 'it has ended, and nobody said how' : `code ${code}`;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0];
}
