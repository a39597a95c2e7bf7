/** Checks of what clients say when something is wrong: the proxies fail as networks do, and count what is sent. */
import { SECOND } from '../../history/clock.ts';
import type { NodeId, Value } from '../../history/operation.ts';
import { type Client, Refused } from '../../history/store.ts';
import { type Bench, type Check, failed, type Outcome, passed, PATIENCE_NS, type Result, unseen } from './bench.ts';
import { Mark } from './proxy.ts';
import { type Case, sideBySide } from './side-by-side.ts';

/** How a write can be asked for. */
interface Way {
  readonly name: 'write' | 'cas' | 'send' | 'txn';
  /** It may go out in parts, the last of which makes it so: what broke before that has failed, and it is true to say so. */
  readonly inParts?: true;
  /** What is there, null where nothing is. */
  look(bench: Bench, client: Client, key: string): Promise<Outcome<{ readonly value: Value }>>;
  ask(bench: Bench, client: Client, key: string, value: number): Promise<Outcome<object>>;
}

const MISMATCH = 'mismatch';

/** Each is asked for a key that nobody wrote: a cas expects null. */
const ways: readonly Way[] = [
  {
    name: 'write',
    look: (bench, client, key) => bench.read(client, key),
    ask: (bench, client, key, value) => bench.write(client, key, value, PATIENCE_NS),
  },
  {
    name: 'cas',
    look: (bench, client, key) => bench.read(client, key),
    ask: (bench, client, key, next) =>
      bench.outcome(async (deadline) => {
        const answer = await client.compareAndSet?.({ key, expected: null, next }, deadline);
        // It says that it never happens, as a refusal does; and where nobody had written that something was there.
        if (answer?.swapped !== true) throw new Refused('MISMATCH', MISMATCH);
        return answer;
      }, PATIENCE_NS),
  },
  {
    name: 'send',
    look: (bench, client, key) => bench.last(client, key),
    ask: (bench, client, key, value) => bench.send(client, key, value, PATIENCE_NS),
  },
  {
    name: 'txn',
    inParts: true,
    async look(bench, client, key) {
      const ended = await bench.transact(client, [['r', key, null]]);
      return ended.type === 'ok' ? { type: 'ok', answer: { value: ended.answer.steps[0][2] } } : ended;
    },
    ask: (bench, client, key, value) => bench.transact(client, [['w', key, value]], PATIENCE_NS),
  },
];

function waysOf(bench: Bench): readonly Way[] {
  return ways.filter(({ name }) => bench.system.methods.includes(name));
}

/** A way of writing, through a path that writes take. */
interface Asking {
  readonly way: Way;
  readonly writePath: string;
}

function askings(bench: Bench): readonly Asking[] {
  return bench.system.writePaths.flatMap(({ name: writePath }) => waysOf(bench).map((way) => ({ way, writePath })));
}

/** From then on it has its connections: it has read and written. */
async function warm(bench: Bench, client: Client): Promise<void> {
  const key = bench.unique();
  for (const way of waysOf(bench))
    await way.ask(bench, client, way.name === 'cas' ? bench.unique() : key, bench.value());
  await bench.read(client, key);
}

/** Asks where the answer cannot come back; `undefined` when the client says what is true: that it does not know. */
function dishonest({ name, inParts }: Way, path: string, ended: Outcome<unknown>, trouble: string): string | undefined {
  const asked = `a ${name}${path === '' ? '' : ` through '${path}'`}`;
  if (ended.type === 'ok') return `${asked} ended as ok, and ${trouble}`;
  if (ended.type === 'fail' && inParts !== true)
    return `${asked} ended as fail (${ended.why}), which says that it never happens, and ${trouble}: nobody knows, which is info`;
  return undefined;
}

interface Unanswered {
  readonly ended: Outcome<unknown>;
  readonly why: string | undefined;
}

function madeUp(path: string, ended: Outcome<{ readonly value: Value }>): string | undefined {
  if (ended.type !== 'ok') return undefined;
  return `a read through '${path}' said ${JSON.stringify(ended.answer.value)}, and no node's answer had come back`;
}

