/**
 * A cluster on machines reached by SSH. Each node is a folder of the run's own on a machine, with the agent that containers
 * have too (../docker/agent/main.ts): it starts the store, does faults to it, and undoes everything when its stdin ends.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { Random } from '../../../history/random.ts';
import type { Levers } from '../../../nemesis/fault.ts';
import { unguessable } from '../../../reference-impl/server/clock.ts';
import { newRunId } from '../../../results/files.ts';
import { BadInput } from '../../errors.ts';
import type { Program, Stand } from '../docker/agent/protocol.ts';
import { all } from '../docker/controlled.ts';
import { createLevers } from '../docker/levers.ts';
import { Supervised } from '../docker/supervised.ts';
import type { Connection, Deployment, DeployOptions, NodeSpec } from '../environment.ts';
import { dialStore, distanceNs, REGIONS, storeConfig, storeStatus } from '../real/store.ts';
import { Machine, Resident } from './machine.ts';
import { Register } from './register.ts';
import { choicesOf, type Choices, hostsFor } from './settings.ts';
import { Tunnels } from './tunnel.ts';
import { Ways } from './ways.ts';

interface Member {
  readonly id: NodeId;
  readonly region: string;
  readonly machine: Machine;
  readonly resident: Resident;
  readonly tunnels: Tunnels;
  readonly address: string;
  readonly data: string;
  /** `host:port`, as the harness reaches them. */
  readonly client: string;
  readonly admin: string;
  readonly store: Supervised;
  /** As it was before the first fault. */
  calm: Stand;
}

export class SshCluster implements Deployment {
  readonly clock = realClock();
  readonly nodes: readonly NodeId[];
  readonly regions = REGIONS;
  readonly levers: Partial<Levers>;
  readonly #run: string;
  readonly #choices: Choices;
  readonly #ways: Ways;
  readonly #register: Register;
  readonly #observe: DeployOptions['observe'];
  readonly #machines: Machine[] = [];
  readonly #members = new Map<NodeId, Member>();
  readonly #crashes: string[] = [];
  #requests = 0;
  #ending = false;

  static async deploy(nodes: ReadonlyMap<NodeId, NodeSpec>, options: DeployOptions): Promise<SshCluster> {
    const choices = choicesOf(options.settings);
    const cluster = new SshCluster([...nodes.keys()], choices, options);
    try {
      await cluster.#setUp(nodes, options);
      return cluster;
    } catch (error) {
      await cluster.#abandon();
      throw error;
    }
  }

