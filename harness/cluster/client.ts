/** One request to a cluster by hand, through the store's own routing client. */
import { MILLISECOND, realClock } from '../../history/clock.ts';
import type { Value } from '../../history/operation.ts';
import { RoutingClient } from '../../reference-impl/client/client.ts';
import { Indeterminate, RefusedByStore } from '../../reference-impl/client/errors.ts';
import { dialTcp } from '../../reference-impl/client/tcp.ts';
import type { Acknowledgement } from '../../reference-impl/core/types.ts';
import { newRunId } from '../../results/files.ts';
import type { Io } from '../command.ts';
import { BadInput, type ExitCode, KEPT, UNDECIDED, unknownName } from '../errors.ts';
import { readPathNamed, readPaths, writePaths } from '../reference/paths.ts';
import type { Home } from './home.ts';

const clock = realClock();
const nowMs = (): number => clock.now() / MILLISECOND;

export interface Asking {
  readonly home: Home;
  readonly io: Io;
  readonly json: boolean;
  readonly timeoutMs: number;
  /** The client stands here: nodes of this region are nearest. */
  readonly region: string | undefined;
}

export async function get(asking: Asking, key: string, readPath: string): Promise<ExitCode> {
  if (readPathNamed(readPath) === undefined) checkName('read path', readPath, readPaths);
  return ask(asking, { readPath }, 'get', { key }, async (client, deadlineMs) => {
    const { values, versions, position, group, role, node } = await client.read([key], deadlineMs);
    const [version] = versions;
    const at = version === undefined ? '' : `, written at (${group},${version.term},${version.index})`;
    return {
      text: JSON.stringify(values[0]),
      aside: `from ${node} (${role})${at}`,
      fields: { value: values[0], node, role, group, position, ...(version !== undefined && { version }) },
      done: true,
    };
  });
}

export async function put(asking: Asking, key: string, value: Value, writePath: string): Promise<ExitCode> {
  checkName('write path', writePath, writePaths);
  return ask(asking, { writePath }, 'put', { key, value }, async (client, deadlineMs) => {
    const { node, role, group, version } = await client.write(key, value, deadlineMs);
    return {
      text: 'ok',
      aside: `by ${node} (${role}) at (${group},${version.term},${version.index})`,
      fields: { node, role, group, version },
      done: true,
    };
  });
}

export async function cas(
  asking: Asking,
  key: string,
  [expected, next]: readonly [Value, Value],
  writePath: string,
): Promise<ExitCode> {
  checkName('write path', writePath, writePaths);
  return ask(asking, { writePath }, 'cas', { key, expected, next }, async (client, deadlineMs) => {
    const answer = await client.compareAndSet(key, expected, next, deadlineMs);
    const { node, role, group, version } = answer;
    const swapped = answer.type === 'written';
    const at = `(${group},${version.term},${version.index})`;
    return {
      text: swapped ? 'swapped' : `not swapped: it holds ${JSON.stringify(answer.actual)}`,
      aside: `by ${node} (${role}) at ${at}`,
      fields: { swapped, ...(!swapped && { actual: answer.actual }), node, role, group, version },
      done: swapped,
    };
  });
}

interface Told {
  readonly text: string;
  /** For people, on stderr. */
  readonly aside: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly done: boolean;
}

async function ask(
  { home, io, json, timeoutMs, region }: Asking,
  paths: { readonly readPath?: string; readonly writePath?: string },
  type: string,
  asked: Readonly<Record<string, unknown>>,
  work: (client: RoutingClient, deadlineMs: number) => Promise<Told>,
): Promise<ExitCode> {
  const from = nowMs();
  const client = connect(home, paths, region);
  const say = (outcome: string, text: string, fields: Readonly<Record<string, unknown>>): void => {
    const ms = Math.round((nowMs() - from) * 1000) / 1000;
    if (json) io.out(`${JSON.stringify({ schema: 1, type, outcome, ...asked, ...fields, ms })}\n`);
    else if (outcome === 'ok') io.out(`${text}\n`);
    else io.err(`tidemark: ${text}\n`);
  };
  try {
    const { text, aside, fields, done } = await work(client, from + timeoutMs);
    say('ok', text, fields);
    if (!json && io.terminal.err) io.err(`${aside}\n`);
    return done ? KEPT : UNDECIDED;
  } catch (error) {
    if (error instanceof RefusedByStore) say('refused', `refused: ${error.code}`, { code: error.code });
    else if (error instanceof Indeterminate) {
      say('unknown', `nobody knows whether it happened: ${error.message}`, { code: error.message });
    } else throw error;
    return UNDECIDED;
  } finally {
    client.close();
  }
}

function connect(
  home: Home,
  { readPath = 'leader', writePath }: { readonly readPath?: string; readonly writePath?: string },
  region: string | undefined,
): RoutingClient {
  const { id, nodes, groups } = home.read();
  const regions = new Set(nodes.map((node) => node.region));
  if (region !== undefined && !regions.has(region)) throw unknownName('region', region, regions);
  const near = [...nodes].sort((a, b) => Number(b.region === region) - Number(a.region === region));
  const addresses = new Map(nodes.map(({ node, client }) => [node, `127.0.0.1:${client}`]));
  const name = `by hand ${newRunId()}`;
  return new RoutingClient({
    nodes: near.map(({ node }) => node),
    groups,
    readPath,
    ...(writePath !== undefined && { acknowledgement: writePath as Acknowledgement }), // checked by name
    name,
    user: 'by hand',
    userNode: near[0].node,
    sendsAgain: true,
    dial: (node) => {
      const address = addresses.get(node);
      if (address === undefined) throw new BadInput(`There is no node '${node}' in this cluster.`);
      return dialTcp(address, { cluster: id, node, name });
    },
    nowMs,
    timer: (delayMs, fire) => clock.timer(clock.now() + Math.ceil(delayMs * MILLISECOND), fire),
  });
}

function checkName(what: string, name: string, paths: readonly { readonly name: string }[]): void {
  const names = paths.map((path) => path.name);
  if (!names.includes(name)) throw unknownName(what, name, names);
}

/** JSON, or otherwise the text itself. */
export function valueOf(text: string): Value {
  try {
    return JSON.parse(text) as Value; // JSON has no other values
  } catch {
    return text;
  }
}
