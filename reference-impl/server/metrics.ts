/**
 * What a node counts. Counting is a few additions in plain arrays, for every request passes here; the words and the text
 * that Prometheus reads are made when it asks (admin port, /metrics).
 */
import type { ReplicaEvent, Request, Response } from '../core/types.ts';

/** Upper ends of the buckets, seconds: doubled each time from 50 µs. */
const FIRST_BUCKET_S = 0.000_05;
const BUCKETS = 20;
export const bucketEnds: readonly number[] = Array.from({ length: BUCKETS }, (_, i) => FIRST_BUCKET_S * 2 ** i);

export class Histogram {
  readonly counts: number[] = new Array<number>(BUCKETS + 1).fill(0);
  sum = 0;
  count = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < BUCKETS && seconds > bucketEnds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += seconds;
    this.count++;
  }
}

/** What becomes of a request: the type of its answer, or the code of its refusal. */
export interface PathMetrics {
  readonly name: string;
  readonly latency: Histogram;
  readonly outcomes: Map<string, number>;
}

export class Metrics {
  /** By path: `read leader`, `write quorum-ack`, `cas all-ack`, `note`, `switchover`, … */
  readonly paths = new Map<string, PathMetrics>();
  readonly events = new Map<string, number>();

  /** Where a request is counted when it is answered. `ack`: of writes that do not say. */
  pathOf(body: Request, ack: string): PathMetrics {
    const name = nameOf(body, ack);
    let path = this.paths.get(name);
    if (path === undefined) {
      path = { name, latency: new Histogram(), outcomes: new Map() };
      this.paths.set(name, path);
    }
    return path;
  }

  answered(path: PathMetrics, response: Response, tookMs: number): void {
    const outcome = response.type === 'refused' || response.type === 'unknown' ? response.code : response.type;
    path.outcomes.set(outcome, (path.outcomes.get(outcome) ?? 0) + 1);
    path.latency.observe(tookMs / 1000);
  }

  happened(event: ReplicaEvent): void {
    this.events.set(event.type, (this.events.get(event.type) ?? 0) + 1);
  }
}

const names = new Map<string, Map<string, string>>();

/** Put together once for each pair of words. */
function nameOf(body: Request, ack: string): string {
  if (body.type !== 'read' && body.type !== 'write' && body.type !== 'cas') return body.type;
  const detail = body.type === 'read' ? body.path : (body.ack ?? ack);
  let ofType = names.get(body.type);
  if (ofType === undefined) names.set(body.type, (ofType = new Map<string, string>()));
  let name = ofType.get(detail);
  if (name === undefined) ofType.set(detail, (name = `${body.type} ${detail}`));
  return name;
}
