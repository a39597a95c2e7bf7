/** Checks of what clients say when something is wrong: the proxies fail as networks do, and count what is sent. */
import type { Value } from '../../history/operation.ts';
import type { Client } from '../../history/store.ts';
import { type Bench, type Check, failed, type Outcome, passed, PATIENCE_NS, type Result } from './bench.ts';
import { Mark } from './proxy.ts';

/** How a write can be asked for. */
interface Way {
  readonly name: 'write' | 'cas' | 'send' | 'txn';
  /** It may go out in parts, the last of which makes it so: what broke before that has failed, and it is true to say so. */
  readonly inParts?: true;
  /** What is there, null where nothing is. */
  look(bench: Bench, client: Client, key: string): Promise<Outcome<{ readonly value: Value }>>;
  ask(bench: Bench, client: Client, key: string, value: number): Promise<Outcome<object>>;
}

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
        if (answer?.swapped !== true) throw new Error('mismatch');
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

/** A client that has its connections: it has read and written. */
async function warm(bench: Bench, writePath = bench.writePath): Promise<Client> {
  const client = await bench.client({ writePath });
  const key = bench.unique();
  for (const way of waysOf(bench))
    await way.ask(bench, client, way.name === 'cas' ? bench.unique() : key, bench.value());
  await bench.read(client, key);
  return client;
}

/** Asks where the answer cannot come back; `undefined` when the client says what is true: that it does not know. */
function dishonest({ name, inParts }: Way, path: string, ended: Outcome<unknown>, trouble: string): string | undefined {
  const asked = `a ${name}${path === '' ? '' : ` through '${path}'`}`;
  if (ended.type === 'ok') return `${asked} ended as ok, and ${trouble}`;
  if (ended.type === 'fail' && inParts !== true)
    return `${asked} ended as fail (${ended.why}), which says that it never happens, and ${trouble}: nobody knows, which is info`;
  return undefined;
}

export const timeouts: Check = {
  name: 'timeouts-are-info',
  about:
    'A write whose answer does not come in time is info, neither ok nor fail; a read that gets no answer has no value.',
  async run(bench) {
    let silent = 0;
    for (const { name: writePath } of bench.system.writePaths) {
      for (const way of waysOf(bench)) {
        const client = await warm(bench, writePath);
        bench.mode('mute');
        const ended = await way.ask(bench, client, bench.unique(), bench.value());
        bench.mode('pass');
        await bench.closeClients();
        const why = dishonest(way, writePath, ended, 'the store had it, and no answer came back');
        if (why !== undefined) return failed(why);
        if (ended.type === 'silent') silent++;
      }
    }
    for (const { name: readPath } of bench.system.readPaths) {
      const key = bench.unique();
      const value = bench.value();
      const why = await bench.written(key, value);
      if (why !== undefined) return failed(why);
      const client = await bench.client({ readPath });
      await bench.read(client, key);
      bench.mode('mute');
      const ended = await bench.read(client, key, PATIENCE_NS);
      bench.mode('pass');
      await bench.closeClients();
      if (ended.type === 'ok')
        return failed(
          `a read through '${readPath}' said ${JSON.stringify(ended.answer.value)}, and no node's answer had come back`,
        );
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

/** Cuts the connection of a write once the node has had it, and hands on how that ended; `look` says what is wrong with it. */
async function cutOff(
  bench: Bench,
  look: (cut: CutOff) => string | undefined | Promise<string | undefined>,
): Promise<Result> {
  for (const { name: writePath } of bench.system.writePaths) {
    for (const way of waysOf(bench)) {
      const client = await warm(bench, writePath);
      const whole = new Mark(bench.unique());
      bench.watch(whole);
      const calm = await way.ask(bench, client, whole.text, bench.value());
      if (calm.type !== 'ok') return failed(`a ${way.name} while nothing is wrong ended as ${calm.type}: ${calm.why}`);
      if (whole.passed === 0)
        return {
          type: 'not shown',
          why: 'its key is not to be seen on the wire: it is encrypted, or made into something else',
        };
      const mark = new Mark(bench.unique(), whole.passed);
      bench.watch(mark);
      const ended = await way.ask(bench, client, mark.text, bench.value());
      const why = await look({ way, client, ended, mark, usual: whole.passed });
      bench.watch(undefined);
      await bench.closeClients();
      if (why !== undefined) return failed(`through '${writePath}': ${why}`);
    }
  }
  return passed;
}

const SEEN_MS = 500;

export const refusals: Check = {
  name: 'refused-is-never-seen',
  about:
    'What a client calls a fail is not there, then or later, on any node: not where nobody answers, nor where a node refuses.',
  async run(bench) {
    const refused: { readonly way: Way; readonly key: string; readonly value: number; readonly how: string }[] = [];
    for (const { name: writePath } of bench.system.writePaths) {
      for (const way of waysOf(bench)) {
        const note = async (client: Client, key: string, how: string): Promise<Outcome<unknown>> => {
          const value = bench.value();
          const ended = await way.ask(bench, client, key, value);
          if (ended.type === 'fail') refused.push({ way, key, value, how });
          return ended;
        };
        const client = await warm(bench, writePath);
        bench.mode('refuse');
        const ended = await note(client, bench.unique(), 'no node could be reached');
        bench.mode('pass');
        if (ended.type === 'ok')
          return failed(`a ${way.name} through '${writePath}' ended as ok, and every connection was refused`);
        await bench.closeClients();
        for (const node of bench.nodes)
          await note(await bench.client({ writePath, node }), bench.unique(), `${node} was asked by name`);
        const cut = new Mark(bench.unique(), 1);
        const other = await warm(bench, writePath);
        bench.watch(cut);
        await note(other, cut.text, 'its connection broke after it was sent');
        bench.watch(undefined);
        await bench.closeClients();
      }
    }
    await bench.sleep(SEEN_MS);
    const { strongestReadPath, stateReadPath } = bench.system;
    const readers = [
      { readPath: strongestReadPath },
      ...bench.nodes.map((node) => ({ readPath: stateReadPath, node })),
    ];
    for (const options of readers) {
      const reader = await bench.client(options);
      for (const { way, key, value, how } of refused) {
        const read = await way.look(bench, reader, key);
        if (read.type === 'ok' && read.answer.value === value)
          return failed(
            `a ${way.name} ended as fail (${how}), which says that it never happens, and then '${options.readPath}' read what it wrote`,
          );
      }
    }
    return { type: 'passed', note: `${refused.length} refused writes were looked for` };
  },
};
