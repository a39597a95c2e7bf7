/** A cluster that somebody else runs: nothing is started or ended, and of its nodes no more is known than where they are. */
import { machineNs, realClock } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Levers } from '../../../nemesis/fault.ts';
import { BadInput } from '../../errors.ts';
import type { Connection, Deployment, DeployOptions, Helpers } from '../environment.ts';
import type { Endpoints } from './settings.ts';

/** What all their clients share: nobody says where nodes are. */
const REGION = 'here';

/** Told which nodes no longer run, and run again. */
export interface Told {
  readonly down: (node: NodeId) => void;
  readonly up: (node: NodeId) => void;
}

export class GivenCluster implements Deployment {
  readonly clock = realClock();
  readonly nodes: readonly NodeId[];
  readonly regions: readonly string[] = [REGION];
  readonly levers: Partial<Levers>;
  readonly helpers: Helpers;
  readonly #endpoints: Endpoints;
  readonly #down = new Set<NodeId>();
  readonly #counts: Record<string, number> = {};
  readonly #ends: (() => Promise<void>)[] = [];

  constructor(
    endpoints: Endpoints,
    levers: (told: Told) => Partial<Levers>,
    { observe, run }: Pick<DeployOptions, 'observe' | 'run'>,
  ) {
    this.#endpoints = endpoints;
    this.nodes = [...endpoints.keys()];
    this.levers = levers({
      down: (node) => {
        this.#down.add(node);
        observe({ type: 'down', node });
      },
      up: (node) => {
        this.#down.delete(node);
        observe({ type: 'up', node });
      },
    });
    this.helpers = {
      logs: run?.logs,
      keyPrefix: `tidemark-${run?.id ?? `${process.pid}-${machineNs()}`}-`,
      count: (what) => {
        this.#counts[what] = (this.#counts[what] ?? 0) + 1;
      },
      atEnd: (end) => void this.#ends.push(end),
    };
    for (const node of this.nodes) observe({ type: 'up', node });
  }

  regionOf(): string {
    return REGION;
  }

  distanceNs(): number {
    return 0;
  }

  address(node: NodeId): string {
    const address = this.#endpoints.get(node);
    if (address === undefined) throw new Error(`no node '${node}': there are ${this.nodes.join(', ')}`);
    return address;
  }

  dial(): Connection {
    throw new BadInput('--env endpoints is for drivers: this system starts its nodes itself.');
  }

  status(): Promise<unknown> {
    return Promise.resolve(undefined);
  }

  isUp(node: NodeId): boolean {
    return !this.#down.has(node);
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return main();
  }

  statistics(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  crashes(): readonly string[] {
    return [];
  }

  /** Where the nodes are and who may use them is for the user to say. */
  refused(): boolean {
    return true;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
  }
}
