/**
 * The operator that MariaDB leaves to its users. It asks every server past the faults of the network, so that it never takes a
 * primary for dead that is only cut off, and carries out what decide.ts decides.
 */
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { reachOf } from '../stores/client.ts';
import type { Supervisor } from '../system.ts';
import {
  type Deed,
  decide,
  firstMemory,
  type Memory,
  noted,
  promoted,
  allowed,
  resumed,
  type Selves,
  successor,
} from './decide.ts';
import { sequenceOf } from './gtid.ts';
import { ask, close, open, type Row } from './line.ts';
import { type Self, selfAt } from './sight.ts';
import { follow, lead, PORT, type Replication } from './spec.ts';

const LOOK_NS = 300 * MILLISECOND;
/** What a server is given to say how it stands: it is asked again, and one answer that came late says little. */
const PROBE_NS = 1200 * MILLISECOND;
const DEED_NS = 10 * SECOND;
const RESTART_NS = 10 * SECOND;
const APPLY_S = 8;
/** Where docker/systems/mariadb/ keeps things. */
const COPY = '/opt/store/copy';
const DATA = '/data/store';

type Statements = (text: string) => Promise<readonly (readonly Row[])[]>;

export class Operator implements Supervisor {
  readonly counts: Record<string, number> = {};
  readonly #cluster: Deployment;
  readonly #replication: Replication;
  readonly #told: (deed: string) => void;
  readonly #work: Promise<void>;
  readonly #unheard = new Map<NodeId, number>();
  /** Ended by us while they were up: to be started again. */
  readonly #ended = new Set<NodeId>();
  #memory: Memory;
  #over = false;

