/**
 * A cluster of real processes on loopback: real sockets, real fsync, real time. Its levers are what signals can do: kill,
 * pause, restart. All nodes share one machine, so regions are labels, and distances between them a made-up order.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MILLISECOND, realClock } from '../../../history/clock.ts';
import { Random } from '../../../history/random.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Levers } from '../../../nemesis/fault.ts';
import { BAD_INPUT } from '../../errors.ts';
import { freePorts } from '../../ports.ts';
import type { Connection, Deployment, DeployOptions, NodeSpec } from '../environment.ts';
import { damageLog } from '../real/damage.ts';
import { injection } from '../real/injection.ts';
import { NodeProcess } from '../real/node-process.ts';
import { dialStore, distanceNs, type Place, REGIONS, storeStatus } from '../real/store.ts';
import { type Delay, delayed, delayOf } from './client-delay.ts';
import { commandOf } from './command.ts';

interface Member {
  readonly id: NodeId;
  readonly place: Place;
  readonly process: NodeProcess;
}

export class Processes implements Deployment {
  readonly clock = realClock();
  readonly nodes: readonly NodeId[];
  readonly regions: readonly string[] = REGIONS;
  readonly levers: Partial<Levers>;
  readonly #members: ReadonlyMap<NodeId, Member>;
  readonly #folder: string;
  readonly #delay: Delay;
  readonly #crashes: string[] = [];
  #refused = false;
  #requests = 0;

  static async deploy(specs: ReadonlyMap<NodeId, NodeSpec>, options: DeployOptions): Promise<Processes> {
    const ids = [...specs.keys()];
    const addresses = (await freePorts(ids.length * 2)).map((port) => `127.0.0.1:${port}`);
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-processes-'));
    const places = ids.map((node, i): Place => {
      const data = join(folder, node);
      mkdirSync(data, { mode: 0o700 });
      const [listen, admin] = [addresses[2 * i], addresses[2 * i + 1]];
      const peers = Object.fromEntries(
        ids.map((id, j) => [id, addresses[2 * j]] as const).filter(([id]) => id !== node),
      );
      return { node, region: REGIONS[i % REGIONS.length], listen, admin, peers, data };
    });
    const cluster = new Processes(folder, specs, places, options);
    for (const member of cluster.#members.values()) cluster.#start(member, options);
    return cluster;
  }

  private constructor(
    folder: string,
    specs: ReadonlyMap<NodeId, NodeSpec>,
    places: readonly Place[],
    options: DeployOptions,
  ) {
    this.#folder = folder;
    this.#delay = delayOf(options.settings);
    this.nodes = [...specs.keys()];
    this.#members = new Map(
      [...specs].map(([id, spec], i) => {
        const process = new NodeProcess({
          command: commandOf(spec, places[i], options.settings),
          log: join(folder, `${id}.log`),
          ended: ({ expected, reason, code }) => {
            this.#refused ||= code === BAD_INPUT;
            if (expected) return options.observe({ type: 'down', node: id });
            this.#crashes.push(`${id} ended by itself: ${reason}`);
            options.observe({ type: 'down', node: id, reason });
          },
        });
        return [id, { id, place: places[i], process }];
      }),
    );
    const random = new Random(options.seed).fork('damage');
    this.levers = {
      kill: async (ids) => {
        const victims = [...new Set(ids)].map((id) => this.#member(id));
        const killed = await Promise.all(
          victims.map(async (victim) => ((await victim.process.kill()) ? [victim] : [])),
        );
        return injection(
          async () => killed.flat().forEach((victim) => this.#start(victim, options)),
          () => ({ 'nodes killed': killed.flat().length }),
        );
      },
      corruptDisk: async (id) => {
        const victim = this.#member(id);
        const wasUp = await victim.process.kill();
        const damage = wasUp ? damageLog(victim.place.data, random) : undefined;
        return injection(
          async () => {
            if (wasUp) this.#start(victim, options);
          },
          () => ({
            'bits flipped': damage?.kind === 'bit flipped' ? 1 : 0,
            'files cut': damage?.kind === 'file cut' ? 1 : 0,
          }),
        );
      },
      pause: async (ids) => {
        const victims = [...new Set(ids)].map((id) => this.#member(id).process);
        const lives = await Promise.all(
          victims.map(async (victim) => ((await victim.pause()) ? [{ victim, life: victim.lives }] : [])),
        );
        const from = this.clock.now();
        return injection(
          async () => {
            for (const { victim, life } of lives.flat()) if (victim.lives === life) await victim.resume();
          },
          () => ({
            'nodes stopped': lives.flat().length,
            'ms stopped': Math.round((this.clock.now() - from) / MILLISECOND),
          }),
        );
      },
    };
  }

  #start(member: Member, options: DeployOptions): void {
    if (member.process.up) return;
    member.process.start();
    options.observe({ type: 'up', node: member.id });
  }

  regionOf(node: NodeId): string {
    return this.#member(node).place.region;
  }

  distanceNs(home: string, node: NodeId): number {
    return distanceNs(home, this.regionOf(node));
  }

  dial(node: NodeId): Connection {
    const line = dialStore(this.#member(node).place.listen, node, () => void this.#requests++);
    return delayed(line, this.clock, this.#delay);
  }

  async status(node: NodeId): Promise<unknown> {
    const { place, process } = this.#member(node);
    return process.up ? storeStatus(place.admin, this.clock) : undefined;
  }

  isUp(node: NodeId): boolean {
    return this.#member(node).process.up;
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return main();
  }

  statistics(): Readonly<Record<string, number>> {
    const lives = [...this.#members.values()].reduce((sum, { process }) => sum + process.lives, 0);
    return { requests: this.#requests, 'processes started': lives };
  }

  crashes(): readonly string[] {
    return this.#crashes;
  }

  refused(): boolean {
    return this.#refused;
  }

  /** At once: nothing of theirs is kept, and a leader that stops in order looks a second for another, of whom none is left. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ process }) => process.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #member(id: NodeId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`no node '${id}': there are ${this.nodes.join(', ')}`);
    return member;
  }
}
