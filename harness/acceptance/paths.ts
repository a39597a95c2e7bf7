/** Checks of who is asked: paths go where they say, tokens are honoured, and the leader is found. */
import { isDeepStrictEqual } from 'node:util';
import type { NodeId, Role, Sighting, Value } from '../../history/operation.ts';
import { SECOND } from '../../history/clock.ts';
import type { Answer, Client } from '../../history/store.ts';
import type { Injection } from '../../nemesis/fault.ts';
import { type Bench, type Check, failed, leaderIn, passed, PATIENCE_NS, type Result, unseen } from './bench.ts';
import type { Mark } from './proxy.ts';

const CLIENTS = 4;
/** Of each client: where the first one goes, the next may not. Of the first client more, for what comes later still. */
const READS = 4;
const MANY_READS = 10;
const READ_BEFORE = 'it had read that key before';

export const asked: Check = {
  name: 'paths-go-where-they-say',
  about:
    'A client of one node asks that node and no other, each time; a path asks the role that it names; who is said to have answered was asked; no answer comes out of a cache.',
  async run(bench) {
    const key = bench.unique();
    const marks = bench.watchEach(key);
    const wrong = await bench.written(key, bench.value());
    bench.unwatch();
    if (wrong !== undefined) return failed(wrong);
    if (reachedOf(marks).length === 0) return unseen;
    const why = await allAsk(bench, key);
    if (why !== undefined) return failed(why);
    return bench.system.leaderless === true && bench.system.readPaths.some((path) => path.asks !== undefined)
      ? {
          type: 'passed',
          note: 'roles were not put to the test, for want of sight; its paths do not contradict one another',
        }
      : passed;
  },
};

type Roles = ReadonlyMap<NodeId, Role>;

async function rolesOf(bench: Bench): Promise<Roles> {
  return new Map((await bench.sightings()).map(({ node, role }) => [node, role]));
}

/** Whom a client is to ask. */
interface Whom {
  readonly readPath: string;
  /** The client is of this node, whatever its role is. */
  readonly named: NodeId | undefined;
}

/** A read that was answered. */
interface Answered extends Whom {
  /** As the proxies saw it; one or more. */
  readonly reached: readonly NodeId[];
  readonly servedBy: { readonly node: NodeId; readonly role?: Role } | undefined;
}

/** Roles may change hands between two looks; then all is asked again, so often. */
const LOOKS = 3;

/** What is wrong with whom clients of each node and of each path ask, in words. */
async function allAsk(bench: Bench, key: string): Promise<string | undefined> {
  const { stateReadPath, readPaths } = bench.system;
  let why: string | undefined;
  for (let look = 0; look < LOOKS; look++) {
    const roles = await rolesOf(bench);
    const answered: Answered[] = [];
    const all: readonly Whom[] = [
      ...bench.nodes.map((named) => ({ readPath: stateReadPath, named })),
      ...readPaths.map(({ name: readPath }) => ({ readPath, named: undefined })),
    ];
    for (const whom of all) {
      const wrong = await asks(bench, whom, key, answered);
      if (wrong !== undefined) return `${who(whom)}: ${wrong}`;
    }
    for (const whom of all.filter(({ named }) => named === undefined)) {
      const wrong = await asksForItsOwn(bench, whom, answered);
      if (wrong !== undefined) return `${who(whom)}: ${wrong}`;
    }
    why = roleMistake(bench, answered, roles) ?? contradiction(bench, answered);
    if (why === undefined || (roles.size > 0 && isDeepStrictEqual(roles, await rolesOf(bench)))) break;
  }
  return why;
}

function who({ readPath, named }: Whom): string {
  return named === undefined ? `read path '${readPath}'` : `a client of ${named} by name`;
}

