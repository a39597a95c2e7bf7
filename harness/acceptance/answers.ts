/** Checks of what clients say while nothing is wrong. */
import { SECOND } from '../../history/clock.ts';
import type { Entry, Step } from '../../history/store.ts';
import { type Bench, CALM_NS, type Check, failed, passed, type Result } from './bench.ts';
import { writes } from './paths.ts';

/** The strongest path of some is not strong: it may take so long to see what somebody else wrote. */
const SEEN_NS = 5 * SECOND;
const LOOK_MS = 100;

export const reads: Check = {
  name: 'reads-and-writes',
  about:
    'A key that nobody wrote is null on every read path, and every write path writes what the strongest path then reads, whoever had written and read it before.',
  async run(bench) {
    for (const { name } of bench.system.readPaths) {
      const ended = await bench.read(await bench.client({ readPath: name }), bench.unique());
      if (ended.type !== 'ok')
        return failed(`a read through '${name}' while nothing is wrong ended as ${ended.type}: ${ended.why}`);
      if (ended.answer.value !== null)
        return failed(
          `a key that nobody wrote is ${JSON.stringify(ended.answer.value)} through '${name}'; null is needed`,
        );
    }
    for (const { name } of bench.system.writePaths) {
      const [key, value] = [bench.unique(), bench.value()];
      const why = await bench.written(key, value, { writePath: name });
      if (why !== undefined) return failed(`through '${name}': ${why}`);
      const ended = await bench.read(await bench.client(), key);
      if (ended.type !== 'ok') return failed(`the read after it ended as ${ended.type}: ${ended.why}`);
      if (ended.answer.value !== value)
        return failed(
          `${value} was written through '${name}' and acknowledged, and then '${bench.system.strongestReadPath}' read ${JSON.stringify(ended.answer.value)}`,
        );
      const wrong = await overwritten(bench, name);
      if (wrong !== undefined) return failed(`through '${name}': ${wrong}`);
    }
    return passed;
  },
};

/** A client that wrote a key and has read it sees what another client writes then; what is wrong, in words. */
async function overwritten(bench: Bench, writePath: string): Promise<string | undefined> {
  const { clock } = bench.cluster;
  const one = await bench.client({ writePath });
  const [key, first, second] = [bench.unique(), bench.value(), bench.value()];
  const wrong = await writes(bench, one, key, first);
  if (wrong !== undefined) return wrong;
  await bench.read(one, key);
  const byAnother = await bench.written(key, second, { writePath });
  if (byAnother !== undefined) return byAnother;
  const until = clock.now() + SEEN_NS;
  let read = await bench.read(one, key);
  while ((read.type !== 'ok' || read.answer.value !== second) && clock.now() < until) {
    await bench.sleep(LOOK_MS);
    read = await bench.read(one, key);
  }
  if (read.type !== 'ok') return `a read while nothing is wrong ended as ${read.type}: ${read.why}`;
  return read.answer.value === second
    ? undefined
    : `one client wrote ${first}, another wrote ${second} after it, and for ${SEEN_NS / SECOND} s the first one read ${JSON.stringify(read.answer.value)} through '${bench.system.strongestReadPath}'`;
}

const TURNS = 25;

export const fresh: Check = {
  name: 'strongest-is-strong',
  about:
    'What one client wrote, the next client reads through the strongest path at once, where that path promises so.',
  async run(bench) {
    const { strongestReadPath: readPath, writePaths } = bench.system;
    const writePath = writePaths
      .map(({ name }) => name)
      .find((name) => bench.system.promises(name, readPath).includes('linearizable'));
    if (writePath === undefined)
      return { type: 'not offered', why: `no write path promises linearizable with '${readPath}'` };
    const writer = await bench.client({ readPath, writePath });
    const reader = await bench.client({ readPath, writePath });
    const key = bench.unique();
    for (let i = 1; i <= TURNS; i++) {
      const value = bench.value();
      const wrote = await bench.write(writer, key, value);
      if (wrote.type !== 'ok') return failed(`write ${i} of ${TURNS} ended as ${wrote.type}: ${wrote.why}`);
      const read = await bench.read(reader, key);
      if (read.type !== 'ok') return failed(`read ${i} of ${TURNS} ended as ${read.type}: ${read.why}`);
      if (read.answer.value !== value)
        return failed(
          `after ${value} was acknowledged, '${readPath}' read ${JSON.stringify(read.answer.value)}, and it promises linearizable`,
        );
    }
    return passed;
  },
};

