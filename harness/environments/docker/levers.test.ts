/** Levers whose agents are words in this process: what they say of a fault that could not be healed. */
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { realClock } from '../../../history/clock.ts';
import { Random } from '../../../history/random.ts';
import { hadEffect, type Injection, UNASKED } from '../../../nemesis/fault.ts';
import { AgentLink } from './agent-link.ts';
import { lines, type Numbered } from './agent/protocol.ts';
import { createLevers } from './levers.ts';

const clock = realClock();

/** What an agent of a well node answers; each asking has seen one more of everything. */
function answerOf(request: Numbered): unknown {
  const n = request.id;
  if (request.do === 'cut' || request.do === 'mend') return { dropped: { '198.19.0.2': n } };
  if (request.do === 'cut-clients' || request.do === 'mend-clients') return { dropped: n };
  if (request.do === 'bend' || request.do === 'straighten')
    return { travelled: { '198.19.0.2': { delayed: n, dropped: n, duplicated: n, reordered: n, limited: n } } };
  if (request.do === 'pause') return { was: true, life: 1 };
  if (request.do === 'disk') return { syncsDelayed: n, writesRefused: n, stalls: n, readsFailed: n, writesFailed: n };
  if (request.do === 'clock') return { shifted: n, rated: n, waits: n };
  return { throttledMs: n, memoryBytes: n, memoryFailures: n };
}

/** Three nodes; those in `mute` refuse whatever they are asked. */
function levers(mute: Set<string>) {
  const controlled = new Map(
    ['n1', 'n2', 'n3'].map((id, i) => {
      const hear = lines((line) => {
        const request = JSON.parse(line) as Numbered;
        const said = mute.has(id) ? { error: 'no' } : { ok: answerOf(request) };
        stream.push(`${JSON.stringify({ id: request.id, ...said })}\n`);
      });
      const stream = new Duplex({
        read: () => undefined,
        write(bytes: Buffer, _, done) {
          hear(bytes.toString());
          done();
        },
      });
      const quiet = (): void => undefined;
      const demux = (from: NodeJS.ReadWriteStream, out: NodeJS.WritableStream): void => void from.pipe(out);
      const link = new AgentLink({ clock, node: id, stream, demux, log: quiet, told: quiet, broken: quiet });
      const address = `198.19.0.${i + 2}`;
      const nothing = (): Promise<void> => Promise.resolve();
      const does = { start: nothing, fill: nothing, fail: nothing, limit: nothing };
      return [id, { id, address, ports: [7600], peers: [], data: '/data', link, ...does }] as const;
    }),
  );
  return createLevers(
    (id) => {
      const node = controlled.get(id);
      if (node === undefined) throw new Error(id);
      return node;
    },
    clock,
    new Random(1),
  );
}

type All = ReturnType<typeof levers>;

const pulls: readonly (readonly [string, (all: All) => Promise<Injection>])[] = [
  ['cut', (all) => all.cut([{ from: 'n1', to: 'n2' }])],
  ['shape', (all) => all.shape([{ from: 'n2', to: 'n1' }], { loss: 0.5 })],
  ['throttle', (all) => all.throttle([{ from: 'n2', to: 'n1' }], 1000)],
  ['cutClients', (all) => all.cutClients(['n2'], ['requests'])],
  ['slowDisk', (all) => all.slowDisk('n2', 1)],
  ['stallDisk', (all) => all.stallDisk('n2')],
  ['fillDisk', (all) => all.fillDisk('n2')],
  ['failDisk', (all) => all.failDisk('n2', { reads: 1, writes: 0 })],
  ['clock', (all) => all.clock('n2', { offsetNs: 1, driftPpm: 0 })],
  ['squeeze', (all) => all.squeeze('n2', { cpus: 0.5 })],
];

describe('a fault that could not be healed', () => {
  test.each(pulls)('%s: its effect is unknown, not none, until it is', async (_, pull) => {
    const mute = new Set<string>();
    const injection = await pull(levers(mute));
    mute.add('n2');
    await expect(injection.heal()).rejects.toThrow('n2: no');
    expect(injection.effect()[UNASKED]).toBe(1);
    expect(hadEffect(injection.effect())).toBe(true);
    mute.clear();
    await injection.heal();
    expect(injection.effect()).not.toHaveProperty([UNASKED]);
    expect(Math.max(...Object.values(injection.effect()))).toBeGreaterThan(0);
  });

  test('pause: for how long a node stood still that does not say so is nobody else’s to say', async () => {
    const mute = new Set<string>();
    const pause = await levers(mute).pause(['n1', 'n2']);
    expect(pause.effect()).toHaveProperty(['ms stopped']);
    mute.add('n2');
    await expect(pause.heal()).rejects.toThrow('n2: no');
    expect(pause.effect()).toEqual({ 'nodes stopped': 2, [UNASKED]: 1 });
  });

  test('on one of several nodes: what the others say is counted', async () => {
    const mute = new Set<string>();
    const cut = await levers(mute).cut([
      { from: 'n1', to: 'n2' },
      { from: 'n1', to: 'n3' },
    ]);
    mute.add('n2');
    await expect(cut.heal()).rejects.toThrow('n2: no');
    expect(cut.effect()).toEqual({ 'packets dropped': 1, [UNASKED]: 1 });
  });
});
