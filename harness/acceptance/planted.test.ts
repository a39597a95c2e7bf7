/**
 * The alarm rings: each mistake, planted in the example driver, is found by the check that is there for it, on the real store.
 *
 * long because: the mistakes are one list, and all are tried on one store.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../../test-support/need.ts';
import { type StoreProcesses, storeProcesses } from '../../test-support/store-processes.ts';
import { asset } from '../entry.ts';
import { GivenCluster } from '../environments/endpoints/endpoints.ts';
import { injection } from '../environments/real/injection.ts';
import driver from '../systems/driver.ts';
import { acceptance } from './suite.ts';

need('python3');

const NAME = 'planted';
/** So late is the follower; starting a driver takes less. */
const LATE_MS = 2000;

interface Mistake {
  readonly mistake: string;
  readonly file: 'reference.py' | 'tidemark_driver.py';
  readonly was: string;
  readonly is: string;
  readonly check: string;
  readonly says: RegExp;
}

/** Nodes are said to have the role that the path is to ask, and all who are asked lead. */
const sightless = {
  was: 'serve(HELLO, Client)',
  is: `invokes = Client.invoke


def invoke(self, f, key, value, seconds, path=None):
    if f == "read" and "node" not in self.open:
        path = "leader"
    return {name: said for name, said in invokes(self, f, key, value, seconds, path).items() if name != "role"}


Client.invoke = invoke
paths = [{"name": "leader", "asks": "leader"}, {"name": "follower", "asks": "follower"}]
serve({**HELLO, "sight": False, "readPaths": paths, "tokenPaths": [], "promises": []}, Client)`,
} as const;

/** Of a client that has read before: where this holds it asks another node, for its own state. */
function later(holds: string): Pick<Mistake, 'was' | 'is'> {
  return {
    was: 'serve(HELLO, Client)',
    is: `invokes = Client.invoke


def invoke(self, f, key, value, seconds, path=None):
    path, at = path or self.open["readPath"], self.at
    self.reads = self.__dict__.get("reads", 0) + (f == "read")
    if f != "read" or key == "sight" or not (${holds}):
        return invokes(self, f, key, value, seconds, path)
    self.at = next(name for name in self.open["nodes"] if name != at)
    try:
        return invokes(self, f, key, value, seconds, "follower")
    finally:
        self.at = at


Client.invoke = invoke
paths = [{"name": "leader", "asks": "leader"}, "follower", "follower+token"]
serve({**HELLO, "readPaths": paths}, Client)`,
  };
}

