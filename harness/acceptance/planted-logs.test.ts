/** Logs and transactions of drivers: what is honest passes, and each planted mistake is found by the check that is there for it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Flaw, LogServer } from '../../test-support/log-server.ts';
import { asset } from '../entry.ts';
import { GivenCluster } from '../environments/endpoints/endpoints.ts';
import driver from '../systems/driver.ts';
import { acceptance } from './suite.ts';

const LOGS = 'send,poll';
const TRANSACTIONS = 'read,write,txn';

interface Mistake {
  readonly mistake: string;
  readonly methods: string;
  readonly was: string;
  readonly is: string;
  readonly check: string;
  readonly says: RegExp;
}

const toServer = '    server.write(`${JSON.stringify({ f, key, value })}\\n`);';
const fromServer = "answer(asked.shift(), { type: 'ok', ...JSON.parse(line) })";
const brokeOff = "answer(waiting, { type: 'info', error: why })";
/** What was asked last is sent once more, over a connection of its own. */
const again = 'connect(at.port, at.host).on("error", () => undefined).end(last)';

const mistakes: readonly Mistake[] = [
  {
    mistake: 'gives each entry the same offset',
    methods: LOGS,
    was: fromServer,
    is: `answer(asked.shift(), { type: 'ok', ...JSON.parse(line.replace(/"offset":\\d+/, '"offset":3')) })`,
    check: 'logs',
    says: /is said to be at 3/,
  },
  {
    mistake: 'polls one too far on',
    methods: LOGS,
    was: toServer,
    is: "    server.write(`${JSON.stringify({ f, key, value: f === 'poll' ? value + 1 : value })}\\n`);",
    check: 'logs',
    says: /the log holds .* from 0 on, and a poll gave/,
  },
  {
    mistake: 'goes back to the beginning with every poll',
    methods: LOGS,
    was: toServer,
    is: "    server.write(`${JSON.stringify({ f, key, value: f === 'poll' ? 0 : value })}\\n`);",
    check: 'logs',
    says: /it would never come to an end/,
  },
  {
    mistake: 'has one log for all',
    methods: LOGS,
    was: toServer,
    is: "    server.write(`${JSON.stringify({ f, key: 'all', value })}\\n`);",
    check: 'logs',
    says: /a log that nobody sent to holds/,
  },
  {
    mistake: 'calls a send whose connection broke refused',
    methods: LOGS,
    was: brokeOff,
    is: brokeOff.replace("'info'", "'fail'"),
    check: 'broken-connections-are-info',
    says: /a send ended as fail .*nobody knows/,
  },
  {
    mistake: 'calls a send whose connection broke refused, which is there',
    methods: LOGS,
    was: brokeOff,
    is: brokeOff.replace("'info'", "'fail'"),
    check: 'refused-is-never-seen',
    says: /a send ended as fail .* read what it wrote/,
  },
  {
    mistake: 'sends again by itself',
    methods: LOGS,
    was: brokeOff,
    is: again,
    check: 'no-hidden-resends',
    says: /a send was sent 2 times/,
  },
  {
    mistake: 'carries a transaction out twice',
    methods: TRANSACTIONS,
    was: brokeOff,
    is: again,
    check: 'no-hidden-resends',
    says: /a (txn|write) was sent 2 times/,
  },
  {
    mistake: 'says of a transaction that it was refused, and it was not',
    methods: TRANSACTIONS,
    was: brokeOff,
    is: "answer(waiting, { type: waiting.f === 'txn' ? 'fail' : 'info', error: why })",
    check: 'refused-is-never-seen',
    says: /a txn ended as fail .* read what it wrote/,
  },
  {
    mistake: 'answers the steps of a transaction in another order',
    methods: TRANSACTIONS,
    was: fromServer,
    is: "answer(asked.shift(), { type: 'ok', ...turned(JSON.parse(line)) })",
    check: 'transactions',
    says: /the driver answered step \d of a transaction|and .* is so/,
  },
];

