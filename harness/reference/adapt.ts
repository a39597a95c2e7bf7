/** The store's routing client as a client of the harness. */
import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId, Position, Value } from '../../history/operation.ts';
import { type Answer, type Client, type ClientOptions, Refused, type Token } from '../../history/store.ts';
import {
  type CasAnswer,
  type ReadAnswer,
  RoutingClient,
  type WriteAnswer,
} from '../../reference-impl/client/client.ts';
import { RefusedByStore } from '../../reference-impl/client/errors.ts';
import type { Line, Surroundings } from '../../reference-impl/client/line.ts';
import type { Carried } from '../../reference-impl/client/session.ts';
import { slotOf } from '../../reference-impl/core/slots.ts';
import type { Acknowledgement, GroupId, Position as CorePosition, Role } from '../../reference-impl/core/types.ts';
import type { Deployment } from '../environments/environment.ts';
import { clientSettings, learnersOf, type Settings } from './settings.ts';

export function connect(cluster: Deployment, options: ClientOptions, settings: Settings): Client {
  const { home, session, device, attempt, node, token, readPath, writePath } = options;
  const { unsaid, repeats, ...chosen } = clientSettings(settings);
  const nodes = byDistance(cluster, home);
  const learners = learnersOf(cluster.nodes, settings);
  const client = new RoutingClient({
    ...surroundings(cluster, home),
    ...chosen,
    nodes,
    // What every voter serves, a learner may not.
    ...(writePath === 'all-applied' && {
      readers: nodes.filter((reader) => !learners.includes(reader)),
      votersOnly: true,
    }),
    readPath,
    ...(writePath !== unsaid && { acknowledgement: writePath as Acknowledgement }), // checked against writePaths before the run
    region: home,
    user: session,
    userNode: nodeOfUser(cluster, session),
    name: `${session}/${device}/${attempt}`,
    sendsAgain: repeats,
    firstGuess: attempt,
    ...(node !== undefined && { only: node }),
    ...(token !== undefined && { carried: token as unknown as Carried }), // made by token() below
  });
  // A little early, so that the client says why it gives up.
  const toMs = (deadline: number): number => deadline / MILLISECOND - 1;
  return {
    read: ({ key }, deadline) => client.read([key], toMs(deadline)).then(toRead, rethrow),
    readMany: ({ keys }, deadline) => client.read(keys, toMs(deadline)).then(toReadMany, rethrow),
    write: ({ key, value }, deadline) => client.write(key, value, toMs(deadline)).then(toWrite, rethrow),
    compareAndSet: ({ key, expected, next }, deadline) =>
      client.compareAndSet(key, expected, next, toMs(deadline)).then(toCompareAndSet, rethrow),
    token: () => client.carried() as unknown as Token, // plain data
    close: () => Promise.resolve(client.close()),
  };
}

export function surroundings(cluster: Deployment, home: string): Surroundings {
  const { clock } = cluster;
  return {
    dial: (node) => cluster.dial(node, home) as Line, // the store's own protocol
    nowMs: () => clock.now() / MILLISECOND,
    timer: (delayMs, fire) => clock.timer(clock.now() + Math.max(1, Math.ceil(delayMs * MILLISECOND)), fire),
  };
}

/** The nodes, nearest to `home` first; among equals in the order of their names. */
export function byDistance(cluster: Deployment, home: string): NodeId[] {
  return [...cluster.nodes].sort((a, b) => cluster.distanceNs(home, a) - cluster.distanceNs(home, b));
}

/** Each user belongs to a region, wherever its devices are, and there to the nearest node. */
function nodeOfUser(cluster: Deployment, user: string): NodeId {
  const { regions } = cluster;
  return byDistance(cluster, regions[slotOf(user) % regions.length])[0];
}

// The store's answers in the harness's words. ---------------------------------------------------------------------------

export function position(group: GroupId, place: CorePosition): Position {
  return { group, history: place.term, at: place.index };
}

function toRead(answer: ReadAnswer): Answer<{ value: Value }> {
  const { group } = answer;
  const version = answer.versions[0];
  const value = answer.values[0];
  const servedBy = served(answer);
  const place = position(group, answer.position);
  return version
    ? { value, servedBy, version: position(group, version), position: place }
    : { value, servedBy, position: place };
}

function toReadMany(answer: ReadAnswer): Answer<{ values: readonly Value[]; versions: (Position | null)[] }> {
  const { group } = answer;
  return {
    values: answer.values,
    versions: answer.versions.map((version) => (version ? position(group, version) : null)),
    servedBy: served(answer),
    position: position(group, answer.position),
  };
}

function toWrite(answer: WriteAnswer): Answer {
  const servedBy = served(answer);
  return answer.elsewhere ? { servedBy } : { servedBy, version: position(answer.group, answer.version) };
}

function toCompareAndSet(answer: CasAnswer): Answer<{ swapped: boolean; actual?: Value }> {
  const servedBy = served(answer);
  const version = position(answer.group, answer.version);
  if (answer.type === 'written' && answer.elsewhere) return { swapped: true, servedBy };
  return answer.type === 'written'
    ? { swapped: true, servedBy, version }
    : { swapped: false, actual: answer.actual, servedBy, version };
}

function served(answer: { readonly node: NodeId; readonly role: Role }): { node: NodeId; role: Role } {
  return { node: answer.node, role: answer.role };
}

/** One for each code: a refusal says nothing else, and stack traces are dear where thousands are refused. */
const refusals = new Map<string, Refused>();

/** The store's refusals in the harness's words; its doubts are errors like any other. */
export function rethrow(error: unknown): never {
  if (!(error instanceof RefusedByStore)) throw error;
  const refused = refusals.get(error.code) ?? new Refused(error.code);
  refusals.set(error.code, refused);
  throw refused;
}
