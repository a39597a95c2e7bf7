/** /metrics: what the node has counted, in the words and the text format of Prometheus. Made when it is asked for. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Status } from '../core/types.ts';
import { monotonicMs } from './clock.ts';
import { type Histogram, bucketEnds } from './metrics.ts';
import type { Store } from './store.ts';

const PREFIX = 'tidemark_store_';

export async function prometheusText(
  store: Store,
  adminRejected: number,
): Promise<{ readonly type: string; readonly text: string }> {
  const registry = new Registry();
  registry.setDefaultLabels({ node: store.settings.node, cluster: store.settings.cluster });
  addGroups(registry, store.host.status());
  addRequests(registry, store);
  addStorage(registry, store);
  addNetwork(registry, store, adminRejected);
  gauge(registry, 'resident_memory_bytes', 'Resident memory of the process').set(process.memoryUsage.rss());
  gauge(registry, 'monotonic_seconds', "The node's own monotonic clock").set(monotonicMs() / 1000);
  return { type: registry.contentType, text: `${await registry.metrics()}${latencies(store)}` };
}

function gauge<Label extends string = never>(registry: Registry, name: string, help: string, labelNames: Label[] = []) {
  return new Gauge({ name: `${PREFIX}${name}`, help, labelNames, registers: [registry] });
}

function counter<Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Label[] = [],
) {
  return new Counter({ name: `${PREFIX}${name}_total`, help, labelNames, registers: [registry] });
}

function addGroups(registry: Registry, statuses: readonly Status[]): void {
  const labels: 'group'[] = ['group'];
  const leader = gauge(registry, 'is_leader', '1 if this node leads the group', labels);
  const term = gauge(registry, 'term', 'Current term', labels);
  const commit = gauge(registry, 'commit_index', 'Highest index known to be committed', labels);
  const last = gauge(registry, 'last_index', 'Highest index in the log', labels);
  const first = gauge(registry, 'first_index', 'Lowest index still in the log', labels);
  const lag = gauge(registry, 'lag_entries', "Entries behind the leader's commit index", labels);
  const serving = gauge(registry, 'serving', '1 if committed reads are served', labels);
  const match = gauge(registry, 'match_index', "On a leader: highest index on a member's disk", ['group', 'member']);
  for (const status of statuses) {
    const { group } = status;
    leader.set({ group }, status.role === 'leader' ? 1 : 0);
    term.set({ group }, status.term);
    commit.set({ group }, status.commit.index);
    last.set({ group }, status.last.index);
    first.set({ group }, status.first);
    lag.set({ group }, status.lag);
    serving.set({ group }, status.notServing === undefined ? 1 : 0);
    for (const [member, index] of Object.entries(status.matches ?? {})) match.set({ group, member }, index);
  }
}

function addRequests(registry: Registry, { metrics, host }: Store): void {
  const requests = counter(registry, 'requests', 'Requests answered, by path and outcome', ['path', 'outcome']);
  for (const [path, { outcomes }] of metrics.paths) {
    for (const [outcome, count] of outcomes) requests.inc({ path, outcome }, count);
  }
  const events = counter(registry, 'events', 'What happened in the core', ['event']);
  for (const [event, count] of metrics.events) events.inc({ event }, count);
  gauge(registry, 'requests_waiting', 'Requests being worked on').set(host.waiting);
  counter(registry, 'snapshots_written', 'Snapshots written').inc(host.snapshotsWritten);
}

function addStorage(registry: Registry, { storage }: Store): void {
  const { logBytes, segments, writes, syncs, syncMs, waitingMs, full } = storage.statistics();
  gauge(registry, 'log_bytes', 'Size of the write-ahead log').set(logBytes);
  gauge(registry, 'log_segments', 'Files of the write-ahead log').set(segments);
  counter(registry, 'log_writes', 'Writes to the log').inc(writes);
  counter(registry, 'log_syncs', 'Syncs of the log: writes with O_DSYNC, and fdatasync calls').inc(syncs);
  gauge(registry, 'sync_seconds_last', 'Duration of the last sync').set(syncMs.last / 1000);
  gauge(registry, 'sync_seconds_highest', 'Longest of the last 100 syncs').set(syncMs.highest / 1000);
  gauge(registry, 'log_waiting_seconds', 'Age of the oldest write that is not durable').set(waitingMs / 1000);
  gauge(registry, 'disk_full', '1 if the disk is full').set(full ? 1 : 0);
}

function addNetwork(registry: Registry, { listener, peers }: Store, adminRejected: number): void {
  const bytes = counter(registry, 'network_bytes', 'Bytes over the network', ['port', 'direction']);
  const frames = counter(registry, 'network_frames', 'Frames over the network', ['port', 'direction']);
  for (const [port, traffic] of [
    ['listen', listener.traffic],
    ['peers', peers.traffic],
  ] as const) {
    bytes.inc({ port, direction: 'in' }, traffic.bytesIn);
    bytes.inc({ port, direction: 'out' }, traffic.bytesOut);
    frames.inc({ port, direction: 'in' }, traffic.framesIn);
    frames.inc({ port, direction: 'out' }, traffic.framesOut);
  }
  gauge(registry, 'connections', 'Open connections of peers and clients').set(listener.connections);
  const rejected = counter(registry, 'rejected', 'Connections closed for what was sent on them', ['why']);
  rejected.inc({ why: 'malformed' }, listener.rejected.malformed);
  rejected.inc({ why: 'turned-away' }, listener.rejected.turnedAway);
  rejected.inc({ why: 'too-many' }, listener.rejected.tooMany);
  rejected.inc({ why: 'admin' }, adminRejected);
  const connected = gauge(registry, 'peer_connected', '1 if the peer is reached', ['peer']);
  const dropped = counter(registry, 'peer_dropped', 'Messages that could not be sent', ['peer']);
  const roundTrip = gauge(registry, 'peer_round_trip_seconds', 'Moving average', ['peer']);
  for (const [peer, status] of Object.entries(peers.status())) {
    connected.set({ peer }, status.connected ? 1 : 0);
    dropped.inc({ peer }, status.dropped);
    if (status.roundTripMs !== undefined) roundTrip.set({ peer }, status.roundTripMs / 1000);
  }
}

/** prom-client's own histograms count where they are; ours are counted already. */
function latencies({ metrics, settings }: Store): string {
  const name = `${PREFIX}request_seconds`;
  const lines = [`\n# HELP ${name} Time from a request's arrival to its answer`, `# TYPE ${name} histogram`];
  for (const [path, { latency }] of metrics.paths) {
    lines.push(
      ...histogramLines(name, `node="${settings.node}",cluster="${settings.cluster}",path="${path}"`, latency),
    );
  }
  return `${lines.join('\n')}\n`;
}

function histogramLines(name: string, labels: string, { counts, sum, count }: Histogram): string[] {
  let below = 0;
  const buckets = bucketEnds.map((end, i) => `${name}_bucket{${labels},le="${end}"} ${(below += counts[i])}`);
  return [
    ...buckets,
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ];
}
