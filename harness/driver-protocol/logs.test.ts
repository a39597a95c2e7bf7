/** Logs and one-shot transactions through a driver: a store with neither registers nor TypeScript, run and judged. */
import { createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MILLISECOND, realClock } from '../../history/clock.ts';
import type { Step } from '../../history/store.ts';
import type { Value } from '../../history/operation.ts';
import { tidemark } from '../../test-support/tidemark.ts';
import { asset } from '../entry.ts';
import { entriesOf, offsetOf, stepsOf } from './words.ts';

/** Of a poll: so many entries at most. */
const PAGE = 7;
const ANSWER_NS = 6 * MILLISECOND;
const clock = realClock();

type Flaw = 'none' | 'forgets' | 'reads nothing';

interface Request {
  readonly f: string;
  readonly key: string;
  readonly value: Value;
}

/** Keeps logs and registers in memory, for whoever connects. */
class LogServer {
  readonly #logs = new Map<string, (Value | undefined)[]>();
  readonly #registers = new Map<string, Value>();
  readonly #server: Server;
  readonly #flaw: Flaw;
  #sends = 0;

  constructor(flaw: Flaw) {
    this.#flaw = flaw;
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined);
      createInterface(socket).on('line', (line) => {
        const request = JSON.parse(line) as Request; // of our own driver
        const answer = `${JSON.stringify(this.#answer(request))}\n`;
        // So that operations are under way at the same time.
        clock.timer(clock.now() + ANSWER_NS, () => socket.write(answer));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
  }

  #answer({ f, key, value }: Request): object {
    const log = this.#logs.get(key) ?? [];
    this.#logs.set(key, log);
    switch (f) {
      case 'send': {
        const forgets = this.#flaw === 'forgets' && ++this.#sends % 20 === 0;
        log.push(forgets ? undefined : value);
        return { offset: log.length - 1 };
      }
      case 'poll':
        return {
          value: log
            .map((one, offset) => [offset, one] as const)
            .filter(([offset, one]) => offset >= Number(value) && one !== undefined)
            .slice(0, PAGE),
        };
      case 'txn':
        return { value: (value as readonly Step[]).map((step) => this.#step(step)) };
      case 'write':
        this.#registers.set(key, value);
        return {};
      default:
        return { value: this.#registers.get(key) ?? null };
    }
  }

  #step([f, key, value]: Step): Step {
    if (f === 'w') this.#registers.set(String(key), value);
    const held = this.#registers.get(String(key)) ?? null;
    return [f, key, f === 'w' ? value : this.#flaw === 'reads nothing' ? null : held];
  }
}

let folder = '';
let server: LogServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-logs-'));
});
afterEach(() => {
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Told {
  readonly counts: Readonly<Record<string, number>>;
  readonly cells: readonly {
    readonly guarantee: string;
    readonly state: string;
    readonly evidence: Readonly<Record<string, number>>;
    readonly anomalies: readonly { readonly kind: string }[];
  }[];
}

async function run(flaw: Flaw, methods: string, guarantee: string, workload: string) {
  server = new LogServer(flaw);
  const at = await server.listen();
  const driver = `'${process.execPath}' '${asset('harness/driver-protocol/testdata/logs.mjs')}' ${methods} ${guarantee}`;
  const load = [
    '--workload',
    workload,
    '--duration',
    '1s',
    '--rate',
    '400',
    '--set',
    'sessions=4',
    '--set',
    'settle-ms=0',
  ];
  const ended = await tidemark(['run', '--driver', driver, '--endpoint', `n1=${at}`, ...load, '--json'], {
    cwd: folder,
  });
  expect(ended.stderr).not.toMatch(/went wrong/);
  const told = JSON.parse(ended.stdout) as Told;
  return { code: ended.code, told, cell: told.cells.find((one) => one.guarantee === guarantee) };
}

describe('a store of logs alone', { timeout: 120_000 }, () => {
  test('is run, its logs are polled to their end, and their promise is kept', async () => {
    const { code, told, cell } = await run('none', 'send,poll', 'log', 'log');
    expect(told.counts['info']).toBe(0);
    expect(cell).toMatchObject({ state: 'kept' });
    expect(cell?.evidence['sends']).toBeGreaterThan(100);
    expect(code).toBe(0);
  });

  test('one that forgets what it has acknowledged is found out', async () => {
    const { code, cell } = await run('forgets', 'send,poll', 'log', 'log');
    expect(cell?.state).toBe('broken');
    expect(cell?.anomalies.map((one) => one.kind).join()).toMatch(/lost|left out/);
    expect(code).toBe(1);
  });
});

describe('one-shot transactions through a driver', { timeout: 120_000 }, () => {
  test('are run and judged, each of their reads', async () => {
    const { code, told, cell } = await run('none', 'read,write,txn', 'read-your-writes', 'txn');
    expect(told.counts['ok']).toBeGreaterThan(100);
    expect(cell).toMatchObject({ state: 'kept' });
    expect(code).toBe(0);
  });

  test('reads that miss what was written are found', async () => {
    const { code, cell } = await run('reads nothing', 'read,write,txn', 'read-your-writes', 'txn');
    expect(cell?.state).toBe('broken');
    expect(code).toBe(1);
  });
});

describe('what a driver may answer', () => {
  test('a send: with an offset', () => {
    expect(offsetOf({ offset: 0 })).toBe(0);
    for (const offset of [undefined, -1, 1.5, '1'])
      expect(() => offsetOf({ offset })).toThrow('a whole number is needed');
  });

  test('a poll: with a list of entries, in whatever order: that is for the judge', () => {
    expect(
      entriesOf({
        value: [
          [3, 'a'],
          [1, null],
        ],
      }),
    ).toHaveLength(2);
    for (const value of [null, {}, [[1]], [['1', 2]], [[-1, 2]], [1]])
      expect(() => entriesOf({ value })).toThrow('a list of [offset, value] is needed');
  });

  test('a transaction: with its steps, and what each read found', () => {
    const asked: readonly Step[] = [
      ['r', 'x', null],
      ['w', 'y', 2],
    ];
    expect(
      stepsOf(
        {
          value: [
            ['r', 'prefix-x', 1],
            ['w', 'prefix-y', 2],
          ],
        },
        asked,
      ),
    ).toEqual([
      ['r', 'x', 1],
      ['w', 'y', 2],
    ]);
    for (const value of [
      [],
      [['r', 'x', 1]],
      [
        ['w', 'x', 1],
        ['w', 'y', 2],
      ],
      [
        ['r', 'x'],
        ['w', 'y', 2],
      ],
      [1, 2],
      null,
    ])
      expect(() => stepsOf({ value }, asked)).toThrow('the driver answered');
  });
});