export const timeouts: Check = {
  name: 'timeouts-are-info',
  about:
    'A write whose answer does not come in time is info, neither ok nor fail; a read that gets no answer has no value.',
  async run(bench) {
    const key = bench.unique();
    const wrong = await bench.written(key, bench.value());
    await bench.closeClients();
    const writes = askings(bench).map(
      ({ way, writePath }): Case<Unanswered> => ({
        options: { writePath },
        ready: async (client) => {
          await warm(bench, client);
          return async () => {
            const ended = await way.ask(bench, client, bench.unique(), bench.value());
            return { ended, why: dishonest(way, writePath, ended, 'the store had it, and no answer came back') };
          };
        },
      }),
    );
    const reads = bench.system.readPaths.map(
      ({ name: readPath }): Case<Unanswered> => ({
        options: { readPath },
        ready: async (client) => {
          await bench.read(client, key);
          return async () => {
            const ended = await bench.read(client, key, PATIENCE_NS);
            return { ended, why: wrong ?? madeUp(readPath, ended) };
          };
        },
      }),
    );
    let silent = 0;
    for await (const { ended, why } of sideBySide(bench, [...writes, ...reads], 'mute')) {
      if (why !== undefined) return failed(why);
      if (ended.type === 'silent') silent++;
    }
    return silent === 0
      ? passed
      : { type: 'passed', note: `${silent} requests did not end by their deadline; the harness ends them` };
  },
};

export const broken: Check = {
  name: 'broken-connections-are-info',
  about: 'A write whose connection breaks after it was sent is info, and no read makes up a value.',
  run: (bench) =>
    cutOff(bench, ({ way, ended }) => dishonest(way, '', ended, 'its connection broke after it was sent')),
};

const REPLAY_MS = 1500;

export const resends: Check = {
  name: 'no-hidden-resends',
  about:
    'A write is sent once, whatever becomes of its connection: no retry, no queue that is sent after reconnecting.',
  run: (bench) =>
    cutOff(bench, async ({ way, client, mark, usual }) => {
      // Some send what they had queued with the next request, or once they are connected again.
      await bench.read(client, bench.unique(), PATIENCE_NS);
      await bench.sleep(REPLAY_MS);
      await bench.read(client, bench.unique(), PATIENCE_NS);
      if (mark.passed <= usual) return undefined;
      return `a ${way.name} was sent ${Math.round(mark.passed / usual)} times: its connection broke after the first, and the client sent it again by itself`;
    }),
};

interface CutOff {
  readonly way: Way;
  readonly client: Client;
  readonly ended: Outcome<unknown>;
  readonly mark: Mark;
  /** How often the key of one such request passes. */
  readonly usual: number;
}

/** Cuts the connection of each write once the node has had it, and hands on how that ended; `look` says what is wrong with it. */
async function cutOff(
  bench: Bench,
  look: (cut: CutOff) => string | undefined | Promise<string | undefined>,
): Promise<Result> {
  const cases = askings(bench).map(
    ({ way, writePath }): Case<Result> => ({
      options: { writePath },
      ready: async (client) => {
        await warm(bench, client);
        const whole = new Mark(bench.unique());
        bench.watch(whole);
        const calm = await way.ask(bench, client, whole.text, bench.value());
        const usual = whole.passed;
        const open = unfit(way, calm, usual);
        if (open !== undefined) return () => Promise.resolve(open);
        return async () => {
          const mark = new Mark(bench.unique(), usual);
          bench.watch(mark);
          const ended = await way.ask(bench, client, mark.text, bench.value());
          const why = await look({ way, client, ended, mark, usual });
          return why === undefined ? passed : failed(`through '${writePath}': ${why}`);
        };
      },
    }),
  );
  for await (const result of sideBySide(bench, cases, 'pass')) if (result.type !== 'passed') return result;
  return passed;
}

/** Why its connection cannot be cut once the node has had a request, from how one went while nothing was wrong. */
function unfit({ name }: Way, calm: Outcome<unknown>, passes: number): Result | undefined {
  if (calm.type !== 'ok') return failed(`a ${name} while nothing is wrong ended as ${calm.type}: ${calm.why}`);
  return passes > 0 ? undefined : unseen;
}

const SEEN_MS = 500;
/** What was called ok may take so long until it is seen, where the strongest path is not strong. */
const THERE_NS = 5 * SECOND;
const LOOK_MS = 200;

interface Attempt {
  readonly asking: Asking;
  readonly key: string;
  readonly value: number;
  /** What was in its way, in words. */
  readonly how: string;
  readonly ended: Outcome<unknown>;
}

