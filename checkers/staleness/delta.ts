/**
 * The smallest Δ for which a history is Δ-atomic: linearizable once every read's call is moved back by Δ (Golab, Li & Shah 2011,
 * Analyzing Consistency Properties for Fun and Profit).
 *
 * Two clusters are in each other's way iff an operation of each returned before one of the other was called (Gibbons & Korach);
 * a history is linearizable iff no two are. Moving a read's call back by Δ frees a pair as soon as one of the two reasons
 * is gone, so each pair needs a Δ of its own, and the answer is the greatest of these: the time between the return of an operation
 * and the call of a read. Between two bounds that close in by halves, the lower is always the need of some pair; the first
 * lower bound that leaves no pair in the way is the answer, without rounding. Events of one time count as concurrent here.
 */
import { NONE } from '../../history/history.ts';
import { BY_VERSIONS, type Clusters } from './clusters.ts';

export interface Delta {
  /** Nanoseconds; 0: linearizable, but for ties in time. Infinite: no Δ will do. */
  readonly ns: number;
  /** The read that forces it, and the answer that shows that something newer had taken effect; NONE where it is 0. */
  readonly read: number;
  readonly newer: number;
  /** Two clusters that would each have to come before the other; absent where their order is given. */
  readonly pair?: readonly [number, number];
}

const NOTHING_NEEDED: Delta = { ns: 0, read: NONE, newer: NONE };

/** Of all keys together; `clusters.timed` must hold. */
export function deltaOf(clusters: Clusters): Delta {
  const { history, known } = clusters;
  let worst = deltaInChains(clusters);
  for (let k = 0; k < history.keys.length; k++) {
    const delta = known[k] === BY_VERSIONS ? byVersions(clusters, k) : byValues(clusters, k, worst);
    if (delta.ns > worst.ns) worst = delta;
  }
  return worst;
}

/** What the inner order of chains asks for, of all keys together. */
export function deltaInChains({ chains }: Clusters): Delta {
  if (chains === undefined || chains.read === NONE || !(chains.ns > 0)) return NOTHING_NEEDED;
  return { ns: chains.ns, read: chains.read, newer: chains.newer };
}

/** Two clusters of one key that are in each other's way as things are, found in one pass; undefined where there are none. */
export function crossedZones(clusters: Clusters, k: number): Delta | undefined {
  return new Zones(clusters, k).need(0);
}

/** The order is given: every read must be free of whatever came after what it returned. */
function byVersions({ history, order, offsets, firstRow, lastRead, readTime }: Clusters, k: number): Delta {
  const { retTime } = history;
  let worst = NOTHING_NEEDED;
  let first = NONE;
  for (let i = offsets[k + 1] - 1; i >= offsets[k]; i--) {
    const read = lastRead[order[i]];
    if (read !== NONE && first !== NONE) {
      const ns = readTime[read] - retTime[first];
      if (ns > worst.ns) worst = { ns, read, newer: first };
    }
    const own = firstRow[order[i]];
    if (own !== NONE && (first === NONE || retTime[own] < retTime[first])) first = own;
  }
  return worst;
}

function byValues(clusters: Clusters, k: number, atLeast: Delta): Delta {
  const zones = new Zones(clusters, k);
  let low = zones.need(atLeast.ns);
  if (low === undefined) return NOTHING_NEEDED;
  let high = zones.span;
  for (;;) {
    const worse = zones.need(low.ns);
    if (worse === undefined) return low;
    low = worse;
    if (low.ns === Number.POSITIVE_INFINITY) return low;
    const middle = low.ns + (high - low.ns) / 2;
    const beyond = zones.need(middle);
    if (beyond === undefined) high = middle;
    else low = beyond;
  }
}

/** The clusters of one key side by side, by first return. */
class Zones {
  readonly #clusters: Clusters;
  readonly #from: number;
  readonly #length: number;
  /** Per cluster: time and position of the first return, position of the last write's call, time of the last read's call. */
  readonly #first: Float64Array;
  readonly #firstAt: Int32Array;
  readonly #write: Int32Array;
  readonly #read: Float64Array;
  /** No read can be staler than this. */
  readonly span: number;

  constructor(clusters: Clusters, k: number) {
    const { history, order, offsets, firstRow, lastRead, readTime, call } = clusters;
    this.#clusters = clusters;
    this.#from = offsets[k];
    this.#length = offsets[k + 1] - offsets[k];
    this.#first = new Float64Array(this.#length);
    this.#firstAt = new Int32Array(this.#length);
    this.#write = new Int32Array(this.#length);
    this.#read = new Float64Array(this.#length);
    let earliest = Number.POSITIVE_INFINITY;
    let latest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.#length; i++) {
      const cluster = order[this.#from + i];
      const first = firstRow[cluster];
      const read = lastRead[cluster];
      this.#first[i] = first === NONE ? Number.NEGATIVE_INFINITY : history.retTime[first];
      this.#firstAt[i] = first === NONE ? -1 : history.ret[first];
      this.#write[i] = call[cluster];
      this.#read[i] = read === NONE ? Number.NEGATIVE_INFINITY : readTime[read];
      if (first !== NONE && this.#first[i] < earliest) earliest = this.#first[i];
      if (this.#read[i] > latest) latest = this.#read[i];
    }
    this.span = Math.max(0, latest - earliest);
  }

  /** A pair that needs more than this, and what it needs; the greatest of those met in one pass. */
  need(delta: number): Delta | undefined {
    const first = this.#first;
    const firstAt = this.#firstAt;
    const write = this.#write;
    const read = this.#read;
    let forward = NONE; // the last zone whose operations must surround a stretch of time, and where it ends
    let endTime = Number.NEGATIVE_INFINITY;
    let endAt = -1;
    let most = delta;
    let found: Delta | undefined;
    for (let i = 0; i < first.length; i++) {
      if (forward !== NONE && (first[i] < endTime || firstAt[i] < endAt)) {
        // The one before must come after this one; is this one's end after its beginning?
        if (write[i] > firstAt[forward] || first[forward] < read[i] - delta) {
          const pair = this.#pair(forward, i);
          if (pair.ns > most) {
            most = pair.ns;
            found = pair;
          }
        }
      }
      const end = read[i] - delta;
      if (!(first[i] < end || firstAt[i] < write[i])) continue;
      if (forward !== NONE && endTime >= end && endAt >= write[i]) continue; // only where they are in each other's way
      forward = i;
      endTime = end;
      endAt = write[i];
    }
    return found;
  }

  /** What two clusters need that are in each other's way, the first of them first. */
  #pair(a: number, b: number): Delta {
    const infinite = Number.POSITIVE_INFINITY;
    const needA = this.#write[a] > this.#firstAt[b] ? infinite : this.#read[a] - this.#first[b];
    const needB = this.#write[b] > this.#firstAt[a] ? infinite : this.#read[b] - this.#first[a];
    const { order, firstRow, lastRead } = this.#clusters;
    const read = lastRead[order[this.#from + (needA <= needB ? a : b)]];
    const newer = firstRow[order[this.#from + (needA <= needB ? b : a)]];
    return { ns: Math.min(needA, needB), read, newer, pair: [order[this.#from + a], order[this.#from + b]] };
  }
}