/** Who was asked, as the proxies saw it, against what was to be asked and what the client says: each of its reads is judged alike. */
async function asks(bench: Bench, whom: Whom, key: string, answered: Answered[]): Promise<string | undefined> {
  const { readPath, named } = whom;
  const options = named === undefined ? { readPath } : { readPath, node: named };
  // Starting them takes the machine's time, which they share.
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => bench.client(options)));
  for (const [i, client] of clients.entries())
    for (let turn = 0; turn < (i === 0 ? MANY_READS : READS); turn++) {
      const { read, reached } = await seen(bench, client, key);
      if (read.type !== 'ok') return `a read while nothing is wrong ended as ${read.type}: ${read.why}`;
      const wrong = judged(whom, read.answer, reached, answered);
      if (wrong !== undefined) return reached.length === 0 && turn > 0 ? `${wrong}: ${READ_BEFORE}` : wrong;
    }
  return undefined;
}

/** What is wrong with whom a read asked, in words; what the roles decide is told by all that were answered. */
function judged(
  { readPath, named }: Whom,
  { value, servedBy }: Answer<{ readonly value: Value }>,
  reached: readonly NodeId[],
  answered: Answered[],
): string | undefined {
  if (reached.length === 0) return `it read ${JSON.stringify(value)}, and asked no node`;
  if (named !== undefined && reached.some((node) => node !== named)) return `it asked ${reached.join(' and ')}`;
  if (servedBy !== undefined && !reached.includes(servedBy.node))
    return `it says that ${servedBy.node} answered, and it asked ${reached.join(' and ')}`;
  answered.push({ readPath, named, reached, servedBy });
  return undefined;
}

function wantedOf(bench: Bench, { readPath, named }: Answered): 'leader' | 'follower' | undefined {
  return named === undefined ? bench.system.readPaths.find(({ name }) => name === readPath)?.asks : undefined;
}

/** A role that is not what the node says of itself, or not what the path is to ask. */
function roleMistake(bench: Bench, answered: readonly Answered[], roles: Roles): string | undefined {
  for (const one of answered) {
    const { reached, servedBy } = one;
    const it = `${who(one)}: it`;
    const role = servedBy === undefined ? undefined : roles.get(servedBy.node);
    if (servedBy?.role !== undefined && role !== undefined && servedBy.role !== role)
      return `${it} says that ${servedBy.node} answered as ${servedBy.role}, and that node says of itself that it is ${role}`;
    const wanted = wantedOf(bench, one);
    if (wanted === undefined) continue;
    if (reached.every((node) => roles.has(node) && roles.get(node) !== wanted))
      return `${it} is to ask a ${wanted}, and it asked ${reached.map((node) => `${node}, which is a ${roles.get(node)}`).join(' and ')}`;
    // One node has to be whatever is asked of it.
    if (servedBy?.role !== undefined && servedBy.role !== wanted && bench.nodes.length > 1)
      return `${it} is to ask a ${wanted}, and says that ${servedBy.node} answered as ${servedBy.role}`;
  }
  return undefined;
}

/** Of one key: a node has one role, and one node leads. */
function contradiction(bench: Bench, answered: readonly Answered[]): string | undefined {
  const said = answered.flatMap((one) => {
    const { readPath, reached, servedBy } = one;
    const node = servedBy?.node ?? (reached.length === 1 ? reached[0] : undefined);
    const role = servedBy?.role ?? wantedOf(bench, one);
    return node === undefined || role === undefined ? [] : [{ readPath, node, role }];
  });
  for (const [i, one] of said.entries()) {
    const other = said
      .slice(i + 1)
      .find(({ node, role }) => (node === one.node ? role !== one.role : role === 'leader' && one.role === 'leader'));
    if (other !== undefined)
      return `it says that ${one.node} answered as ${one.role} through '${one.readPath}', and ${other.node} as ${other.role} through '${other.readPath}'`;
  }
  return undefined;
}

/** What a client wrote itself, and what it has read, it could have kept: each of its reads asks a node all the same. */
async function asksForItsOwn(bench: Bench, whom: Whom, answered: Answered[]): Promise<string | undefined> {
  const client = await bench.client({ readPath: whom.readPath });
  const [key, value] = [bench.unique(), bench.value()];
  const wrong = await writes(bench, client, key, value);
  if (wrong !== undefined) return wrong;
  for (const had of ['it had written that', READ_BEFORE]) {
    // Where the node that it asks is behind, it may be told so: that is another check's.
    const { read, reached } = await seen(bench, client, key);
    if (read.type !== 'ok') continue;
    const wrong = judged(whom, read.answer, reached, answered);
    if (wrong !== undefined) return reached.length === 0 ? `${wrong}: ${had}` : wrong;
  }
  return undefined;
}

