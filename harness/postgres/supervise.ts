/**
 * The operator that PostgreSQL leaves to its users, as docs/postgres.md says: asks every server past the faults of the network, and has
 * one primary at any time. A primary that is gone, or that no standby hears, is ended before another one is promoted, and its server
 * comes back as a standby whatever it was (docker/systems/postgres/start): nothing becomes primary but by his word.
 */
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Instant, NodeId } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { reachOf } from '../stores/client.ts';
import type { Supervisor } from '../system.ts';
import { atRest, choose } from './decide.ts';
import { canFollow, type Self } from './places.ts';
import { done, selfAt } from './sight.ts';

const LOOK_NS = 300 * MILLISECOND;
/** What a server is given to say how it stands: it is asked again, and one answer that came late says little. */
const PROBE_NS = 1200 * MILLISECOND;
/** So many looks in a row, at the least, before a primary is given up. */
const LOOKS = 3;
/** No server says that it is primary. */
const SILENT_NS = 3 * SECOND;
/** Servers answer, and none is connected to the primary: standbys notice after wal_receiver_timeout. */
const UNHEARD_NS = 2 * SECOND;
/** A standby that cannot follow is told so by its primary again and again; only then it is made anew. */
const ASTRAY_NS = 2 * SECOND;
const REST_LOOKS_MAX = 20;
/** What a failover is decided by: a busy machine takes its time to answer. */
const ANSWER_NS = 3 * SECOND;
/** A busy machine takes its time: what was begun is not given up, for it goes on. */
const PROMOTION_NS = 60 * SECOND;
const DEED_NS = 5 * SECOND;

type Selves = ReadonlyMap<NodeId, Self>;
/** How a server stands; undefined: it does not answer in this time. */
type Ask = (node: NodeId, withinNs: number) => Promise<Self | undefined>;

/** A state that lasts: when it last was not so, and in how many looks in a row it has been so. */
class Lasting {
  #since: Instant;
  #looks = 0;

  constructor(now: Instant) {
    this.#since = now;
  }

  ends(now: Instant): void {
    this.#since = now;
    this.#looks = 0;
  }

  /** Seen once more: whether it has lasted longer than that. */
  seen(now: Instant, ns: number): boolean {
    this.#looks++;
    return this.#looks >= LOOKS && now - this.#since > ns;
  }
}

export class Operator implements Supervisor {
  readonly counts: Record<string, number> = {};
  readonly #cluster: Deployment;
  readonly #quorum: number;
  readonly #told: (deed: string) => void;
  readonly #work: Promise<void>;
  #over = false;
  #primary: NodeId | undefined;
  #timeline = 0;
  /** No primary is seen; the one that is, is not heard. */
  readonly #unseen: Lasting;
  readonly #unheard: Lasting;
  readonly #selfAt: Ask;
  /** Ended by us while they were up: to be started again. */
  readonly #ended = new Set<NodeId>();
  /** Standbys that cannot follow, since when. */
  readonly #astray = new Map<NodeId, number>();

  /** @param quorum how many standbys a synchronous commit waits for */
  constructor(
    cluster: Deployment,
    quorum: number,
    told: (deed: string) => void,
    ask: Ask = (node, withinNs) => selfAt(cluster, node, 'operator', withinNs),
  ) {
    this.#cluster = cluster;
    this.#selfAt = ask;
    this.#quorum = Math.max(1, quorum);
    this.#told = told;
    this.#unseen = new Lasting(cluster.clock.now());
    this.#unheard = new Lasting(cluster.clock.now());
    this.#work = this.#watch();
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #watch(): Promise<void> {
    while (!this.#over) {
      try {
        await this.#look();
      } catch (error) {
        this.#did('deeds that failed', `failed: ${(error as Error).message}`);
      }
      await this.#pause();
    }
  }

