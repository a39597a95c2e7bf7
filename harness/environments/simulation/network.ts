/**
 * The network: latencies by pair of regions, and the links between nodes with what befalls messages on them.
 *
 * - A message is lost, or chosen to be reordered or duplicated, when it is sent.
 * - A cut acts at the receiver: what would arrive while the link is cut is dropped, whenever it was sent.
 * - Jitter alone never reorders: a message arrives no earlier than the one before it on its link. One that is chosen for
 *   reordering is held back outside that order, so that later messages may overtake it.
 * - Several shapes on one link add up: delays are summed, and each draws its own losses.
 */
import { MICROSECOND, MILLISECOND } from '../../../history/clock.ts';
import type { Instant } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import { type EventQueue, MESSAGE } from './events.ts';
import type { World } from './settings.ts';

/** A shape in force, with what it did. The world's own loss, duplication and reordering are a shape like any other. */
export interface Shaping {
  readonly delayNs: number;
  readonly jitterNs: number;
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  dropped: number;
  duplicated: number;
  delayed: number;
  reordered: number;
}

/** A cut in force, with what it did. */
export interface Cut {
  dropped: number;
}

interface Link {
  readonly from: number;
  readonly to: number;
  readonly baseNs: number;
  readonly jitterNs: number;
  readonly shapings: Shaping[];
  readonly cuts: Cut[];
  /** When the latest message in order arrives. */
  lastDue: Instant;
  /** When the last of the messages that were held back arrives, and who held it: what arrives sooner overtakes it. */
  heldDue: Instant;
  heldBy: Shaping | undefined;
}

const REGION_NAMES = ['eu', 'us', 'ap', 'sa', 'af', 'me'] as const;
const SAME_REGION_NS = 300 * MICROSECOND;
const SAME_REGION_JITTER_NS = 60 * MICROSECOND;

/** One-way latencies between regions, drawn once a run. */
export class Regions {
  readonly names: readonly string[];
  readonly #baseNs: number[][];

  constructor(world: World, random: Random) {
    this.names = REGION_NAMES.slice(0, world.regions);
    this.#baseNs = this.names.map(() => []);
    for (let i = 0; i < this.names.length; i++) {
      for (let j = 0; j <= i; j++) {
        const drawn = i === j ? SAME_REGION_NS : random.between(8 * MILLISECOND, 25 * MILLISECOND);
        this.#baseNs[i][j] = this.#baseNs[j][i] = Math.round(drawn * world.latency);
      }
    }
  }

  baseNs(a: number, b: number): number {
    return this.#baseNs[a][b];
  }

  /** Jitter is a tenth of the latency between regions, and a fifth of it within one. */
  jitterNs(a: number, b: number): number {
    return a === b
      ? Math.round((this.#baseNs[a][b] * SAME_REGION_JITTER_NS) / SAME_REGION_NS)
      : Math.round(this.#baseNs[a][b] / 10);
  }

  /** Number of a region; throws when there is none of that name. */
  number(name: string): number {
    const found = this.names.indexOf(name);
    if (found < 0) throw new Error(`no region '${name}': there are ${this.names.join(', ')}`);
    return found;
  }
}

export class Network {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #nodes: number;
  readonly #links: Link[] = [];
  readonly #background: Shaping;
  sent = 0;

  constructor(queue: EventQueue, regionOfNode: readonly number[], regions: Regions, world: World, random: Random) {
    this.#queue = queue;
    this.#random = random;
    this.#nodes = regionOfNode.length;
    this.#background = shaping({ loss: world.loss, duplicate: world.duplicate, reorder: world.reorder });
    const hazardous = world.loss + world.duplicate + world.reorder > 0;
    for (let from = 0; from < this.#nodes; from++) {
      for (let to = 0; to < this.#nodes; to++) {
        this.#links.push({
          from,
          to,
          baseNs: regions.baseNs(regionOfNode[from], regionOfNode[to]),
          jitterNs: regions.jitterNs(regionOfNode[from], regionOfNode[to]),
          shapings: hazardous ? [this.#background] : [],
          cuts: [],
          lastDue: 0,
          heldDue: 0,
          heldBy: undefined,
        });
      }
    }
  }

  /** Messages lost, doubled and reordered without any fault. */
  get background(): Readonly<Shaping> {
    return this.#background;
  }

  link(from: number, to: number): Link {
    return this.#links[from * this.#nodes + to];
  }

  /** Puts a message on its way at `now`. */
  send(from: number, to: number, message: unknown, now: Instant): void {
    const link = this.link(from, to);
    const random = this.#random;
    this.sent++;
    let due = now + link.baseNs + random.below(link.jitterNs + 1);
    let heldBy: Shaping | undefined;
    let doubledBy: Shaping | undefined;
    for (const shape of link.shapings) {
      if (shape.loss > 0 && random.chance(shape.loss)) {
        shape.dropped++;
        return;
      }
      if (shape.reorder > 0 && random.chance(shape.reorder)) heldBy = shape;
      if (shape.duplicate > 0 && random.chance(shape.duplicate)) doubledBy = shape;
      if (shape.delayNs + shape.jitterNs > 0) {
        due += shape.delayNs + random.below(shape.jitterNs + 1);
        shape.delayed++;
      }
    }
    const spreadNs = link.baseNs + MILLISECOND;
    if (due < link.lastDue) due = link.lastDue;
    if (heldBy === undefined) link.lastDue = due;
    else due += random.below(2 * spreadNs);
    if (due < link.heldDue) {
      if (link.heldBy !== undefined) link.heldBy.reordered++;
    } else if (heldBy !== undefined) {
      link.heldDue = due;
      link.heldBy = heldBy;
    }
    this.#queue.push(due, MESSAGE, to, from, message);
    if (doubledBy !== undefined) {
      doubledBy.duplicated++;
      this.#queue.push(due + random.below(spreadNs), MESSAGE, to, from, message);
    }
  }

  /** Whether every link from this node is cut; or every link to it. */
  cutOff(node: number, direction: 'from' | 'to'): boolean {
    for (let other = 0; other < this.#nodes; other++) {
      const link = direction === 'from' ? this.link(node, other) : this.link(other, node);
      if (other !== node && link.cuts.length === 0) return false;
    }
    return this.#nodes > 1;
  }

  /** Whether a message that is due now gets through; when not, the cuts take note. */
  arrives(from: number, to: number): boolean {
    const { cuts } = this.link(from, to);
    if (cuts.length === 0) return true;
    for (const cut of cuts) cut.dropped++;
    return false;
  }
}

/** A shape that has done nothing yet. */
export function shaping(shape: Partial<Shaping>): Shaping {
  const { delayNs = 0, jitterNs = 0, loss = 0, duplicate = 0, reorder = 0 } = shape;
  return { delayNs, jitterNs, loss, duplicate, reorder, dropped: 0, duplicated: 0, delayed: 0, reordered: 0 };
}
