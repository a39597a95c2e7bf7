/** The real core in the simulated world, for tests: a cluster that can be asked, loaded and struck. */
import { expect } from 'vitest';
import type { NodeEvent } from '../harness/environments/environment.ts';
import { programs } from '../harness/environments/simulation/index.ts';
import { Simulation } from '../harness/environments/simulation/simulation.ts';
import { loadFaults } from '../harness/plugins.ts';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { NodeId } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import type { Fault, Injected, Target } from '../nemesis/fault.ts';
import type { ReplicaEvent, Request, Response, Status } from '../reference-impl/core/types.ts';

export const faults = await loadFaults();

export class Cluster implements Target {
  readonly sim: Simulation;
  /** What the system would say that it stands. */
  readonly clockDriftPpmMax = 100_000;
  /** How often the replicas told of an event of each type. */
  readonly told: ReadonlyMap<string, number>;
  readonly #status = new Map<NodeId, Status>();

  constructor(
    seed: number,
    observe: (event: NodeEvent) => void = () => undefined,
    settings: Readonly<Record<string, string>> = {},
    more: Readonly<Record<string, unknown>> = {},
    told: ReadonlyMap<string, number> = new Map(),
  ) {
    this.told = told;
    const nodes = ['n1', 'n2', 'n3'];
    const options = { nodes, heartbeatMs: 50, electionMinMs: 300, electionMaxMs: 600, requestTimeoutMs: 900, ...more };
    const specs = new Map(nodes.map((node) => [node, { program: 'tidemark-store', options }]));
    this.sim = new Simulation(specs, { seed, settings: new Map(Object.entries(settings)), observe }, programs);
  }

  get nodes(): readonly NodeId[] {
    return this.sim.nodes;
  }

  get levers(): Simulation['levers'] {
    return this.sim.levers;
  }

  leader(): NodeId | undefined {
    const leading = [...this.#status]
      .filter(([, { role }]) => role === 'leader')
      .sort(([, a], [, b]) => b.term - a.term);
    return leading[0]?.[0];
  }

  followers(): readonly NodeId[] {
    return this.nodes.filter((node) => node !== this.leader());
  }

  learners(): readonly NodeId[] {
    return [];
  }

  mostLagging(): NodeId | undefined {
    return this.followers()[0];
  }

  term(): number {
    return Math.max(...[...this.#status.values()].map(({ term }) => term));
  }

  async sleep(ns: number): Promise<void> {
    await this.sim.clock.sleepUntil(this.sim.clock.now() + ns);
    await this.look();
  }

  async look(): Promise<void> {
    for (const node of this.nodes) {
      const status = await this.sim.status(node);
      if (status === undefined) this.#status.delete(node);
      else this.#status.set(node, status);
    }
  }

  /** Waits for a leader in a term above `term`, and returns it. */
  async led(term = 0): Promise<NodeId> {
    for (let waited = 0; waited < 100; waited++) {
      await this.sleep(100 * MILLISECOND);
      const leader = this.leader();
      if (leader !== undefined && this.term() > term) return leader;
    }
    throw new Error('no leader within 10 s');
  }

  /** Asks whoever leads, a second long each time, until it is answered well. */
  async ask(body: Request): Promise<Extract<Response, { type: 'read' | 'written' }>> {
    let hint: NodeId | undefined;
    for (let attempt = 0; attempt < 400; attempt++) {
      const node = hint ?? this.leader() ?? 'n1';
      const line = this.sim.dial(node, 'eu');
      const late = this.sim.clock.sleepUntil(this.sim.clock.now() + SECOND).then(() => undefined);
      const answer = await Promise.race([line.request(body) as Promise<Response>, late]).catch(() => undefined);
      line.close();
      if (answer?.type === 'read' || answer?.type === 'written') return answer;
      hint = answer?.type === 'refused' ? answer.leader : undefined;
      await this.sleep(50 * MILLISECOND);
    }
    throw new Error(`${body.type} was not answered`);
  }

  write(key: string, value: number): Promise<unknown> {
    return this.ask({ type: 'write', ack: 'quorum-ack', key, value });
  }

  async read(key: string): Promise<unknown> {
    const answer = await this.ask({ type: 'read', path: 'leader', keys: [key], waitMs: 0 });
    return answer.type === 'read' ? answer.values[0] : answer;
  }

  async inject(name: string, seed = 1): Promise<Injected> {
    await this.look();
    const injected = await (faults.get(name) as Fault).inject(this, new Random(seed), (ns) => this.sleep(ns)); // a missing one fails the test
    if (injected === undefined) throw new Error(`${name} found nobody to strike`);
    return injected;
  }
}

/** Runs `main` on a cluster of three that has a leader. */
export async function on(
  seed: number,
  main: (cluster: Cluster) => Promise<void>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Cluster> {
  const told = new Map<string, number>();
  const observe = (happened: NodeEvent): void => {
    if (happened.type !== 'store') return;
    const { type } = happened.event as ReplicaEvent; // what the program tells
    told.set(type, (told.get(type) ?? 0) + 1);
  };
  const cluster = new Cluster(seed, observe, {}, options, told);
  await cluster.sim.run(async () => {
    await cluster.led();
    await main(cluster);
  });
  expect(cluster.sim.crashes()).toEqual([]);
  return cluster;
}

/** Writes without end, until told to stop. */
export function load(cluster: Cluster): { stop: () => Promise<number> } {
  const load = { stopped: false };
  const writing = (async (): Promise<number> => {
    let written = 0;
    while (!load.stopped) {
      await cluster.write('load', ++written);
      await cluster.sleep(10 * MILLISECOND);
    }
    return written;
  })();
  return {
    stop: () => {
      load.stopped = true;
      return writing;
    },
  };
}
