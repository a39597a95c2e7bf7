/** What a load generator is told on a line of standard input, and what it says on a line of standard output. JSON. */
export type Op = 'write' | 'read-linearizable' | 'read-follower';

export interface Order {
  readonly op: Op | 'fill';
  readonly clients: number;
  readonly seconds: number;
  readonly keys: number;
  readonly bytes: number;
  /** `host:port`. */
  readonly leader: string;
  readonly follower: string;
}

export interface Result {
  readonly operations: number;
  readonly errors: number;
  readonly seconds: number;
  /** Latencies, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Processor time of the generator itself, ms. */
  readonly cpuMs: number;
  readonly firstError?: string;
}
