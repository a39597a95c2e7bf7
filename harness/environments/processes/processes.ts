/**
 * A cluster of real processes on loopback: real sockets, real fsync, real time. Its levers are what signals can do: kill,
 * pause, restart. All nodes share one machine, so regions are labels, and distances between them a made-up order.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import { Random } from '../../../history/random.ts';
import type { NodeId } from '../../../history/operation.ts';
import type { Injection, Levers } from '../../../nemesis/fault.ts';
import { dialTcp } from '../../../reference-impl/client/tcp.ts';
import { BAD_INPUT } from '../../errors.ts';
import { freePorts } from '../../ports.ts';
import type { Connection, Deployment, DeployOptions, NodeSpec } from '../environment.ts';
import { damageLog } from './damage.ts';
import { CLUSTER, commandOf, type Place } from './command.ts';
import { NodeProcess } from './node-process.ts';

const STOP_NS = 10 * SECOND;
const STATUS_MS = 500;
const REGIONS = ['r1', 'r2', 'r3'];

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
  readonly #crashes: string[] = [];
  #refused = false;
  #requests = 0;

  static async deploy(specs: ReadonlyMap<NodeId, NodeSpec>, options: DeployOptions): Promise<Processes> {
    const ids = [...specs.keys()];
    const ports = await freePorts(ids.length * 2);
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-processes-'));
    const places = ids.map((node, i): Place => {
      const data = join(folder, node);
      mkdirSync(data, { mode: 0o700 });
      return { node, region: REGIONS[i % REGIONS.length], client: ports[2 * i], admin: ports[2 * i + 1], data };
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
    this.nodes = [...specs.keys()];
    this.#members = new Map(
      [...specs].map(([id, spec], i) => {
        const process = new NodeProcess({
          command: commandOf(spec, places[i], places, options.settings),
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
    const apart = Math.abs(REGIONS.indexOf(home) - REGIONS.indexOf(this.regionOf(node)));
    return apart * MILLISECOND;
  }

  dial(node: NodeId): Connection {
    const { client } = this.#member(node).place;
    const line = dialTcp(`127.0.0.1:${client}`, { cluster: CLUSTER, node });
    return {
      request: (body) => {
        this.#requests++;
        return line.request(body as Parameters<typeof line.request>[0]); // the clients of this program send these
      },
      close: () => line.close(),
    };
  }

  async status(node: NodeId): Promise<unknown> {
    const { place, process } = this.#member(node);
    if (!process.up) return undefined;
    try {
      const answer = await fetch(`http://127.0.0.1:${place.admin}/status`, { signal: this.#deadline(STATUS_MS) });
      const { groups } = (await answer.json()) as { readonly groups: readonly object[] };
      return groups.length > 1 ? { ...groups[0], groups } : groups[0];
    } catch {
      return undefined; // not up yet, killed, stopped or busy: it does not answer
    }
  }

  #deadline(ms: number): AbortSignal {
    const controller = new AbortController();
    this.clock.timer(this.clock.now() + ms * MILLISECOND, () => controller.abort());
    return controller.signal;
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

  async destroy(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ process }) => process.stop(STOP_NS)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #member(id: NodeId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`no node '${id}': there are ${this.nodes.join(', ')}`);
    return member;
  }
}

/** Heals once, and remembers the effect as it was then. */
function injection(undo: () => Promise<void>, effect: () => Readonly<Record<string, number>>): Injection {
  let final: Readonly<Record<string, number>> | undefined;
  return {
    async heal() {
      if (final !== undefined) return;
      final = effect();
      await undo();
    },
    effect: () => final ?? effect(),
  };
}
