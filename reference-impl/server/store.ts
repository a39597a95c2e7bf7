/** A node put together: disk, core, peers, clients, admin port; and how it stops. */
import { Groups } from '../core/groups.ts';
import { groupName } from '../core/slots.ts';
import type { DiskState, NodeId, ReplicaEvent, Request, Response } from '../core/types.ts';
import type { Budget } from '../wire/frames.ts';
import { AdminPort } from './admin.ts';
import { ClientSession } from './clients.ts';
import { monotonicMs, sleep, unguessable } from './clock.ts';
import type { Settings } from './config.ts';
import { Turn } from '../wire/connection.ts';
import { Election } from './election.ts';
import { Host } from './host.ts';
import { Listener } from './listener.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { PeerInbound, Peers, splitAddress } from './peers.ts';
import { StatusReport } from './status.ts';
import type { Storage } from './storage.ts';
import { openStorage } from './storage/open.ts';

/** What all connections together may hold of frames that have not ended, bytes. */
const UNFINISHED_BYTES_MAX = 256 * 1024 * 1024;
const DISK_RETRY_MS = 500;
/** Values and requests of one part of a snapshot that is sent: with the largest values, a frame's worth. */
const SNAPSHOT_PART_ITEMS = 200;
/** How long a leader that stops tries to hand over. */
const HAND_OVER_MS = 3000;
const DRAIN_MS = 500;

export class Store {
  readonly host: Host;
  readonly metrics = new Metrics();
  readonly storage: Storage;
  readonly peers: Peers;
  readonly listener: Listener;
  readonly settings: Settings;
  readonly #log: Log;
  readonly #turn = new Turn();
  readonly #budget: Budget = { held: 0, most: UNFINISHED_BYTES_MAX };
  readonly #addresses: NodeAddresses;
  readonly #admin: AdminPort | undefined;
  readonly #election: Election | undefined;
  #stopping: Promise<void> | undefined;