export const refusals: Check = {
  name: 'refused-is-never-seen',
  about:
    'What a client calls a fail is not there, then or later, on any node: not where nobody answers, nor where a node refuses; what it calls ok when a node is asked by name is there; and no cas finds something else where nobody wrote.',
  async run(bench) {
    const all = askings(bench);
    const attempt = async (asking: Asking, client: Client, key: string, how: string): Promise<Attempt> => {
      const value = bench.value();
      return { asking, key, value, how, ended: await asking.way.ask(bench, client, key, value) };
    };
    const unreached = all.map(
      (asking): Case<Attempt> => ({
        options: { writePath: asking.writePath },
        ready: async (client) => {
          await warm(bench, client);
          return () => attempt(asking, client, bench.unique(), 'no node could be reached');
        },
      }),
    );
    const byName = (asking: Asking, node: NodeId): Case<Attempt> => ({
      options: { writePath: asking.writePath, node },
      ready: (client) => Promise.resolve(() => attempt(asking, client, bench.unique(), `${node} was asked by name`)),
    });
    const cutOnce = (asking: Asking): Case<Attempt> => ({
      options: { writePath: asking.writePath },
      ready: async (client) => {
        await warm(bench, client);
        const cut = new Mark(bench.unique(), 1);
        bench.watch(cut);
        return () => attempt(asking, client, cut.text, 'its connection broke after it was sent');
      },
    });
    const attempts: Attempt[] = [];
    for await (const one of sideBySide(bench, unreached, 'refuse')) {
      const { way, writePath } = one.asking;
      if (one.ended.type === 'ok')
        return failed(`a ${way.name} through '${writePath}' ended as ok, and every connection was refused`);
      attempts.push(one);
    }
    const named = all.flatMap((asking) => bench.nodes.map((node) => byName(asking, node)));
    const claimed: Attempt[] = [];
    // Those that have long to wait come together.
    const others = [...named, ...all.map(cutOnce)];
    let turn = 0;
    for await (const one of sideBySide(bench, others, 'pass'))
      (turn++ < named.length && one.ended.type === 'ok' ? claimed : attempts).push(one);
    const refused = all.flatMap((asking) =>
      attempts.filter((one) => one.asking === asking && one.ended.type === 'fail'),
    );
    await bench.sleep(SEEN_MS);
    const { strongestReadPath, stateReadPath } = bench.system;
    const readers = [
      { readPath: strongestReadPath },
      ...bench.nodes.map((node) => ({ readPath: stateReadPath, node })),
    ];
    for (const options of readers) {
      const reader = await bench.client(options);
      for (const { asking, key, value, how } of refused) {
        const { way } = asking;
        const read = await way.look(bench, reader, key);
        if (read.type === 'ok' && read.answer.value === value)
          return failed(
            `a ${way.name} ended as fail (${how}), which says that it never happens, and then '${options.readPath}' read what it wrote`,
          );
      }
    }
    const absent = await missingOf(bench, claimed);
    if (absent !== undefined) return failed(absent);
    const madeUp = refused.find(({ ended }) => 'why' in ended && ended.why === MISMATCH);
    if (madeUp !== undefined)
      return failed(
        `a cas from null through '${madeUp.asking.writePath}' ended as mismatch (${madeUp.how}), and nobody had written that key`,
      );
    return { type: 'passed', note: `${refused.length} refused writes were looked for` };
  },
};

/** What is wrong with writes that were called ok, in words: a refusal that was swallowed is one that nobody finds again. */
async function missingOf(bench: Bench, claimed: readonly Attempt[]): Promise<string | undefined> {
  const { clock } = bench.cluster;
  const reader = await bench.client();
  const until = clock.now() + THERE_NS;
  for (const { asking, key, value, how } of claimed) {
    const { way, writePath } = asking;
    let read = await way.look(bench, reader, key);
    while ((read.type !== 'ok' || read.answer.value !== value) && clock.now() < until) {
      await bench.sleep(LOOK_MS);
      read = await way.look(bench, reader, key);
    }
    if (read.type === 'ok' && read.answer.value !== value)
      return `a ${way.name} through '${writePath}' said ok (${how}), and is not there: '${bench.system.strongestReadPath}' read ${JSON.stringify(read.answer.value)}, and ${value} was written`;
  }
  return undefined;
}