  constructor(cluster: Deployment, replication: Replication, fails: boolean, told: (deed: string) => void) {
    this.#cluster = cluster;
    this.#replication = replication;
    this.#told = told;
    this.#memory = firstMemory(cluster.nodes, cluster.clock.now());
    this.#work = fails ? this.#watch() : Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #watch(): Promise<void> {
    const { clock } = this.#cluster;
    while (!this.#over) {
      try {
        await this.#startEnded();
        const selves = await this.#look();
        for (const deed of decide(this.#memory, selves, clock.now())) await this.#carryOut(deed, selves);
      } catch (error) {
        this.#did('deeds that failed', (error as Error).message);
      }
      await clock.sleepUntil(clock.now() + LOOK_NS);
    }
  }

  async #look(): Promise<Selves> {
    const { clock, nodes } = this.#cluster;
    const selves = new Map<NodeId, Self>();
    await Promise.all(
      nodes.map(async (node) => {
        const self = await selfAt(this.#cluster, node, 'operator', PROBE_NS);
        if (self !== undefined) selves.set(node, self);
      }),
    );
    this.#memory = noted(this.#memory, selves, clock.now());
    for (const [node, { unheard }] of selves) {
      const more = unheard - (this.#unheard.get(node) ?? 0);
      this.#unheard.set(node, unheard);
      if (more > 0 && this.#replication.semiSync) this.#count('commits that no replica was waited for', more);
    }
    return selves;
  }

  async #carryOut(deed: Deed, selves: Selves): Promise<void> {
    const { node } = deed;
    switch (deed.do) {
      case 'replace':
        return this.#replace(node, deed.why);
      case 'reopen':
        await this.#on(node, (statements) => statements(lead(this.#replication)));
        this.#memory = allowed(this.#memory, this.#cluster.clock.now());
        return this.#did('primaries opened again', `${node} is back and takes writes again`);
      case 'restart':
        // It may have much to put in order until it answers.
        this.#memory = allowed(this.#memory, this.#cluster.clock.now() + RESTART_NS);
        if (!this.#cluster.isUp(node)) return;
        await this.#end(node, deed.why);
        return this.#startEnded();
      case 'end':
        await this.#end(node, deed.why);
        return this.#startEnded();
      case 'follow': {
        const address = selves.get(deed.primary)?.address ?? '';
        this.#memory = resumed(this.#memory, node);
        // What it knew of another primary may be torn after a power cut. One that was primary has its place in its own log alone.
        const place = 'STOP SLAVE; RESET SLAVE ALL; SET GLOBAL gtid_slave_pos = @@gtid_current_pos';
        await this.#on(node, (statements) => statements(`${place}; ${follow(address)}`));
        return this.#did('replicas pointed elsewhere', `${node} follows ${deed.primary}`);
      }
      case 'copy':
        return this.#copy(node, selves.get(deed.primary)?.address ?? '', `${node} ${deed.why}`);
    }
  }

  /** Where positions are those after its end, nothing more is acknowledged that they do not have. */
  async #replace(old: NodeId, why: string): Promise<void> {
    await this.#end(old, why);
    try {
      const selves = await this.#look();
      const next = successor(this.#memory, selves);
      if (next === undefined) return this.#did('promotions put off', 'not every replica is as it was');
      const seq = await this.#applied(next);
      const term = this.#memory.term + 1;
      // The row is the first that it writes by itself: whoever has it knows where the histories part.
      const turn = `INSERT INTO tidemark.terms VALUES (${term}, '${next}', ${seq})`;
      await this.#on(next, (statements) => statements(`RESET SLAVE ALL; ${turn}`));
      this.#memory = promoted(this.#memory, next, seq, this.#cluster.clock.now());
      await this.#on(next, (statements) => statements(lead(this.#replication)));
      this.#did('promotions', `${next} takes the place of ${old}, from 0-…-${seq} on`);
    } finally {
      await this.#startEnded();
    }
  }

  /** The last transaction it has, once all that it had received is applied. */
  async #applied(node: NodeId): Promise<number> {
    return this.#on(node, async (statements) => {
      await statements('STOP SLAVE IO_THREAD');
      const [[slave]] = await statements('SHOW SLAVE STATUS');
      const received = (slave?.['Gtid_IO_Pos'] as string | null | undefined) ?? '';
      const [[{ waited }]] = await statements(`SELECT MASTER_GTID_WAIT('${received}', ${APPLY_S}) AS waited`);
      if (waited !== 0) throw new Error(`${node} has not applied ${received} within ${APPLY_S} s`);
      const [[{ at }]] = await statements('STOP SLAVE; SELECT @@gtid_slave_pos AS at');
      return Math.max(sequenceOf(received), sequenceOf(at as string));
    });
  }

  /** Kills it; it is ours to start again only where it was up. */
  async #end(node: NodeId, why: string): Promise<void> {
    if (this.#cluster.isUp(node)) this.#ended.add(node);
    await reachOf(this.#cluster).kill(node);
    this.#did('servers ended', `${node} ${why}: ended`);
  }

  async #startEnded(): Promise<void> {
    for (const node of this.#ended) {
      await reachOf(this.#cluster).start(node);
      // Not before: what could not be started is started at the next look.
      this.#ended.delete(node);
    }
  }

  async #copy(node: NodeId, address: string, why: string): Promise<void> {
    const { code, stderr } = await reachOf(this.#cluster).perform(node, [COPY, DATA, address], DEED_NS);
    if (code !== 0) throw new Error(`${node} could not be copied: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    this.#did('replicas made anew', `${why}: made anew`);
  }

  /** Over a connection of its own: nobody who asks how it stands waits for what may take its time. */
  async #on<T>(node: NodeId, work: (statements: Statements) => Promise<T>): Promise<T> {
    const { clock } = this.#cluster;
    const deadline = clock.now() + DEED_NS;
    const connection = await open(clock, reachOf(this.#cluster).aside(node, PORT), 'operator', deadline);
    try {
      return await work((text) => ask(clock, connection, deadline, text));
    } finally {
      close(connection);
    }
  }

  #did(what: string, deed: string): void {
    this.#count(what, 1);
    this.#told(deed);
  }

  #count(what: string, n: number): void {
    this.counts[what] = (this.counts[what] ?? 0) + n;
  }
}