  /** Throws StorageRefused, BadInput, or what listening throws. */
  static async start(settings: Settings, log: Log, fatal: (error: unknown) => never): Promise<Store> {
    let store: Store | undefined;
    const disk = { state: 'ok' as DiskState };
    const storage = await openStorage({
      folder: settings.data,
      cluster: settings.cluster,
      node: settings.node,
      groups: Array.from({ length: settings.groups }, (_, i) => groupName(i)),
      fsync: settings.fsync,
      files: settings.files,
      segmentBytes: settings['segment-bytes'],
      retryMs: DISK_RETRY_MS,
      log: log.say,
      changed: (state) => {
        disk.state = state;
        store?.host.diskChanged(state);
      },
      synced: (ticket) => store?.host.synced(ticket),
      failed: fatal,
    });
    try {
      store = new Store(settings, storage, log, fatal);
      if (disk.state === 'full') store.host.diskChanged('full');
      await store.#listen();
      return store;
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  private constructor(settings: Settings, storage: Storage, log: Log, fatal: (error: unknown) => never) {
    this.settings = settings;
    this.storage = storage;
    this.#log = log;
    const { node, cluster, groups, secrets } = settings;
    this.peers = new Peers({
      self: node,
      cluster,
      groups,
      agreed: settings,
      secret: secrets.peer,
      turn: this.#turn,
      budget: this.#budget,
      log,
    });
    this.#addresses = new NodeAddresses(settings.peer);
    this.host = new Host({
      boot: (nowMs, out) => new Groups(groupsConfig(settings), storage.recovered, nowMs, out),
      storage,
      send: (to, bundle) => this.peers.send(to, bundle),
      log,
      metrics: this.metrics,
      snapshots: {
        entries: settings['snapshot-entries'],
        bytes: settings['snapshot-bytes'],
        keep: settings['snapshot-keep'],
      },
      acknowledgement: settings.acknowledgement,
      fatal,
      told: (event) => this.#told(event),
    });
    for (const { group, members } of this.host.status()) this.#addresses.learn(group, members);
    this.peers.set(this.#addresses.known());
    this.listener = this.#makeListener();
    const report = new StatusReport(this);
    if (settings.admin !== 'off') this.#admin = new AdminPort(settings.admin, secrets.operator, this, report, log);
    if (settings.election !== 'built-in') this.#election = new Election(settings, this.host, log);
  }

  #makeListener(): Listener {
    const { node, cluster, groups, secrets, listen, connections } = this.settings;
    const { host, port } = splitAddress(listen) ?? { host: '127.0.0.1', port: 0 };
    return new Listener({
      host,
      port,
      connectionsMax: connections,
      keeper: {
        node,
        groups,
        cluster,
        agreed: this.settings,
        secrets: { peer: secrets.peer, client: secrets.client },
        admits: (peer) => this.#addresses.knows(peer),
        unguessable,
      },
      turn: this.#turn,
      budget: this.#budget,
      log: this.#log,
      welcome: (connection, hello) =>
        hello.role === 'peer'
          ? new PeerInbound(connection, hello, this.host.deliver)
          : new ClientSession(connection, this.host.ask),
    });
  }

  async #listen(): Promise<void> {
    const { node, cluster, groups, defect, fsync, files } = this.settings;
    const port = await this.listener.listen();
    const adminPort = await this.#admin?.listen();
    const admin = adminPort === undefined ? 'no admin port' : `admin on port ${adminPort}`;
    this.#log.say('info', `${node} of ${cluster} listens on port ${port}, ${admin}; groups: ${groups}`);
    if (defect !== undefined) this.#log.say('warning', `DEFECT ${defect} IS SWITCHED ON: this node breaks promises`);
    if (fsync === 'off') this.#log.say('warning', 'fsync is off: whatever was acknowledged may be lost');
    if (files === 'forgetful') this.#log.say('warning', 'files are forgetful: writes stay in memory until their fsync');
    this.#election?.start();
  }

  #told(event: ReplicaEvent): void {
    const { group = 'g0' } = event;
    const say = this.#log.say;
    switch (event.type) {
      case 'role':
        say('info', `${group}: ${event.role} in term ${event.term}: ${event.why}`);
        this.#election?.roleChanged(group, event.role);
        break;
      case 'members':
        say('info', `${group}: members are ${describeMembers(event)}`);
        this.#addresses.learn(group, event.members);
        this.peers.set(this.#addresses.known());
        break;
      case 'promoted-by-force':
        say('warning', `${group}: promoted by force in term ${event.term}; ${JSON.stringify(event.loss)}`);
        break;
      case 'stopped-serving':
        this.#log.limited('serving', 'warning', `${group}: refuses committed reads: ${event.code}`);
        break;
      case 'serving':
        this.#log.limited('serving', 'info', `${group}: serves committed reads again`);
        break;
      case 'switchover':
        say('info', `${group}: hand-over to ${event.to} ${event.outcome}`);
        break;
      case 'snapshot-installed':
        say('info', `${group}: took the leader's snapshot at ${event.index}`);
        break;
      case 'committed':
      case 'lease-expired':
      case 'repeat':
      case 'token-undone':
      case 'truncated':
        break;
    }
  }

  /** Asks the core as a client would, and waits. For operators' requests: their number is small. */
  request(body: Request): Promise<Response> {
    return new Promise((resolve) => this.host.ask({ answer: (_, response) => resolve(response) }, 0, body));
  }

  /** Hands over what this node leads, lets what is on its way come to an end, and closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.listener.stopListening();
    await this.#handOver();
    await this.host.stop();
    this.listener.close();
    this.peers.close();
    await this.#election?.close();
    await this.#admin?.close();
    await this.storage.close();
  }

  async #handOver(): Promise<void> {
    const led = this.host.status().filter(({ role, members }) => role === 'leader' && members.voters.length > 1);
    const asked = led.map(({ group }) => this.request({ type: 'switchover', group }));
    await Promise.race([Promise.allSettled(asked), sleep(HAND_OVER_MS)]);
    // Whoever asked before is still told how it ended.
    const untilMs = monotonicMs() + DRAIN_MS;
    while (this.host.waiting > 0 && monotonicMs() < untilMs) await sleep(10);
  }
}

function groupsConfig(settings: Settings): ConstructorParameters<typeof Groups>[0] {
  const { node, peer, learner, join, groups, acknowledgement, defect } = settings;
  const nodes = [...new Set([...(join ? [] : [node]), ...Object.keys(peer).filter((one) => !join || one !== node)])];
  const silent = settings['serve-leader-silent-ms'];
  const lag = settings['serve-lag-entries'];
  const disk = settings['serve-disk-ms'];
  return {
    id: node,
    voters: nodes.filter((one) => !learner.includes(one)).sort(),
    learners: nodes.filter((one) => learner.includes(one)).sort(),
    heartbeatMs: settings['heartbeat-ms'],
    electionMinMs: settings['election-ms'],
    electionMaxMs: settings['election-ms'] * 2,
    requestTimeoutMs: settings['request-timeout-ms'],
    acknowledgement,
    clockDriftPpmMax: settings['clock-drift-ppm'],
    serving: {
      ...(silent !== 'off' && { leaderSilentMs: silent }),
      ...(lag !== 'off' && { lagEntries: lag }),
      ...(disk !== 'off' && { diskMs: disk }),
    },
    originsKept: settings['origins-kept'],
    election: settings.election === 'built-in' ? 'built-in' : 'external',
    snapshotPartItems: SNAPSHOT_PART_ITEMS,
    groups,
    spreadLeaders: groups > 1 && settings['spread-leaders'],
    ...(defect !== undefined && { defect }),
  };
}

function describeMembers({ members }: Extract<ReplicaEvent, { type: 'members' }>): string {
  const learners = members.learners.length === 0 ? '' : `, learning ${members.learners.join(', ')}`;
  return `${members.voters.join(', ')}${learners}`;
}

/** Where nodes are reached: by configuration, and by what the groups' members entries say, which wins. */
class NodeAddresses {
  readonly #configured: Readonly<Record<NodeId, string>>;
  readonly #learned = new Map<
    string,
    { readonly nodes: ReadonlySet<NodeId>; readonly at: ReadonlyMap<NodeId, string> }
  >();

  constructor(configured: Readonly<Record<NodeId, string>>) {
    this.#configured = configured;
  }

  learn(
    group: string,
    {
      voters,
      learners,
      addresses = {},
    }: { voters: readonly NodeId[]; learners: readonly NodeId[]; addresses?: Readonly<Record<NodeId, string>> },
  ): void {
    this.#learned.set(group, { nodes: new Set([...voters, ...learners]), at: new Map(Object.entries(addresses)) });
  }

  known(): Map<NodeId, string> {
    const all = new Map(Object.entries(this.#configured));
    for (const { at } of this.#learned.values()) for (const [node, address] of at) all.set(node, address);
    return all;
  }

  knows(node: NodeId): boolean {
    if (Object.hasOwn(this.#configured, node)) return true;
    return [...this.#learned.values()].some(({ nodes }) => nodes.has(node));
  }
}