const mistakes: readonly Mistake[] = [
  {
    mistake: 'claims ok for a time-out',
    file: 'tidemark_driver.py',
    was: '"fail" if kind == "open" else "info", "error"',
    is: '"fail" if kind == "open" else "ok", "value": 7, "error"',
    check: 'timeouts-are-info',
    says: /ended as ok, and the store had it, and no answer came back/,
  },
  {
    mistake: 'claims ok for a time-out of one way through one path',
    file: 'reference.py',
    was: '            _, kind, *said = self.ask(seconds, 1, *body)',
    is: `            try:
                _, kind, *said = self.ask(seconds, 1, *body)
            except OSError:
                if f != "cas" or self.open["writePath"] != WRITES[-1]:
                    raise
                return {"value": 7}`,
    check: 'timeouts-are-info',
    says: /a cas through 'all-ack' ended as ok, and the store had it, and no answer came back/,
  },
  {
    mistake: 'swallows the errors of reads',
    file: 'reference.py',
    was: '            _, kind, *said = self.ask(seconds, 1, *body)',
    is: `            try:
                _, kind, *said = self.ask(seconds, 1, *body)
            except OSError:
                if f != "read":
                    raise
                return {"value": None}`,
    check: 'timeouts-are-info',
    says: /a read through 'leader' said null, and no node's answer had come back/,
  },
  {
    mistake: 'calls a broken connection a failure',
    file: 'tidemark_driver.py',
    was: '"fail" if kind == "open" else "info"',
    is: '"fail"',
    check: 'broken-connections-are-info',
    says: /says that it never happens, and its connection broke after it was sent: nobody knows/,
  },
  {
    mistake: 'calls refused what was done',
    file: 'tidemark_driver.py',
    was: '"fail" if kind == "open" else "info"',
    is: '"fail"',
    check: 'refused-is-never-seen',
    says: /says that it never happens, and then 'leader' read what it wrote/,
  },
  ...(
    [
      [
        'timeouts-are-info',
        /a cas through '[a-z-]+' ended as fail \(mismatch\), .* the store had it, and no answer came back/,
      ],
      ['broken-connections-are-info', /a cas ended as fail \(mismatch\), .* its connection broke after it was sent/],
      [
        'refused-is-never-seen',
        /a cas ended as fail \(.*\), which says that it never happens, and then 'leader' read what/,
      ],
    ] as const
  ).map(([check, says]) => ({
    mistake: `calls a cas without an answer a mismatch, as ${check} has it`,
    file: 'reference.py' as const,
    was: '            _, kind, *said = self.ask(seconds, 1, *body)',
    is: `            try:
                _, kind, *said = self.ask(seconds, 1, *body)
            except OSError:
                if f != "cas":
                    raise
                raise Mismatch(None)`,
    check,
    says,
  })),
  {
    mistake: 'calls a cas that a node refused a mismatch',
    file: 'reference.py',
    was: '        if kind >= 4:',
    is: `        if kind == 4 and f == "cas":
            raise Mismatch(None)
        if kind >= 4:`,
    check: 'refused-is-never-seen',
    says: /a cas from null through '[a-z-]+' ended as mismatch \(n\d was asked by name\), and nobody had written that key/,
  },
  ...(['write', 'cas'] as const).map((f) => ({
    mistake: `swallows the refusal of a ${f}`,
    file: 'reference.py' as const,
    was: '        if kind >= 4:',
    is: `        if kind == 4 and f == "${f}":
            return {}
        if kind >= 4:`,
    check: 'refused-is-never-seen',
    says: new RegExp(
      `a ${f} through '[a-z-]+' said ok \\(n\\d was asked by name\\), and is not there: 'leader' read null`,
    ),
  })),
  {
    mistake: 'reads from another node than it was told',
    file: 'reference.py',
    was: 'self.at = open.get("node") or names',
    is: 'self.at = names',
    check: 'paths-go-where-they-say',
    says: /a client of n\d by name: it asked n\d/,
  },
  {
    mistake: 'reads from another node than it was told, from its second read on',
    file: 'reference.py',
    ...later('self.reads > 1 and "node" in self.open'),
    check: 'paths-go-where-they-say',
    says: /a client of n\d by name: it asked n\d/,
  },
  {
    mistake: 'asks for the leader once, and a follower from its second read on',
    file: 'reference.py',
    ...later('self.reads > 1 and path == "leader"'),
    check: 'paths-go-where-they-say',
    says: /read path 'leader': it is to ask a leader, and it asked n\d, which is a follower/,
  },
  {
    mistake: 'asks for the leader, and a follower from its seventh read on',
    file: 'reference.py',
    ...later('self.reads > 6 and path == "leader"'),
    check: 'paths-go-where-they-say',
    says: /read path 'leader': it is to ask a leader, and it asked n\d, which is a follower/,
  },
  {
    mistake: 'says that another node answered',
    file: 'reference.py',
    was: '"node": self.at, "role"',
    is: '"node": "n1" if self.at == "n2" else "n2", "role"',
    check: 'paths-go-where-they-say',
    says: /it says that n\d answered, and it asked n\d/,
  },
  {
    mistake: 'keeps what it wrote, and answers reads of it by itself',
    file: 'reference.py',
    was: '        texts = [None',
    is: `        kept = self.__dict__.setdefault("kept", {})
        if f == "write":
            kept[key] = value
        if f == "read" and key in kept:
            return {"value": kept[key], "node": self.at}
        texts = [None`,
    check: 'paths-go-where-they-say',
    says: /read path 'leader': it read \d+, and asked no node: it had written that/,
  },
  {
    mistake: 'keeps what it read, and answers reads of it by itself',
    file: 'reference.py',
    was: 'serve(HELLO, Client)',
    is: `asks, kept = Client.invoke, {}


def invoke(self, f, key, value, seconds, path=None):
    if f != "read" or key not in kept:
        kept[key] = asks(self, f, key, value, seconds, path)
        return kept[key] if f == "read" else kept.pop(key)
    return kept[key]


Client.invoke = invoke
serve(HELLO, Client)`,
    check: 'paths-go-where-they-say',
    says: /a client of n\d by name: it read \d+, and asked no node: it had read that key before/,
  },
  {
    mistake: 'asks, and answers with what it wrote itself',
    file: 'reference.py',
    was: 'serve(HELLO, Client)',
    is: `asks, kept = Client.invoke, {}


def invoke(self, f, key, value, seconds, path=None):
    said = asks(self, f, key, value, seconds, path)
    if f == "write":
        kept[key] = value
    return {**said, "value": kept.get(key, said["value"])} if f == "read" else said


Client.invoke = invoke
serve(HELLO, Client)`,
    check: 'reads-and-writes',
    says: /one client wrote (\d+), another wrote \d+ after it, and for 5 s the first one read \1 through 'leader'/,
  },
  {
    mistake: 'sends again by itself',
    file: 'reference.py',
    was: '            _, kind, *said = self.ask(seconds, 1, *body)',
    is: `            try:
                _, kind, *said = self.ask(seconds, 1, *body)
            except OSError:
                _, kind, *said = self.ask(seconds, 1, *body)`,
    check: 'no-hidden-resends',
    says: /a write was sent 2 times/,
  },
  {
    mistake: 'ignores tokens',
    file: 'reference.py',
    was: 'token = self.token if path == "follower+token" else [None]',
    is: 'token = [None]',
    check: 'tokens',
    says: /was written and acknowledged, and .* read null with the token of that write/,
  },
  {
    mistake: 'has no token to hand on',
    file: 'reference.py',
    was: ', "token": self.token}',
    is: '}',
    check: 'tokens',
    says: /after an acknowledged write the client has no token/,
  },
  {
    mistake: 'answers twice',
    file: 'tidemark_driver.py',
    was: '        print(json.dumps({**answer, "id": request["id"]}), flush=True)',
    is: '        print("\\n".join([json.dumps({**answer, "id": request["id"]})] * (2 if request.get("f") == "write" else 1)), flush=True)',
    check: 'reads-and-writes',
    says: /the driver answered question \d+ twice/,
  },
  {
    mistake: 'answers late',
    file: 'tidemark_driver.py',
    was: '        except Exception as error:',
    is: '        except Exception as error:\n            import time; time.sleep(0.4)',
    check: 'one-answer-each-in-time',
    says: /late answers?; late again when they were tried again/,
  },
  {
    mistake: 'claims to have swapped',
    file: 'reference.py',
    was: '            raise Mismatch(held)',
    is: '            return {}',
    check: 'compare-and-set',
    says: /swapped, and the register held something else/,
  },
  {
    mistake: 'swaps where nothing is, whatever was expected',
    file: 'reference.py',
    was: '            raise Mismatch(held)',
    is: `            if held is None:
                return self.invoke("write", key, value[1], seconds)
            raise Mismatch(held)`,
    check: 'compare-and-set',
    says: /cas from \d+ to \d+ swapped, and the register held nothing/,
  },
  {
    mistake: 'says mismatch where nothing is, and writes',
    file: 'reference.py',
    was: '            raise Mismatch(held)',
    is: `            if held is None:
                self.invoke("write", key, value[1], seconds)
            raise Mismatch(held)`,
    check: 'compare-and-set',
    says: /after cas from \d+ to (\d+) the register should hold null, and a read says \1/,
  },
  {
    mistake: 'looks first, and writes then, for a cas',
    file: 'reference.py',
    was: '        texts = [None',
    is: `        if f == "cas":
            held = self.invoke("read", key, None, seconds, path="leader")["value"]
            if held != value[0]:
                raise Mismatch(held)
            return self.invoke("write", key, value[1], seconds)
        texts = [None`,
    check: 'one-cas-wins',
    says: /4 clients asked at once for a cas of one key from null, and 4 of them say that they swapped it/,
  },
  {
    mistake: 'has a cas write where it says mismatch',
    file: 'reference.py',
    was: '            raise Mismatch(held)',
    is: `            self.invoke("write", key, value[1], seconds)
            raise Mismatch(held)`,
    check: 'one-cas-wins',
    says: /the one that swapped it wrote \d+, and a read says \d+/,
  },
  {
    mistake: 'reads from the leader what it says a follower is asked for, without sight',
    file: 'reference.py',
    ...sightless,
    check: 'paths-go-where-they-say',
    says: /it says that (n\d) answered as leader through 'leader', and \1 as follower through 'follower'/,
  },
  {
    mistake: 'goes on to see the old leader',
    file: 'reference.py',
    was: '        seen = self.invoke("read", "sight", None, seconds, path="follower")',
    is: '        seen = self.seen = getattr(self, "seen", None) or self.invoke("read", "sight", None, seconds, path="follower")',
    check: 'sight',
    says: /led and was ended, writes are acknowledged again since 2 s, and no other node is sighted as the leader/,
  },
];