  async #look(): Promise<void> {
    const { clock, nodes } = this.#cluster;
    const selves = await this.#ask(PROBE_NS);
    const now = clock.now();
    const primaries = [...selves].filter(([, { recovering }]) => !recovering);
    primaries.sort(([, a], [, b]) => b.timeline - a.timeline);
    const [first, ...others] = primaries;
    if (first === undefined) {
      // One that says that it is a standby is not primary any more; of one that says nothing nobody knows at once.
      const isKnown = this.#primary !== undefined && selves.has(this.#primary);
      // Where nobody answers at all it may be for whoever asks.
      const saysMuch = selves.size > 0 || nodes.length === 1;
      if (isKnown || (saysMuch && this.#unseen.seen(now, SILENT_NS))) await this.#failOver('is gone');
      else await this.#startEnded();
      return;
    }
    const [primary, self] = first;
    for (const [node] of others) await this.#end(node, 'was primary beside another');
    this.#primary = primary;
    this.#timeline = Math.max(this.#timeline, self.timeline);
    this.#unseen.ends(now);
    await this.#startEnded();
    const standbys = [...selves].filter(([node]) => node !== primary && !others.some(([other]) => other === node));
    const address = reachOf(this.#cluster).addressOf(primary);
    const isHeard = standbys.some(([, { from }]) => from === address);
    const isCutOff = !isHeard && standbys.length + 1 >= nodes.length && standbys.length > 0;
    if (!isCutOff) this.#unheard.ends(now);
    for (const [node, standby] of standbys) {
      if (standby.from === address) this.#astray.delete(node);
      else await this.#guide(node, standby, primary, self);
    }
    if (isCutOff && this.#unheard.seen(now, UNHEARD_NS)) await this.#failOver('is heard by no standby', primary);
  }

  /** A standby that follows nobody, or another standby: it is told whom to follow; one that cannot is made anew. */
  async #guide(node: NodeId, standby: Self, primary: NodeId, self: Self): Promise<void> {
    const { clock } = this.#cluster;
    await this.#point(node, primary);
    if (canFollow(standby, self)) return void this.#astray.delete(node);
    const since = this.#astray.get(node) ?? clock.now();
    this.#astray.set(node, since);
    if (clock.now() - since < ASTRAY_NS) return;
    this.#astray.delete(node);
    await this.#renew(node);
    await this.#end(node, `cannot follow ${primary} from where it is`);
    this.#unheard.ends(clock.now());
  }

  /** @param without the server that is not to be primary again */
  async #failOver(why: string, without?: NodeId): Promise<void> {
    const { clock, nodes } = this.#cluster;
    const known = (selves: Selves): Parameters<typeof choose> => {
      const led = this.#primary === undefined ? {} : { primary: this.#primary };
      const cluster = { nodes, quorum: this.#quorum, timeline: this.#timeline, ...led };
      return without === undefined ? [cluster, selves] : [cluster, selves, without];
    };
    const first = await this.#ask(ANSWER_NS, this.#primary);
    const led = this.#primary === undefined ? undefined : first.get(this.#primary);
    // One that is back by now is left alone: it was paused, or the network was.
    if (without === undefined && led?.recovering === false) return this.#unseen.ends(clock.now());
    if (choose(...known(first)).type === 'wait') {
      // Who was ended may be the one that is needed.
      await this.#startEnded();
      return;
    }
    if (this.#primary !== undefined && led?.recovering !== true) await this.#end(this.#primary, why);
    const selves = await this.#atRest();
    const decision = choose(...known(selves));
    if (decision.type === 'wait') {
      this.#did('promotions put off', `promotes nobody: ${decision.why}`);
      await this.#startEnded();
      return;
    }
    const { node } = decision;
    const from = clock.now();
    await this.#promote(node);
    this.#did('promotions', `promoted ${node} in ${Math.round((clock.now() - from) / MILLISECOND)} ms`);
    this.#primary = node;
    this.#unseen.ends(clock.now());
    this.#unheard.ends(clock.now());
    for (const other of selves.keys()) if (other !== node) await this.#point(other, node);
    await this.#startEnded();
  }

  /** Once the old primary is gone nothing more comes to them: what they have is all that they will have. */
  async #atRest(): Promise<Selves> {
    let before = await this.#ask(ANSWER_NS);
    for (let looks = 0; looks < REST_LOOKS_MAX; looks++) {
      await this.#pause();
      const now = await this.#ask(ANSWER_NS);
      if (atRest(before, now)) return now;
      before = now;
    }
    throw new Error('what standbys have received does not come to rest');
  }

  /** Asked for once; then it is looked for until it is done. */
  async #promote(node: NodeId): Promise<void> {
    const { clock } = this.#cluster;
    const deadline = clock.now() + PROMOTION_NS;
    await done(this.#cluster, node, DEED_NS, ({ sql }) => sql`select pg_promote(false)`);
    for (;;) {
      const self = await this.#selfAt(node, ANSWER_NS);
      if (self?.recovering === false) {
        this.#timeline = Math.max(this.#timeline, self.timeline);
        return;
      }
      if (clock.now() > deadline)
        throw new Error(`${node} was not primary ${PROMOTION_NS / SECOND} s after its promotion`);
      await clock.sleepUntil(clock.now() + LOOK_NS / 6);
    }
  }

  async #end(node: NodeId, why: string): Promise<void> {
    const isUp = this.#cluster.isUp(node);
    await reachOf(this.#cluster).kill(node);
    if (!isUp) return;
    this.#ended.add(node);
    this.#did('servers ended', `ended ${node}, which ${why}`);
  }

  async #startEnded(): Promise<void> {
    for (const node of this.#ended) {
      await reachOf(this.#cluster).start(node);
      // Not before: what could not be started is started at the next look.
      this.#ended.delete(node);
    }
  }

  async #point(node: NodeId, at: NodeId): Promise<void> {
    const host = reachOf(this.#cluster).addressOf(at);
    const info = `host=${host} user=postgres application_name=${node} connect_timeout=2`;
    await done(this.#cluster, node, DEED_NS, async ({ sql }) => {
      const [row] = await sql`select current_setting('primary_conninfo') as now`;
      if (row['now'] === info) return;
      await sql.unsafe(`alter system set primary_conninfo = '${info}'`);
      await sql`select pg_reload_conf()`;
      this.#did('standbys repointed', `${node} follows ${at}`);
    });
  }

  /** Its next start goes back to where they parted, or copies its primary. */
  async #renew(node: NodeId): Promise<void> {
    await done(this.#cluster, node, DEED_NS, async ({ sql }) => {
      const [row] = await sql`select current_setting('data_directory') as folder`;
      await sql.unsafe(`copy (select '') to '${String(row['folder'])}/../renew'`);
    });
    this.#did('standbys renewed', `renews ${node}`);
  }

  /** @param given who was asked three times already, and is waited for no longer than at each of them */
  async #ask(withinNs: number, given?: NodeId): Promise<Selves> {
    const selves = new Map<NodeId, Self>();
    const answers = this.#cluster.nodes.map(
      async (node) => [node, await this.#selfAt(node, node === given ? PROBE_NS : withinNs)] as const,
    );
    for (const [node, self] of await Promise.all(answers)) if (self !== undefined) selves.set(node, self);
    return selves;
  }

  #pause(): Promise<void> {
    const { clock } = this.#cluster;
    return clock.sleepUntil(clock.now() + LOOK_NS);
  }

  #did(what: string, deed: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    this.#told(deed);
  }
}
