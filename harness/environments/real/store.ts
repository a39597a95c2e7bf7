/**
 * The reference store where it runs for real, whatever carries its nodes: how one is started, reached, and asked about
 * itself. All nodes share one machine, so regions are labels, and distances between them a made-up order.
 */
import { type Clock, MILLISECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { dialTcp } from '../../../reference-impl/client/tcp.ts';
import { BadInput } from '../../errors.ts';
import type { Setting } from '../../setting.ts';
import { type Connection, isOtherStore, type NodeSpec } from '../environment.ts';

/** The cluster's name: nodes and clients of another one are turned away. */
const CLUSTER = 'tidemark-run';
const STATUS_MS = 500;

export const REGIONS: readonly string[] = ['r1', 'r2', 'r3'];

export function distanceNs(home: string, region: string): number {
  return Math.abs(REGIONS.indexOf(home) - REGIONS.indexOf(region)) * MILLISECOND;
}

/** Where a node is, as it and its peers see it. Addresses are `host:port`. */
export interface Place {
  readonly node: NodeId;
  readonly region: string;
  readonly listen: string;
  readonly admin: string;
  readonly peers: Readonly<Record<NodeId, string>>;
  readonly data: string;
}

/** The options of program `tidemark-store`, as harness/reference/settings.ts gives them. */
interface Options {
  readonly learners?: readonly NodeId[];
  readonly heartbeatMs: number;
  readonly electionMinMs: number;
  readonly requestTimeoutMs: number;
  readonly acknowledgement?: string;
  readonly clockDriftPpmMax?: number;
  readonly serving?: { readonly leaderSilentMs?: number; readonly lagEntries?: number; readonly diskMs?: number };
  readonly originsKept?: number;
  readonly snapshotEntries?: number;
  readonly election?: string;
  readonly groups?: number;
  readonly spreadLeaders?: boolean;
  readonly defect?: string;
}

export const storeSettings: readonly Setting[] = [
  oneOf('fsync', ['on', 'off'], 'off: nothing is synced, and crashes lose what was acknowledged'),
  oneOf(
    'files',
    ['real', 'forgetful'],
    'forgetful: a killed node loses all that it had not synced, as in a power failure',
  ),
];

/** The first value is the default. */
export function oneOf(name: string, values: readonly string[], about: string): Setting {
  return {
    name,
    about: `${about} (${values[0]})`,
    values: values.map((value) => ({ name: value, about: '' })),
    check: (value) => {
      if (!values.includes(value)) throw new BadInput(`--set ${name}=${value}: one of ${values.join(', ')} is needed.`);
    },
  };
}

/** The node's configuration, by the names of `tidemark-store --help`. `environment` is who has to refuse what it cannot do. */
export function storeConfig(
  environment: string,
  spec: NodeSpec,
  place: Place,
  settings: ReadonlyMap<string, string>,
): Readonly<Record<string, unknown>> {
  if (isOtherStore(spec) || spec.program !== 'tidemark-store') {
    const needs = isOtherStore(spec) ? `the image ${spec.image}` : spec.program;
    throw new BadInput(`--env ${environment} runs tidemark-store, and this system needs '${needs}'.`);
  }
  const options = spec.options as unknown as Options; // written by the system that names the program
  if (options.election === 'external') {
    throw new BadInput(`--env ${environment} has no external consistent core: --set election=built-in.`);
  }
  const { serving = {} } = options;
  return {
    node: place.node,
    cluster: CLUSTER,
    listen: place.listen,
    admin: place.admin,
    peer: place.peers,
    data: place.data,
    region: place.region,
    'heartbeat-ms': options.heartbeatMs,
    'election-ms': options.electionMinMs,
    'request-timeout-ms': options.requestTimeoutMs,
    ...(options.learners !== undefined && options.learners.length > 0 && { learner: options.learners }),
    ...(options.groups !== undefined && { groups: options.groups }),
    ...(options.acknowledgement !== undefined && { acknowledgement: options.acknowledgement }),
    ...(options.clockDriftPpmMax !== undefined && { 'clock-drift-ppm': options.clockDriftPpmMax }),
    'serve-leader-silent-ms': serving.leaderSilentMs ?? 'off',
    'serve-lag-entries': serving.lagEntries ?? 'off',
    'serve-disk-ms': serving.diskMs ?? 'off',
    ...(options.originsKept !== undefined && { 'origins-kept': options.originsKept }),
    ...(options.snapshotEntries !== undefined && {
      'snapshot-entries': options.snapshotEntries,
      'snapshot-keep': Math.floor(options.snapshotEntries / 4),
    }),
    ...(options.spreadLeaders !== undefined && { 'spread-leaders': options.spreadLeaders }),
    fsync: settings.get('fsync') ?? 'on',
    files: settings.get('files') ?? 'real',
    ...(options.defect !== undefined && { defect: options.defect }),
  };
}

/** A client's line. `asked` is called for every request. */
export function dialStore(address: string, node: NodeId, asked: () => void): Connection {
  const line = dialTcp(address, { cluster: CLUSTER, node });
  return {
    request: (body) => {
      asked();
      return line.request(body as Parameters<typeof line.request>[0]); // the clients of this program send these
    },
    close: () => line.close(),
  };
}

/** Its own word, at its admin port; undefined: it is not up yet, killed, stopped or busy, and does not answer. */
export async function storeStatus(admin: string, clock: Clock): Promise<unknown> {
  const controller = new AbortController();
  const cancel = clock.timer(clock.now() + STATUS_MS * MILLISECOND, () => controller.abort());
  try {
    const answer = await fetch(`http://${admin}/status`, { signal: controller.signal });
    const { groups } = (await answer.json()) as { readonly groups: readonly object[] };
    return groups.length > 1 ? { ...groups[0], groups } : groups[0];
  } catch {
    return undefined;
  } finally {
    cancel();
  }
}
