/** A cluster without faults that lives by itself, for tests of what happens when nothing is wrong. */
import type { DiskWrite, NodeId, ReplicaEvent } from '../types.ts';
import { generator } from './chaos.ts';
import { Cluster, timings } from './cluster.ts';
import type { Boot, Letter } from './cluster.ts';

export const NODES = ['n1', 'n2', 'n3'];

export interface Inhabitants {
  readonly boot: Boot;
  readonly kept?: (node: NodeId, write: DiskWrite) => boolean;
}

/** Messages take 1 … 3 ms, syncs 1 … 2 ms. */
export class Calm {
  readonly cluster: Cluster;
  readonly events: { readonly node: NodeId; readonly event: ReplicaEvent; readonly atMs: number }[] = [];
  readonly #random: () => number;
  readonly #due: { readonly atMs: number; readonly run: () => void }[] = [];
  /** Nothing goes to or from here. */
  readonly cut = new Set<NodeId>();
  losesRequests = false;
  /** How many letters went each way. */
  sent: Record<string, number> = {};

  constructor(seed: number, config: Partial<typeof timings> = {}, inhabitants?: Inhabitants) {
    this.#random = generator(seed);
    this.cluster = new Cluster(
      NODES,
      { ...timings, ...config },
      {
        sent: (letter) => {
          const link = `${letter.from}>${letter.to}`;
          this.sent[link] = (this.sent[link] ?? 0) + 1;
          this.after(1 + 2 * this.#random(), () => this.#arrive(letter));
        },
        wrote: (node) => this.after(1 + this.#random(), () => this.cluster.sync(node)),
        armed: (node, armed) => {
          this.after(armed.minMs + (armed.maxMs - armed.minMs) * this.#random(), () => {
            if (this.cluster.machine(node).timers.get(armed.timer) === armed) this.cluster.fire(node, armed.timer);
          });
        },
        told: (node, event) => this.events.push({ node, event, atMs: this.cluster.nowMs }),
        ...(inhabitants?.kept === undefined ? undefined : { kept: inhabitants.kept }),
      },
      inhabitants?.boot,
    );
    this.cluster.startAll();
  }

  after(delayMs: number, run: () => void): void {
    const atMs = this.cluster.nowMs + delayMs;
    const i = this.#due.findIndex((other) => other.atMs > atMs);
    this.#due.splice(i < 0 ? this.#due.length : i, 0, { atMs, run });
  }

  #arrive(letter: Letter): void {
    const lost = this.losesRequests && letter.message.type === 'stand-now';
    if (lost || this.cut.has(letter.from) || this.cut.has(letter.to)) this.cluster.drop(letter);
    else this.cluster.deliver(letter);
  }

  live(forMs: number): void {
    const endMs = this.cluster.nowMs + forMs;
    for (let next = this.#due[0]; next !== undefined && next.atMs <= endMs; next = this.#due[0]) {
      this.#due.shift();
      this.cluster.nowMs = next.atMs;
      next.run();
    }
    this.cluster.nowMs = endMs;
  }

  leader(): NodeId | undefined {
    return NODES.find((id) => this.cluster.replica(id).status().role === 'leader');
  }
}
