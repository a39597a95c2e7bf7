/** How a node of the reference store is started as a process: the options that a system gives, as settings of `tidemark-store`. */
import { writeFileSync } from 'node:fs';
import type { NodeId } from '../../../history/operation.ts';
import { asset } from '../../entry.ts';
import { BadInput } from '../../errors.ts';
import type { NodeSpec } from '../environment.ts';

/** The cluster's name: nodes and clients of another one are turned away. */
export const CLUSTER = 'tidemark-run';

export interface Place {
  readonly node: NodeId;
  readonly region: string;
  /** Ports on loopback. */
  readonly client: number;
  readonly admin: number;
  readonly data: string;
}

/** The options of program `tidemark-store`, as harness/systems/reference.ts gives them. */
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

/** Writes the node's configuration beside its data, and returns the command that starts it. */
export function commandOf(
  spec: NodeSpec,
  place: Place,
  places: readonly Place[],
  settings: ReadonlyMap<string, string>,
): readonly [string, ...string[]] {
  if (spec.program !== 'tidemark-store') {
    throw new BadInput(`--env processes runs tidemark-store, and this system needs '${spec.program}'.`);
  }
  const options = spec.options as unknown as Options; // written by the system that names the program
  if (options.election === 'external') {
    throw new BadInput('--env processes has no external consistent core: --set election=built-in.');
  }
  const { serving = {} } = options;
  const config = {
    node: place.node,
    cluster: CLUSTER,
    listen: `127.0.0.1:${place.client}`,
    admin: `127.0.0.1:${place.admin}`,
    peer: Object.fromEntries(
      places.filter((other) => other !== place).map((other) => [other.node, `127.0.0.1:${other.client}`]),
    ),
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
  const file = `${place.data}.yaml`;
  writeFileSync(file, JSON.stringify(config, undefined, 2)); // JSON is YAML
  return [process.execPath, asset('bin/tidemark-store.mjs'), '--config', file];
}
