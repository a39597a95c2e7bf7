/**
 * Election by an external consistent core: a node stands only while it holds a key of etcd's under a lease. The term is
 * the revision that created the key: etcd never gives it twice, and it ascends. Votes, terms and quorums are what makes the
 * leadership safe; the lease decides who may stand, so that two campaigns do not meet.
 *
 * A node gives the right up when the lease could not be renewed in time, by its own clock and with a margin; and when it
 * did not become leader, because another's log is ahead: at once when it has lost, or when it was not heard for a while.
 * Then it leaves the key to the others, for longer each time in a row.
 */
import { EPOCH, type GroupId, type Role } from '../core/types.ts';
import { groupName } from '../core/slots.ts';
import { drawMs, monotonicMs, sleep } from './clock.ts';
import type { Settings } from './config.ts';
import { Etcd } from './etcd.ts';
import type { Host } from './host.ts';
import type { Log } from './log.ts';

/** Of the lease's life: it is renewed after a third, and given up before the last fifth. */
const RENEW_PART = 1 / 3;
const MARGIN_PART = 1 / 5;
const STEP_MS = 20;
/** After an attempt it waits for a part of the lease's life; after one that was lost, for that many times as long. */
const REST_PART = 1 / 4;
const REST_FACTOR = 8;
const REST_FACTOR_MAX = 16;

/** The node that stands: what {@link Host} is for it. */
export type Standing = Pick<Host, 'status' | 'elect'>;

export class Election {
  readonly #campaigns: readonly Campaign[];

  constructor(settings: Settings, host: Standing, log: Log) {
    const etcd = new Etcd(settings.election.slice('etcd='.length));
    this.#campaigns = Array.from({ length: settings.groups }, (_, i) => {
      return new Campaign(groupName(i), settings, etcd, host, log);
    });
  }

  start(): void {
    for (const campaign of this.#campaigns) campaign.start();
  }

  roleChanged(group: GroupId, role: Role): void {
    for (const campaign of this.#campaigns) if (campaign.group === group) campaign.roleChanged(role);
  }

  /** Stands no more, and gives up what it has; resolves when etcd was told, or cannot be. */
  async close(): Promise<void> {
    await Promise.all(this.#campaigns.map((campaign) => campaign.close()));
  }
}

class Campaign {
  readonly group: GroupId;
  #role: Role = 'follower';
  /** Since it was named last. */
  #stood = false;
  /** How much longer than else it waits after the next attempt that it loses. */
  #restFactor = REST_FACTOR;
  readonly #key: string;
  readonly #node: string;
  readonly #etcd: Etcd;
  readonly #host: Standing;
  readonly #log: Log;
  readonly #ttlS: number;
  readonly #patienceMs: number;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(group: GroupId, settings: Settings, etcd: Etcd, host: Standing, log: Log) {
    this.group = group;
    this.#key = `tidemark/${settings.cluster}/leader/${group}`;
    this.#node = settings.node;
    this.#etcd = etcd;
    this.#host = host;
    this.#log = log;
    this.#ttlS = Math.max(1, Math.ceil((settings['election-ms'] * 3) / 1000));
    this.#patienceMs = settings['election-ms'] * 2;
  }

  get #requestMs(): number {
    return this.#ttlS * 1000 * RENEW_PART;
  }

  start(): void {
    this.#running = this.#run();
  }

  roleChanged(role: Role): void {
    this.#role = role;
    if (role === 'candidate') this.#stood = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      let restMs = this.#ttlS * 1000 * REST_PART;
      try {
        if (this.#mayStand() && !(await this.#campaign())) {
          restMs *= this.#restFactor;
          this.#restFactor = Math.min(2 * this.#restFactor, REST_FACTOR_MAX);
        }
      } catch (error) {
        this.#log.limited('etcd', 'warning', `${this.group}: the election in etcd: ${(error as Error).message}`);
      }
      await this.#rest(drawMs(restMs / 2, restMs));
    }
  }

  #mayStand(): boolean {
    const status = this.#host.status().find(({ group }) => group === this.group);
    if (status?.leader !== undefined) this.#restFactor = REST_FACTOR;
    return status !== undefined && !status.damaged && status.members.voters.includes(this.#node);
  }

  /** False: it was our turn, and we did not get to lead: another has to be let in. */
  async #campaign(): Promise<boolean> {
    const lease = await this.#etcd.grant(this.#ttlS, this.#requestMs);
    try {
      const claim = await this.#etcd.claim(this.#key, this.#node, lease.id, this.#requestMs);
      if (claim.type === 'taken') return true;
      return await this.#lead(claim.revision, lease.id, lease.untilMs);
    } finally {
      await this.#etcd.revoke(lease.id, this.#requestMs).catch(() => undefined);
    }
  }

  async #lead(revision: number, lease: string, until: number): Promise<boolean> {
    const current = this.#host.status().find(({ group }) => group === this.group)?.term ?? 0;
    const term = Math.floor(current / EPOCH) * EPOCH + revision;
    if (term <= current || revision >= EPOCH) {
      this.#log.limited(
        'etcd',
        'error',
        `${this.group}: etcd's revision ${revision} makes no term above ${current} within its recovery epoch`,
      );
      return false;
    }
    this.#stood = false;
    this.#host.elect(this.group, term);
    try {
      return await this.#hold(term, lease, until);
    } finally {
      this.#host.elect(this.group, undefined);
    }
  }

  /** Returns when the right to lead ends, for whatever reason; whether this node did lead. */
  async #hold(term: number, lease: string, until: number): Promise<boolean> {
    const ttlMs = this.#ttlS * 1000;
    const standsUntilMs = monotonicMs() + this.#patienceMs;
    let endsMs = until - ttlMs * MARGIN_PART;
    let renewMs = until - ttlMs * (1 - RENEW_PART);
    let led = false;
    let renewal: Promise<void> | undefined;
    while (!this.#closed && monotonicMs() < endsMs) {
      const role = this.#role;
      if (role === 'leader') led = true;
      else if (led || (this.#stood && role !== 'candidate') || monotonicMs() > standsUntilMs) return led;
      // A moment before it had heard a leader, or been started: it does not stand so soon.
      else if (!this.#stood) this.#host.elect(this.group, term);
      if (renewal === undefined && monotonicMs() >= renewMs) {
        renewal = this.#etcd
          .keepAlive(lease, this.#requestMs)
          .then(
            (renewed) => {
              if (renewed === undefined) endsMs = Number.NEGATIVE_INFINITY;
              else endsMs = renewed.untilMs - ttlMs * MARGIN_PART;
              renewMs = (renewed?.untilMs ?? 0) - ttlMs * (1 - RENEW_PART);
            },
            (error: unknown) => {
              renewMs = monotonicMs() + STEP_MS * 5;
              this.#log.limited('etcd', 'warning', `${this.group}: the lease: ${(error as Error).message}`);
            },
          )
          .finally(() => {
            renewal = undefined;
          });
      }
      await sleep(STEP_MS);
    }
    if (!this.#closed) this.#log.say('warning', `${this.group}: the lease in etcd was not renewed in time`);
    return led;
  }

  async #rest(durationMs: number): Promise<void> {
    const until = monotonicMs() + durationMs;
    while (!this.#closed && monotonicMs() < until) await sleep(Math.min(100, until - monotonicMs()));
  }
}