/** A read, and the nodes that it asked, as the proxies saw it. */
async function seen(
  bench: Bench,
  client: Client,
  key: string,
): Promise<{ readonly read: Awaited<ReturnType<Bench['read']>>; readonly reached: readonly NodeId[] }> {
  const marks = bench.watchEach(key);
  const read = await bench.read(client, key);
  bench.unwatch();
  return { read, reached: reachedOf(marks) };
}

function reachedOf(marks: ReadonlyMap<NodeId, Mark>): readonly NodeId[] {
  return [...marks].filter(([, { passed: times }]) => times > 0).map(([node]) => node);
}

/** As long as a cluster may take to be led again: 10 s. */
const AGAIN = 50;
const AGAIN_MS = 200;

/** Writes through this client, again while the node that it asks has lost sight of its leader for a moment; why not, in words. */
export async function writes(bench: Bench, client: Client, key: string, value: number): Promise<string | undefined> {
  let wrote = await bench.write(client, key, value);
  for (let again = 0; wrote.type !== 'ok' && again < AGAIN; again++) {
    await bench.sleep(AGAIN_MS);
    wrote = await bench.write(client, key, value);
  }
  return wrote.type === 'ok'
    ? undefined
    : `a write while nothing is wrong with its path ended as ${wrote.type}: ${wrote.why}`;
}

/** Writes that are looked for on each node. */
const TURNS = 4;

export const tokens: Check = {
  name: 'tokens',
  about:
    'On a path with tokens a session reads what it wrote, or is told not yet; so does its next process, which is given the token.',
  async run(bench) {
    const paths = tokenPathsOf(bench);
    if (paths.length === 0) return { type: 'not offered', why: 'no read path says that it honours tokens' };
    const seen = { behind: 0, answered: 0 };
    for (const readPath of paths) {
      const lag = await cutOne(bench);
      try {
        const nodes = lag === undefined ? bench.nodes : [lag.node];
        for (const node of nodes) {
          const why = await onNode(bench, { readPath, node }, lag !== undefined, seen);
          if (why !== undefined) return failed(`read path '${readPath}' on ${node}: ${why}`);
          await bench.closeClients();
        }
      } finally {
        await lag?.injection.heal();
      }
    }
    if (seen.behind === 0)
      return {
        type: 'not shown',
        why: 'no node was ever behind, so that a token that is ignored would look the same; slow the replication, or give a command that cuts it (--fault-commands)',
      };
    return {
      type: 'passed',
      note: `${seen.behind} reads without a token were behind, none of ${seen.answered} with one`,
    };
  },
};

/** Said by the system, or by the name of the path: `follower+token`. */
export function tokenPathsOf({ system }: Bench): readonly string[] {
  return system.tokenPaths ?? system.readPaths.map(({ name }) => name).filter((name) => name.includes('+'));
}

interface Asked {
  readonly readPath: string;
  readonly node: NodeId;
}

/** Reads what was just written, on this node, with its token and without; what is wrong, in words. */
async function onNode(
  bench: Bench,
  { readPath, node }: Asked,
  isCut: boolean,
  seen: { behind: number; answered: number },
): Promise<string | undefined> {
  const writer = await bench.client({ readPath });
  // A path with tokens may make its own: without means on a path that knows none.
  const plain = await bench.client({ readPath: bench.system.stateReadPath, node });
  for (let i = 0; i < TURNS; i++) {
    const [key, value] = [bench.unique(), bench.value()];
    const wrong = await writes(bench, writer, key, value);
    if (wrong !== undefined) return wrong;
    const token = writer.token?.();
    if (token === undefined || token === null) return 'after an acknowledged write the client has no token';
    const next = await bench.client({ readPath, attempt: 1, token, node });
    // A node that is cut off will not catch up: it may say so, or nothing at all.
    const [without, own, withToken] = await Promise.all([
      bench.read(plain, key, PATIENCE_NS),
      isCut ? undefined : bench.read(writer, key),
      bench.read(next, key, isCut ? PATIENCE_NS / 2 : undefined),
    ]);
    if (without.type === 'ok' && without.answer.value !== value) seen.behind++;
    for (const [who, read] of [['the session itself', own] as const, ['its next process', withToken] as const]) {
      if (read?.type !== 'ok') continue;
      seen.answered++;
      if (read.answer.value !== value)
        return `${value} was written and acknowledged, and ${who} read ${JSON.stringify(read.answer.value)} with the token of that write`;
    }
    await next.close();
  }
  return undefined;
}