export const cas: Check = {
  name: 'compare-and-set',
  about: 'It swaps what is there, and says mismatch, and changes nothing, where something else is there, or nothing.',
  async run(bench) {
    if (!bench.system.methods.includes('cas')) return { type: 'not offered', why: "'cas' is not among the methods" };
    const client = await bench.client();
    const [one, never] = [bench.unique(), bench.unique()];
    const [first, second, third] = [bench.value(), bench.value(), bench.value()];
    const steps: readonly [key: string, expected: number | null, next: number, swaps: boolean, holds: number | null][] =
      [
        [one, null, first, true, first],
        [one, second, third, false, first],
        [one, first, second, true, second],
        [one, null, third, false, second],
        [never, first, second, false, null],
      ];
    for (const [key, expected, next, swaps, holds] of steps) {
      const asked = `cas from ${JSON.stringify(expected)} to ${next}`;
      const ended = await bench.outcome(
        (deadline) =>
          client.compareAndSet?.({ key, expected, next }, deadline) ?? Promise.reject(new Error('it has no cas')),
        CALM_NS,
      );
      if (ended.type !== 'ok') return failed(`${asked} ended as ${ended.type}: ${ended.why}`);
      const { swapped, actual } = ended.answer;
      if (swapped !== swaps)
        return failed(
          `${asked} ${swapped ? 'swapped' : 'did not swap'}, and the register held ${swaps ? 'that' : holds === null ? 'nothing' : 'something else'}`,
        );
      if (!swapped && actual !== undefined && actual !== holds)
        return failed(`${asked} says that the register held ${JSON.stringify(actual)}, and it held ${holds}`);
      const read = await bench.read(client, key);
      if (read.type !== 'ok' || read.answer.value !== holds)
        return failed(
          `after ${asked} the register should hold ${holds}, and a read says ${read.type === 'ok' ? JSON.stringify(read.answer.value) : read.why}`,
        );
    }
    return passed;
  },
};

export const readMany: Check = {
  name: 'many-keys',
  about: 'One read of several keys gives their values in the order of the keys, null where nobody wrote.',
  async run(bench) {
    if (!bench.system.methods.includes('readMany'))
      return { type: 'not offered', why: "'readMany' is not among the methods" };
    const keys = bench.together();
    const values: (number | null)[] = [];
    for (const [i, key] of keys.entries()) {
      const value = i === 1 ? null : bench.value();
      values.push(value);
      const why = value === null ? undefined : await bench.written(key, value);
      if (why !== undefined) return failed(why);
    }
    const client = await bench.client();
    const ended = await bench.outcome(
      (deadline) => client.readMany?.({ keys }, deadline) ?? Promise.reject(new Error('it has no readMany')),
      CALM_NS,
    );
    if (ended.type !== 'ok') return failed(`it ended as ${ended.type}: ${ended.why}`);
    const read = JSON.stringify(ended.answer.values);
    return read === JSON.stringify(values)
      ? passed
      : failed(`${JSON.stringify(values)} was written, and it read ${read}`);
  },
};

const ENTRIES = 5;

