import { describe, expect, test } from 'vitest';
import type { Bundle } from '../core/messages.ts';
import type { DiskWrite, Effects, Entry, Status, Steps } from '../core/types.ts';
import { atEndOfTurn, monotonicMs } from './clock.ts';
import { Host } from './host.ts';
import { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import type { RollbackRecord, Storage } from './storage.ts';

/** A host whose core does nothing but note when it is stepped, and whose disk keeps undone entries when it is told to. */
function hosted(): {
  host: Host;
  steps: { readonly what: string; readonly nowMs: number }[];
  written: DiskWrite[];
  kept: RollbackRecord[];
  keep: () => void;
} {
  const steps: { what: string; nowMs: number }[] = [];
  const core: Steps<Bundle> = {
    receive: (_from, _bundle, nowMs) => void steps.push({ what: 'receive', nowMs }),
    request: (_request, _body, nowMs) => void steps.push({ what: 'request', nowMs }),
    synced: (_ticket, nowMs) => void steps.push({ what: 'synced', nowMs }),
    fired: () => undefined,
    diskChanged: () => undefined,
    elect: () => undefined,
    snapshot: () => expect.fail('no snapshot is due'),
    compacted: () => undefined,
    status: () => expect.fail('nobody asks for it'),
    statuses: (): readonly Status[] => [],
  };
  const written: DiskWrite[] = [];
  const kept: RollbackRecord[] = [];
  let keep = (): void => undefined;
  const storage: Storage = {
    recovered: [],
    write: (write) => void written.push(write),
    snapshot: () => expect.fail('no snapshot is due'),
    compact: () => undefined,
    keepUndone: (records) =>
      new Promise((resolve) => {
        keep = () => {
          kept.push(...records);
          resolve();
        };
      }),
    statistics: () => expect.fail('nobody asks for them'),
    close: () => Promise.resolve(),
  };
  const host = new Host({
    boot: (_nowMs: number, _out: Effects<Bundle>) => core,
    storage,
    send: () => undefined,
    log: new Log('n1', 'text', () => undefined),
    metrics: new Metrics(),
    snapshots: { entries: 100, bytes: 1e6, keep: 10 },
    acknowledgement: 'quorum-ack',
    fatal: (error) => {
      throw error;
    },
    told: () => undefined,
  });
  return { host, steps, written, kept, keep: () => keep() };
}

function spin(ms: number): number {
  const untilMs = monotonicMs() + ms;
  while (monotonicMs() < untilMs);
  return monotonicMs();
}

describe('the time of a step', () => {
  test('is read when the request is taken up, not when the turn began', () => {
    const { host, steps } = hosted();
    const asker = { answer: () => undefined };
    const body = { type: 'read', path: 'leader-lease', keys: ['x'], waitMs: 0 } as const;
    host.deliver('n2', { type: 'bundle', parts: [] });
    const afterFirst = spin(3);
    host.ask(asker, 1, body);
    const afterSecond = spin(3);
    // One more of the same turn, as in a frame of many requests.
    host.ask(asker, 2, body);
    const [received, first, second] = steps.map(({ nowMs }) => nowMs);
    expect(received).toBeLessThan(afterFirst);
    expect(first).toBeGreaterThanOrEqual(afterFirst);
    expect(second).toBeGreaterThanOrEqual(afterSecond);
  });
});

describe('what is undone', () => {
  test('is in the rollback file before it goes from the log', async () => {
    const { host, written, kept, keep } = hosted();
    const entry: Entry = { term: 1, index: 3, command: { type: 'write', key: 'x', value: 2 } };
    host.tell({ type: 'truncated', entries: [entry], acknowledged: 1, acknowledgedAt: [3], overwrote: [1] });
    host.write({ ticket: 1, truncateFrom: 3 });
    host.write({ ticket: 2 });
    await new Promise<void>(atEndOfTurn);
    expect(written).toEqual([]);
    keep();
    await new Promise<void>(atEndOfTurn);
    expect(kept).toEqual([{ group: 'g0', entry, acknowledged: true, at: expect.any(String), overwrote: 1 }]);
    expect(written.map(({ ticket }) => ticket)).toEqual([1, 2]);
    host.write({ ticket: 3 });
    expect(written.map(({ ticket }) => ticket)).toEqual([1, 2, 3]);
    await host.stop();
  });

  test('was acknowledged where it was committed, and says what it replaced, that it did not, or that nobody knows', async () => {
    const { host, kept, keep } = hosted();
    const write = { type: 'write', key: 'x', value: 2 } as const;
    const commands = [{ type: 'noop' } as const, write, write, write];
    const entries = commands.map((command, i): Entry => ({ term: 1, index: i + 3, command }));
    const none = { acknowledged: 0, acknowledgedAt: [] };
    const overwrote = [undefined, undefined, null, 2];
    host.tell({ type: 'truncated', entries, ...none, overwrote, committedAt: [3, 4, 5], unknownAt: [4] });
    keep();
    await new Promise<void>(atEndOfTurn);
    const each = kept.map(({ at: _at, entry: _entry, group: _group, ...said }) => said);
    expect(each).toEqual([
      { acknowledged: false, committed: true },
      { acknowledged: true, committed: true, overwroteUnknown: true },
      { acknowledged: true, committed: true, overwrote: null },
      { acknowledged: false, overwrote: 2 },
    ]);
    await host.stop();
  });
});