/** A follower that hears of nothing more, where connections can be cut and the others are still a majority. */
async function cutOne(bench: Bench): Promise<{ readonly node: NodeId; readonly injection: Injection } | undefined> {
  const { cut } = bench.cluster.levers;
  const leader = await bench.leader();
  if (cut === undefined || leader === undefined || bench.nodes.length < 3) return undefined;
  const node = bench.nodes.find((one) => one !== leader.node) ?? leader.node;
  const links = bench.nodes
    .filter((one) => one !== node)
    .flatMap((other) => [
      { from: node, to: other },
      { from: other, to: node },
    ]);
  return { node, injection: await cut(links) };
}

const FOUND_NS = 2 * SECOND;
const FAILOVER_NS = 30 * SECOND;
const LOOK_MS = 50;

export const sighting: Check = {
  name: 'sight',
  about: 'Nodes say who leads; after a failover the new leader is found within 2 s.',
  async run(bench) {
    if (bench.system.leaderless === true) return { type: 'not offered', why: 'it does not tell who leads' };
    const before = await bench.leader();
    if (before === undefined) return failed('no node is sighted as the leader');
    const { kill, stop } = bench.cluster.levers;
    const end = kill ?? stop;
    if (end === undefined)
      return {
        type: 'not shown',
        why: `${before.node} leads; whether the next leader is found was not tried, for want of a way to end one (--fault-commands)`,
      };
    const injection = await end([before.node]);
    try {
      return await found(bench, before);
    } finally {
      await injection.heal();
      await recovered(bench);
    }
  },
};

async function found(bench: Bench, before: Sighting): Promise<Result> {
  const { clock } = bench.cluster;
  const from = clock.now();
  let written: number | undefined;
  const watch = { over: false };
  const writing = (async (): Promise<void> => {
    for (let attempt = 1; !watch.over && written === undefined; attempt++) {
      const client = await bench.client({ attempt });
      const ended = await bench.write(client, bench.unique(), bench.value(), PATIENCE_NS);
      if (ended.type === 'ok') written = clock.now();
      await client.close();
      if (written === undefined) await bench.sleep(LOOK_MS);
    }
  })();
  try {
    for (;;) {
      const now = leaderIn((await bench.sightings()).filter(({ node }) => node !== before.node));
      const at = clock.now();
      if (now !== undefined && now.term > before.term)
        return {
          type: 'passed',
          note: `${before.node} was ended; ${now.node} was found ${((at - from) / SECOND).toFixed(1)} s later`,
        };
      if (written !== undefined && at - written > FOUND_NS) {
        const seen =
          now === undefined
            ? 'no other node is sighted as the leader'
            : `${now.node} is sighted as leader in term ${now.term}, which is not above ${before.term}`;
        return failed(
          `${before.node} led and was ended, writes are acknowledged again since ${FOUND_NS / SECOND} s, and ${seen}`,
        );
      }
      if (at - from > FAILOVER_NS)
        return {
          type: 'not shown',
          why: `${before.node} led and was ended, and nobody took over within ${FAILOVER_NS / SECOND} s`,
        };
      await bench.sleep(LOOK_MS);
    }
  } finally {
    watch.over = true;
    await writing;
  }
}

/** So that the next check finds a cluster that works. */
async function recovered(bench: Bench): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const client = await bench.client({ attempt: i });
    const ended = await bench.write(client, bench.unique(), bench.value(), PATIENCE_NS);
    await client.close();
    if (ended.type === 'ok' && (await bench.sightings()).length === bench.nodes.length) return;
    await bench.sleep(100);
  }
}