export const logs: Check = {
  name: 'logs',
  about:
    'What is sent to a log is polled from it, once, in the order of its offsets, which grow, and from the offset that was asked for on.',
  async run(bench) {
    if (!bench.system.methods.includes('send') || !bench.system.methods.includes('poll'))
      return { type: 'not offered', why: "'send' and 'poll' are not among the methods" };
    const key = bench.unique();
    const client = await bench.client();
    const sent: Entry[] = [];
    for (let i = 0; i < ENTRIES; i++) {
      const value = bench.value();
      const ended = await bench.send(client, key, value);
      if (ended.type !== 'ok') return failed(`a send while nothing is wrong ended as ${ended.type}: ${ended.why}`);
      const { offset } = ended.answer;
      const before = sent.at(-1)?.[0];
      if (before !== undefined && offset <= before)
        return failed(`${value} was sent after what is at offset ${before}, and is said to be at ${offset}`);
      sent.push([offset, value]);
    }
    const reader = await bench.client();
    const [middle, end] = [sent[2][0], sent[ENTRIES - 1][0] + 1];
    for (const [from, is] of [[0, sent] as const, [middle, sent.slice(2)] as const, [end, []] as const]) {
      const ended = await bench.poll(reader, key, from);
      if (ended.type !== 'ok') return failed(`a poll from ${from} on ended as ${ended.type}: ${ended.why}`);
      if (JSON.stringify(ended.answer.entries) !== JSON.stringify(is))
        return failed(
          `the log holds ${JSON.stringify(is)} from ${from} on, and a poll gave ${JSON.stringify(ended.answer.entries)}`,
        );
    }
    const other = await bench.poll(reader, bench.unique(), 0);
    if (other.type !== 'ok') return failed(`a poll of a log that nobody sent to ended as ${other.type}: ${other.why}`);
    return other.answer.entries.length === 0
      ? passed
      : failed(`a log that nobody sent to holds ${JSON.stringify(other.answer.entries)}`);
  },
};

export const transactions: Check = {
  name: 'transactions',
  about:
    'A transaction writes all that it says, reads what was written before it and by itself, and answers its steps in their order.',
  async run(bench) {
    if (!bench.system.methods.includes('txn')) return { type: 'not offered', why: "'txn' is not among the methods" };
    const client = await bench.client();
    const [a, b, never] = bench.together();
    const [first, second, third] = [bench.value(), bench.value(), bench.value()];
    const asked: readonly (readonly [steps: readonly Step[], found: readonly Step[]])[] = [
      [
        [
          ['w', a, first],
          ['w', b, second],
        ],
        [
          ['w', a, first],
          ['w', b, second],
        ],
      ],
      [
        [
          ['r', a, null],
          ['w', a, third],
          ['r', b, null],
          ['r', a, null],
          ['r', never, null],
        ],
        [
          ['r', a, first],
          ['w', a, third],
          ['r', b, second],
          ['r', a, third],
          ['r', never, null],
        ],
      ],
    ];
    for (const [steps, found] of asked) {
      const ended = await bench.transact(client, steps);
      if (ended.type !== 'ok')
        return failed(`a transaction while nothing is wrong ended as ${ended.type}: ${ended.why}`);
      const said = JSON.stringify(ended.answer.steps);
      if (said !== JSON.stringify(found))
        return failed(`asked for ${JSON.stringify(steps)}, it said ${said}, and ${JSON.stringify(found)} is so`);
    }
    const reader = await bench.client();
    const after = await bench.transact(reader, [['r', a, null]]);
    if (after.type !== 'ok') return failed(`a transaction that only reads ended as ${after.type}: ${after.why}`);
    const [[, , left]] = after.answer.steps;
    return left === third
      ? passed
      : failed(`a transaction wrote ${third}, and the next one read ${JSON.stringify(left)}`);
  },
};

const GONE_MS = 2000;

export const close: Check = {
  name: 'closes',
  about: 'A client that was closed leaves no connection.',
  async run(bench): Promise<Result> {
    await bench.settle();
    await bench.sleep(200);
    const before = bench.connections();
    const clients = await Promise.all([bench.client(), bench.client({ readPath: bench.system.stateReadPath })]);
    for (const client of clients) await bench.read(client, bench.unique());
    await bench.closeClients();
    for (let waited = 0; waited < GONE_MS; waited += 50) {
      if (bench.connections() <= before) return passed;
      await bench.sleep(50);
    }
    return failed(
      `${bench.connections() - before} connections are open ${GONE_MS / 1000} s after their clients were closed`,
    );
  },
};