describe('the acceptance suite', { timeout: 300_000 }, () => {
  let store: StoreProcesses;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-planted-'));
  beforeAll(async () => {
    if (missing('python3') === undefined) store = await storeProcesses(NAME);
  }, 180_000);
  afterAll(async () => {
    await store?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the suite says of the example driver with these changes, and with none. */
  async function says(
    changed: Pick<Mistake, 'file' | 'was' | 'is'> | undefined,
    only: readonly string[],
  ): Promise<Readonly<Record<string, string>>> {
    const copy = mkdtempSync(join(folder, 'driver-'));
    cpSync(asset('examples/drivers'), copy, { recursive: true });
    if (changed !== undefined) {
      const file = join(copy, changed.file);
      const text = readFileSync(file, 'utf8');
      expect(text.split(changed.was), 'the place of the mistake').toHaveLength(2);
      writeFileSync(
        file,
        text.replace(changed.was, () => changed.is),
      );
    }
    const settings = new Map([
      ['driver', `python3 '${join(copy, 'reference.py')}'`],
      ['cluster', NAME],
    ]);
    const system = await driver.configured?.(settings);
    if (system === undefined) throw new Error('not configured');
    const endpoints = new Map(store.addresses.map((address, i) => [`n${i + 1}`, address]));
    const cluster = new GivenCluster(endpoints, () => ({}), { observe: () => undefined });
    cluster.levers.kill = async (nodes) => {
      for (const node of nodes) await store.kill(node);
      return injection(
        async () => nodes.forEach((node) => store.start(node)),
        () => ({ 'nodes killed': nodes.length }),
      );
    };
    await store.settled();
    // Only once all nodes have answered: one that hears everything late may refuse for as long as it is waited for.
    const ready = async (): Promise<string | undefined> => {
      const why = await system.ready?.(cluster);
      store.late(only.includes('tokens') ? LATE_MS : 0);
      return why;
    };
    const tried = await acceptance({ system: { ...system, ready }, cluster, settings }, { only });
    store.late(0);
    await cluster.destroy();
    return Object.fromEntries(
      tried.map(({ check, result }) => [check.name, 'why' in result ? `${result.type}: ${result.why}` : result.type]),
    );
  }

  test('passes tokens that are honoured on a follower that is behind', async () => {
    expect(await says(undefined, ['tokens'])).toEqual({ tokens: 'passed' });
  });

  test.each(mistakes)('finds a driver that $mistake', async ({ check, says: sentence, ...changed }) => {
    const before = check === 'one-answer-each-in-time' ? ['timeouts-are-info', check] : [check];
    const { [check]: result } = await says(changed, before);
    expect(result).toMatch(/^failed: /);
    expect(result).toMatch(sentence);
  });

  test('passes a driver that was late only once, as a busy machine makes it: what was tried is tried again', async () => {
    const mark = join(folder, 'was-late');
    const changed = {
      file: 'tidemark_driver.py',
      was: '        except Exception as error:',
      is: `        except Exception as error:
            import os, time
            if not os.path.exists("${mark}"):
                open("${mark}", "w").close()
                time.sleep(0.4)`,
    } as const;
    expect(await says(changed, ['timeouts-are-info', 'one-answer-each-in-time'])).toEqual({
      'timeouts-are-info': 'passed',
      'one-answer-each-in-time': 'passed',
    });
    expect(existsSync(mark)).toBe(true);
  });

  test('passes the example driver as it is, of which all else is shown', async () => {
    const results = await says(undefined, []);
    expect(results).toEqual({
      'reads-and-writes': 'passed',
      'compare-and-set': 'passed',
      'one-cas-wins': 'passed',
      'many-keys': "not offered: 'readMany' is not among the methods",
      logs: "not offered: 'send' and 'poll' are not among the methods",
      transactions: "not offered: 'txn' is not among the methods",
      'strongest-is-strong': 'passed',
      'paths-go-where-they-say': 'passed',
      'timeouts-are-info': 'passed',
      'broken-connections-are-info': 'passed',
      'no-hidden-resends': 'passed',
      'refused-is-never-seen': 'passed',
      tokens: expect.stringMatching(/^not shown: no node was ever behind|^passed/),
      closes: 'passed',
      sight: 'passed',
      'one-answer-each-in-time': 'passed',
    });
  });
});
