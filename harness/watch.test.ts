import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import type { NodeId, Role, Sighting } from '../history/operation.ts';
import type { Deployment } from './environments/environment.ts';
import { Recorder } from './recorder.ts';
import type { System } from './system.ts';
import { Watch } from './watch.ts';
import reference from './systems/reference.ts';

const nodes = ['n1', 'n2', 'n3'];
let folder: string;
let recorder: Recorder;
let say: Map<NodeId, readonly Sighting[]>;
let watch: Watch;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tm-watch-'));
  const clock = realClock();
  recorder = new Recorder({ file: join(folder, 'journal.jsonl'), clock, real: clock });
  say = new Map();
  const system: System = { ...reference, sight: (_cluster, node) => Promise.resolve(say.get(node) ?? []) };
  watch = new Watch(system, nodes, recorder);
  watch.attach({ nodes, levers: {}, isUp: () => true } as unknown as Deployment); // all that the watch asks of one
});

afterEach(() => {
  recorder.close();
  rmSync(folder, { recursive: true });
});

function part(node: NodeId, group: string, role: Role, term: number, applied = 1): Sighting {
  const at = { group, history: term, at: applied };
  return { node, role, term, commit: at, applied: at, members: nodes };
}

function notes(): unknown[] {
  recorder.flush();
  const lines = readFileSync(join(folder, 'journal.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { value: unknown }).value); // our own journal
}

describe('a fault', () => {
  it('is offered no lever that does not reach the system, though the environment has it', () => {
    const system: System = { ...reference, unreachable: { slowDisk: 'it has no disk' } };
    const other = new Watch(system, nodes, recorder);
    const lever = (): Promise<never> => Promise.reject(new Error('pulled'));
    other.attach({ nodes, levers: { slowDisk: lever, kill: lever }, isUp: () => true } as unknown as Deployment);
    expect(Object.keys(other.levers)).toContain('kill');
    expect(other.levers.slowDisk).toBeUndefined();
  });
});

describe('one group', () => {
  it('has learners, by what they say of themselves', async () => {
    say.set('n3', [part('n3', 'g0', 'learner', 1)]);
    await watch.look();
    expect(watch.learners()).toEqual(['n3']);
  });

  it('has the leader of the highest term, until that goes down', async () => {
    say.set('n1', [part('n1', 'g0', 'leader', 1)]);
    say.set('n2', [part('n2', 'g0', 'leader', 2)]);
    expect(watch.led).toBe(false);
    await watch.look();
    expect([watch.led, watch.leader(), watch.followers(), watch.group]).toEqual([true, 'n2', ['n1', 'n3'], undefined]);
    watch.observe({ type: 'down', node: 'n2' });
    expect(watch.leader()).toBe('n1');
    watch.observe({ type: 'store', node: 'n3', event: { type: 'role', role: 'leader', term: 3, why: '' } });
    expect(watch.leader()).toBe('n3');
    expect(notes()).toEqual([
      { node: 'n1', role: 'leader', term: 1, commit: ['g0', 1, 1], applied: ['g0', 1, 1], members: nodes },
      { node: 'n2', role: 'leader', term: 2, commit: ['g0', 2, 1], applied: ['g0', 2, 1], members: nodes },
      { node: 'n2' },
      { node: 'n3', role: 'leader', term: 3, group: 'g0' },
    ]);
  });
});

it('counts what the store tells, and what it tells while nodes are cut off', () => {
  const tell = (): void =>
    watch.observe({ type: 'store', node: 'n1', event: { type: 'truncated', entries: [{}, {}], acknowledged: 0 } });
  tell();
  watch.partitioned = () => true;
  tell();
  expect(watch.counts).toMatchObject({
    truncations: 2,
    'truncations under partition': 1,
    'entries undone': 4,
    'entries undone under partition': 2,
  });
});

describe('several groups', () => {
  beforeEach(async () => {
    say.set('n1', [part('n1', 'g0', 'leader', 1, 9), part('n1', 'g1', 'follower', 7, 4)]);
    say.set('n2', [part('n2', 'g0', 'follower', 1, 8), part('n2', 'g1', 'leader', 7, 9)]);
    say.set('n3', [part('n3', 'g0', 'follower', 1, 7), part('n3', 'g1', 'follower', 7, 5)]);
    await watch.look();
  });

  it('are aimed at one after another', () => {
    const seen = new Map<string | undefined, unknown>();
    const random = new Random('aim');
    for (let i = 0; i < 20; i++) {
      watch.aim(random);
      seen.set(watch.group, [watch.leader(), watch.followers(), watch.mostLagging()]);
    }
    expect(Object.fromEntries(seen)).toEqual({
      g0: ['n1', ['n2', 'n3'], 'n3'],
      g1: ['n2', ['n1', 'n3'], 'n1'],
    });
  });

  it('are led when each of them is', async () => {
    expect(watch.led).toBe(true);
    say.set('n2', [part('n2', 'g0', 'follower', 1), part('n2', 'g1', 'candidate', 8)]);
    await watch.look();
    expect(watch.led).toBe(false);
    watch.observe({
      type: 'store',
      node: 'n3',
      event: { type: 'role', role: 'leader', term: 9, why: '', group: 'g1' },
    });
    expect(watch.led).toBe(true);
  });
});

it('tells how far a node is behind a leader of its own history only, where each counts by itself', async () => {
  for (const withinHistory of [true, false]) {
    const positions = { unit: 'bytes', ...(withinHistory && { withinHistory: true as const }) };
    const system: System = { ...reference, positions, sight: (_, node) => Promise.resolve(say.get(node) ?? []) };
    const other = new Watch(system, nodes, recorder);
    other.attach({ nodes, levers: {}, isUp: () => true } as unknown as Deployment); // all that the watch asks of one
    const lags: unknown[] = [];
    other.tell((seen) => void (seen.type === 'lag' && lags.push([seen.node, seen.entries])));
    say.set('n1', [part('n1', 'g', 'leader', 2, 900)]);
    say.set('n2', [part('n2', 'g', 'follower', 2, 800)]);
    say.set('n3', [part('n3', 'g', 'follower', 1, 100)]);
    await other.look();
    expect(lags).toEqual(
      withinHistory
        ? [['n2', 100]]
        : expect.arrayContaining([
            ['n2', 100],
            ['n3', 800],
          ]),
    );
  }
});