/** What the mistakes above make use of. */
const helpers = `const turned = (said) => (Array.isArray(said.value) ? { ...said, value: said.value.slice().reverse() } : said);
let at;
let last;`;

describe('the acceptance suite, of logs and transactions', { timeout: 300_000 }, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-planted-'));
  });
  let server: LogServer | undefined;
  afterEach(() => server?.close());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function says(
    methods: string,
    {
      change,
      flaw = 'none',
      only = [],
    }: { change?: Pick<Mistake, 'was' | 'is'>; flaw?: Flaw; only?: readonly string[] },
  ): Promise<Readonly<Record<string, string>>> {
    server = new LogServer(flaw);
    const at = await server.listen();
    let text = readFileSync(asset('harness/driver-protocol/testdata/logs.mjs'), 'utf8');
    if (change !== undefined) {
      expect(text.split(change.was), 'the place of the mistake').toHaveLength(2);
      text = text
        .replace(change.was, () => change.is)
        .replace('let server;', () => `let server;\n${helpers}`)
        .replace('  let opened', '  at = { host, port: Number(port) };\n  let opened')
        .replace(
          '    asked.push(question);',
          () => '    asked.push(question);\n    last = `${JSON.stringify({ f, key, value })}\\n`;',
        );
    }
    const file = join(mkdtempSync(join(folder, 'driver-')), 'logs.mjs');
    writeFileSync(file, text);
    const guarantee = methods === LOGS ? 'log' : 'causal';
    const settings = new Map([['driver', `'${process.execPath}' '${file}' ${methods} ${guarantee}`]]);
    const system = await driver.configured?.(settings);
    if (system === undefined) throw new Error('not configured');
    const cluster = new GivenCluster(new Map([['n1', at]]), () => ({}), { observe: () => undefined });
    const tried = await acceptance({ system, cluster, settings }, { only });
    await cluster.destroy();
    return Object.fromEntries(
      tried.map(({ check, result }) => [check.name, 'why' in result ? `${result.type}: ${result.why}` : result.type]),
    );
  }

  test.each(mistakes)('finds a driver that $mistake', async ({ methods, check, says: sentence, was, is }) => {
    const { [check]: result } = await says(methods, { change: { was, is }, only: [check] });
    expect(result).toMatch(/^failed: /);
    expect(result).toMatch(sentence);
  });

  test('finds transactions whose reads find nothing', async () => {
    const { transactions } = await says(TRANSACTIONS, { flaw: 'reads nothing', only: ['transactions'] });
    expect(transactions).toMatch(/^failed: asked for .*null.* is so$/);
  });

  const elsewhere = {
    'reads-and-writes': 'passed',
    'compare-and-set': "not offered: 'cas' is not among the methods",
    'one-cas-wins': "not offered: 'cas' is not among the methods",
    'many-keys': "not offered: 'readMany' is not among the methods",
    'strongest-is-strong': expect.stringMatching(/^not offered: no write path promises linearizable/),
    'paths-go-where-they-say': 'passed',
    'timeouts-are-info': 'passed',
    'broken-connections-are-info': 'passed',
    'no-hidden-resends': 'passed',
    'refused-is-never-seen': 'passed',
    tokens: expect.stringMatching(/^not offered/),
    closes: 'passed',
    sight: expect.stringMatching(/^not offered/),
    'one-answer-each-in-time': 'passed',
  };

  test('passes an honest driver that has logs and nothing else', async () => {
    expect(await says(LOGS, {})).toEqual({
      ...elsewhere,
      logs: 'passed',
      transactions: "not offered: 'txn' is not among the methods",
    });
  });

  test('passes an honest driver of transactions', async () => {
    expect(await says(TRANSACTIONS, {})).toEqual({
      ...elsewhere,
      logs: "not offered: 'send' and 'poll' are not among the methods",
      transactions: 'passed',
    });
  });
});