  private constructor(nodes: readonly NodeId[], choices: Choices, { run, seed, observe }: DeployOptions) {
    this.nodes = nodes;
    this.#run = run?.id ?? newRunId();
    this.#choices = choices;
    this.#ways = new Ways(choices);
    this.#register = new Register(this.#run);
    this.#observe = observe;
    this.levers = createLevers(
      (id) => {
        const member = this.#member(id);
        const { address, data, resident, store } = member;
        return {
          id,
          address,
          ports: [this.#choices.storePort],
          peers: [...this.#members.values()].flatMap((one) => (one === member ? [] : [one.address])),
          data,
          link: resident.link,
          start: () => store.start(),
          fill: (by) => store.fill(by),
          fail: (by) => store.fail(by),
        };
      },
      this.clock,
      new Random(seed).fork('damage'),
    );
  }

  async #setUp(nodes: ReadonlyMap<NodeId, NodeSpec>, { run, settings }: DeployOptions): Promise<void> {
    const { folder, storePort } = this.#choices;
    const hosts = hostsFor(this.#choices, nodes.size);
    this.#register.enter(settings);
    const site = { folder, port: storePort };
    const ids = this.nodes;
    const machines = await all(
      ids.map(async (_, i) => {
        const machine = await Machine.reach(this.#ways, hosts[i], site);
        this.#machines.push(machine);
        machine.mustFit();
        return machine;
      }),
    );
    const addresses = machines.map((machine) => machine.address);
    const twice = addresses.find((address, i) => addresses.indexOf(address) !== i);
    if (twice !== undefined)
      throw new BadInput(`Two of the machines are reached at ${twice}: each node has a machine of its own.`);
    if (run !== undefined) mkdirSync(run.logs, { recursive: true });
    // Reading what a node says of itself is free; nobody is to operate it from outside.
    const env = { TIDEMARK_STORE_OPERATOR_SECRET: unguessable(32).toString('hex') };
    await all(
      [...nodes].map(async ([id, spec], i) => {
        const machine = machines[i];
        const region = REGIONS[i % REGIONS.length];
        const data = `${folder}/${this.#run}/data`;
        const at = (address: string): { readonly client: string; readonly admin: string } => ({
          client: `${address}:${storePort}`,
          admin: `${address}:${storePort + 1}`,
        });
        const { client: listen, admin } = at(addresses[i]);
        const peers = Object.fromEntries(
          ids.flatMap((peer, j) => (peer === id ? [] : [[peer, at(addresses[j]).client]])),
        );
        const config = storeConfig('ssh', spec, { node: id, region, listen, admin, peers, data }, settings);
        const resident = await Resident.settle(machine, {
          clock: this.clock,
          node: id,
          run: this.#run,
          logFile: run === undefined ? undefined : join(run.logs, `${id}.log`),
          env,
          told: (event) => {
            if (!this.#ending) this.#member(id).store.told(event);
          },
          broken: () => this.#broken(id),
        });
        const root = `${folder}/${this.#run}`;
        const tunnels = new Tunnels(this.#ways, machine.host);
        const here =
          this.#choices.reach === 'tunnel'
            ? {
                client: await tunnels.to(addresses[i], storePort),
                admin: await tunnels.to(addresses[i], storePort + 1),
              }
            : at(machine.host.name);
        const program: Program = {
          command: [machine.node(this.#run), `${root}/bin/tidemark-store.mjs`, '--config', `${root}/run/store.yaml`],
          config: JSON.stringify(config, undefined, 2), // JSON is YAML
          data,
        };
        this.#members.set(id, {
          id,
          region,
          machine,
          resident,
          tunnels,
          address: addresses[i],
          data,
          ...here,
          store: new Supervised({
            id,
            clock: this.clock,
            launch: () => resident.link.ask({ do: 'start', program }),
            lastWords: () => resident.lastWords(),
            observe: this.#observe,
            crashes: this.#crashes,
          }),
          calm: await resident.link.ask({ do: 'stand' }),
        });
      }),
    );
    await all([...this.#members.values()].map(({ store }) => store.start()));
  }

  /** An agent has ended, or the connection to it. */
  #broken(id: NodeId): void {
    const member = this.#members.get(id);
    if (this.#ending || member === undefined) return;
    member.store.up = false;
    const why = `the SSH connection to ${member.machine.name} or the agent there has ended`;
    this.#crashes.push(`${id} is lost: ${why}: ${member.resident.lastWords()}`);
    this.#observe({ type: 'down', node: id, reason: why });
  }

  regionOf(node: NodeId): string {
    return this.#member(node).region;
  }

  distanceNs(home: string, node: NodeId): number {
    return distanceNs(home, this.regionOf(node));
  }

  dial(node: NodeId): Connection {
    return dialStore(this.#member(node).client, node, () => void this.#requests++);
  }

  async status(node: NodeId): Promise<unknown> {
    const { store, admin } = this.#member(node);
    return store.up ? storeStatus(admin, this.clock) : undefined;
  }

  isUp(node: NodeId): boolean {
    return this.#member(node).store.up;
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return main();
  }

  statistics(): Readonly<Record<string, number>> {
    const starts = [...this.#members.values()].reduce((sum, member) => sum + member.store.starts, 0);
    return { requests: this.#requests, 'processes started': starts };
  }

  crashes(): readonly string[] {
    return this.#crashes;
  }

  refused(): boolean {
    return [...this.#members.values()].some(({ store }) => store.refused);
  }

  lastLines(node: NodeId): Promise<readonly string[]> {
    return Promise.resolve(this.#members.get(node)?.resident.lastLines() ?? []);
  }

  async lingering(): Promise<readonly string[]> {
    const found = await Promise.all(
      [...this.#members.values()].map(async ({ id, store, calm, resident }) => {
        try {
          const stand = await resident.link.ask({ do: 'stand' });
          const sentences: string[] = [];
          if (!store.up) sentences.push('it was not started again');
          if (stand.process === 'T') sentences.push('its process is stopped still');
          if (stand.rules !== calm.rules)
            sentences.push(`its rules are not what they were: ${difference(calm.rules, stand.rules)}`);
          if (stand.disk !== calm.disk) sentences.push(`its disk is not what it was: ${stand.disk}`);
          if (stand.clock !== calm.clock) sentences.push(`its clocks are not what they were: ${stand.clock}`);
          return sentences.map((sentence) => `${id} was not healed: ${sentence}`);
        } catch (error) {
          return [`nobody knows whether ${id} was healed: ${(error as Error).message}`];
        }
      }),
    );
    return found.flat();
  }

  async destroy(): Promise<void> {
    this.#ending = true;
    for (const { tunnels } of this.#members.values()) tunnels.close();
    const left = await Promise.allSettled(
      [...this.#members.values()].map(({ resident }) => resident.leave(this.clock)),
    );
    this.#close();
    for (const one of left) if (one.status === 'rejected') throw one.reason;
    this.#register.leave();
  }

  /** After a failure half-way: what was made goes, as far as it can be reached. */
  async #abandon(): Promise<void> {
    this.#ending = true;
    for (const { tunnels, resident } of this.#members.values()) {
      tunnels.close();
      resident.link.close();
    }
    const cleared = await Promise.allSettled(this.#machines.map((machine) => machine.clear(this.#run)));
    this.#close();
    // The first error says what matters; what is left is found by whoever cleans up.
    if (cleared.every(({ status }) => status === 'fulfilled')) this.#register.leave();
  }

  #close(): void {
    for (const machine of this.#machines) machine.close();
    this.#ways.close();
  }

  #member(id: NodeId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`no node '${id}': there are ${this.nodes.join(', ')}`);
    return member;
  }
}

/** The first line that only one of them has. */
function difference(before: string, after: string): string {
  const [was, is] = [before.split('\n'), after.split('\n')];
  const more = is.find((line) => !was.includes(line));
  const less = was.find((line) => !is.includes(line));
  return more !== undefined ? `'${more}' is new` : `'${less ?? ''}' is gone`;
}
