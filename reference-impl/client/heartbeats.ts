/**
 * Where the `fastest` routing has its latencies from: measured by this client, or read from a table that one client of the
 * region publishes in the store for all of them.
 */
import { groupName, groupOf } from '../core/slots.ts';
import type { NodeId, Value } from '../core/types.ts';
import type { Answered } from './answers.ts';
import type { Calls } from './calls.ts';
import { latencyKey } from './keys.ts';
import { Latencies } from './latencies.ts';

export interface HeartbeatsConfig {
  readonly nodes: readonly NodeId[];
  readonly from: 'own' | 'published';
  /** Names the table: those who share it are where it was measured. */
  readonly region: string;
  /** Who publishes, where it is this client. */
  readonly client: string;
  readonly groups: number;
  /** What is older is measured, or read, anew, ms. */
  readonly everyMs: number;
  nowMs(): number;
}

/** A table that has not changed for so many intervals has lost its publisher: whoever sees it takes over. */
const LOST_AFTER = 4;

interface Table {
  readonly by: string;
  readonly sequence: number;
  readonly ms: Readonly<Record<NodeId, number>>;
}

export class Heartbeats {
  readonly #config: HeartbeatsConfig;
  readonly #own: Latencies;
  #calls: Calls | undefined;
  /** As it is stored, and read; null while there is none. */
  #stored: Value = null;
  #table: Table | undefined;
  #changedAtMs: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #looking = false;

  constructor(config: HeartbeatsConfig) {
    this.#config = config;
    this.#own = new Latencies(config.nodes, config.everyMs);
    this.#changedAtMs = config.nowMs();
  }

  /** The calls stand on the routes, which stand on the latencies; so these come last. */
  attach(calls: Calls): void {
    this.#calls = calls;
  }

  latencyMs(node: NodeId): number | undefined {
    const now = this.#config.nowMs();
    return this.#config.from === 'own' || this.#table === undefined
      ? this.#own.estimateMs(node, now)
      : this.#table.ms[node];
  }

  answered(node: NodeId, latencyMs: number): void {
    this.#own.answered(node, latencyMs, this.#config.nowMs());
  }

  /** A read is about to be sent: sees to it that the next ones know more. */
  beat(): void {
    const { from, nowMs } = this.#config;
    const now = nowMs();
    if (from === 'own' || this.#publishes(now)) this.#measure(now);
    if (from === 'published') this.#look(now);
  }

  #measure(now: number): void {
    const node = this.#own.nextToAsk(now);
    if (node === undefined || this.#calls === undefined) return;
    const keys = [latencyKey(this.#config.region)];
    this.#calls.wonder(node, { type: 'read', path: 'local', keys, waitMs: 0 }, (isAnswer) =>
      this.#own.heard(node, isAnswer, this.#config.nowMs()),
    );
  }

  #publishes(now: number): boolean {
    const { client, everyMs } = this.#config;
    return this.#table?.by === client || now - this.#changedAtMs > everyMs * LOST_AFTER;
  }

  /** Reads the table, and writes a newer one if that is up to this client. Whatever fails is tried again next time. */
  #look(now: number): void {
    const { everyMs } = this.#config;
    if (this.#looking || this.#calls === undefined || now - this.#lookedAtMs < everyMs) return;
    this.#lookedAtMs = now;
    this.#looking = true;
    const done = (): void => void (this.#looking = false);
    this.#refresh(this.#calls, now + everyMs).then(done, done);
  }

  async #refresh(calls: Calls, deadlineMs: number): Promise<void> {
    const { client, groups, region } = this.#config;
    const key = latencyKey(region);
    const group = groupName(groupOf(key, groups));
    const answer = (await calls.ask({
      body: { type: 'read', path: 'follower', keys: [key], waitMs: 0 },
      target: 'follower',
      group,
      deadlineMs,
    })) as Answered<'read'>; // a read is answered by nothing else
    this.#take(answer.values[0]);
    const now = this.#config.nowMs();
    const ms = this.#publishes(now) ? this.#own.table(now) : undefined;
    if (ms === undefined) return;
    const next = { by: client, sequence: (this.#table?.sequence ?? 0) + 1, ms };
    // A cas, so that of several who take over one does.
    const body = { type: 'cas', ack: 'quorum-ack', key, expected: this.#stored, next } as const;
    const written = await calls.ask({ body, target: 'leader', group, deadlineMs });
    if (written.type === 'written') this.#take(next);
    else if (written.type === 'mismatch') this.#take(written.actual);
  }

  #take(value: Value): void {
    const table = tableIn(value);
    // A follower may show an older one than was read before.
    if (table === undefined || table.sequence <= (this.#table?.sequence ?? 0)) return;
    this.#stored = value;
    this.#table = table;
    this.#changedAtMs = this.#config.nowMs();
  }
}

function tableIn(value: Value): Table | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { by, sequence, ms } = value as Readonly<Record<string, Value>>; // no list, so an object
  if (typeof by !== 'string' || typeof sequence !== 'number' || ms === null || typeof ms !== 'object') return undefined;
  if (!Object.values(ms).every((latency) => typeof latency === 'number')) return undefined;
  return { by, sequence, ms: ms as Readonly<Record<NodeId, number>> }; // just looked at
}
