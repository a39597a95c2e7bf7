/** Logs and one-shot transactions through a driver: a store with neither registers nor TypeScript, run and judged. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Step } from '../../history/store.ts';
import { type Flaw, LogServer } from '../../test-support/log-server.ts';
import { tidemark } from '../../test-support/tidemark.ts';
import { asset } from '../entry.ts';
import { entriesOf, offsetOf, stepsOf } from './words.ts';

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
  readonly plan: { readonly bail?: { readonly guarantee: string; readonly kind: string } };
  readonly counts: Readonly<Record<string, number>>;
  readonly cells: readonly {
    readonly guarantee: string;
    readonly state: string;
    readonly evidence: Readonly<Record<string, number>>;
    readonly anomalies: readonly { readonly kind: string }[];
  }[];
}

async function run(flaw: Flaw, methods: string, guarantee: string, workload: string, more: readonly string[] = []) {
  server = new LogServer(flaw);
  const at = await server.listen();
  const driver = `'${process.execPath}' '${asset('harness/driver-protocol/testdata/logs.mjs')}' ${methods} ${guarantee}`;
  const load = [
    '--workload',
    workload,
    '--duration',
    '2s',
    '--rate',
    '400',
    '--set',
    'sessions=4',
    '--set',
    'settle-ms=0',
    ...more,
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

describe('--bail 1', { timeout: 120_000 }, () => {
  test('stops a run of logs', async () => {
    const { code, told, cell } = await run('repeats', 'send,poll', 'log', 'log', ['--bail', '1']);
    expect(told.plan.bail).toMatchObject({ guarantee: 'log', kind: 'reordered poll' });
    expect(cell?.state).toBe('broken');
    expect(code).toBe(1);
  });

  test.each(['read-your-writes', 'linearizable'])('stops a run of transactions: %s', async (guarantee) => {
    const { code, told, cell } = await run('reads nothing', 'read,write,txn', guarantee, 'txn', ['--bail', '1']);
    expect(told.plan.bail).toMatchObject({ guarantee });
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
