import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordOf } from '../../results/valid.ts';
import { placesIn, spoiled } from '../../test-support/places.ts';
import { asset } from '../entry.ts';
import { recordedPlan } from './recorded-plan.ts';

const deed = { fault: 'pause', target: 'leader', figures: { 'bytes-per-second': 5 } };
const struck = {
  stream: '1.2',
  nth: 1,
  fault: 'pause',
  at: 5e9,
  durationNs: 1e9,
  targets: ['n1'],
  skipped: 'nobody to strike',
  unhealed: 'it did not go on',
  leader: 'n1',
  because: { type: 'lag', node: 'n2', entries: 7, group: 'g', term: 3, fault: 'pause' },
};
const schedule = {
  phases: [
    {
      name: 'one',
      durationNs: 1e9,
      streams: [
        { type: 'random', deeds: [deed], slotNs: 1e9, lastsNs: [1e8, 2e8] },
        { type: 'at', at: [1, 2], deed, durationNs: 1e8, patienceNs: 1e8 },
        {
          type: 'when',
          when: { type: 'lag', above: 5, of: 'n1' },
          deed,
          durationNs: 1e8,
          afterNs: 0,
          patienceNs: 1e8,
          timesMax: 2,
          cooldownNs: 1e9,
        },
      ],
    },
  ],
};
const unsupported = [{ fault: 'skew', why: 'the clock is the host’s' }];
const series = {
  method: 'read',
  path: 'leader',
  count: 5,
  throughput: 2.5,
  p50Ns: 1,
  p90Ns: 2,
  p99Ns: 3,
  p999Ns: 4,
  maxNs: 5,
  sentP50Ns: 1,
  sentP99Ns: 2,
};
/** With all that may be there. As it comes from a file: nothing is in two places at once. */
const plan = JSON.parse(
  JSON.stringify({
    later: { version: 2 },
    nodes: 3,
    durationNs: 1e9,
    load: 'open',
    rate: 0.25,
    readPaths: ['leader'],
    writePaths: ['quorum-ack'],
    withheld: true,
    strikes: [struck],
    unsupported,
    schedule,
    fired: { third: 2 },
    failures: ['the cluster did not start'],
    positions: { unit: 'bytes' },
    guide: { strikes: [struck], whole: true },
    replay: {
      run: '20261121-070340-512-k3f9q2',
      exact: true,
      sameJournal: true,
      killed: true,
      strikes: 3,
      alike: 2,
      elsewhere: 1,
      differences: ['1.1#1: n1 for n2'],
    },
    bail: {
      guarantee: 'durable',
      writePath: 'quorum-ack',
      readPath: 'leader',
      at: 5,
      event: 17,
      kind: 'lost write',
      sentence: 'Write 5 of x was lost.',
      sparedNs: 1e9,
    },
    asked: {
      system: 'reference',
      environment: 'simulation',
      workloads: ['register'],
      faults: ['mix'],
      seed: 1,
      durationNs: 1e9,
      nodes: 3,
      load: 'open',
      rate: 600,
      readPaths: ['leader'],
      writePaths: ['quorum-ack'],
      guarantees: ['durable'],
      settings: { keys: '8' },
      schedule,
      file: 'plan.yaml',
      skipUnsupported: true,
      unsupported,
    },
    bench: {
      mix: 'b',
      distribution: 'zipfian',
      records: 1_000,
      valueBytes: 100,
      targets: ['leader'],
      writePath: 'quorum-ack',
      warmUpNs: 1e9,
      durationNs: 1e9,
      repeats: 3,
      sessions: 64,
      checkedKeys: 8,
      checked: { operations: 5, of: 7 },
      virtualTime: false,
      steps: [
        {
          target: 'leader',
          rate: 100,
          repeat: 1,
          seconds: 1,
          arrivals: 100,
          answered: 90,
          refused: 5,
          unknown: 2,
          shed: 3,
          sampled: 4,
          throughput: 90.5,
          lateP99Ns: 5,
          series: [series],
        },
      ],
      ladder: {
        limitNs: 2e7,
        from: 96,
        most: 1e6,
        rungs: [
          {
            target: 'leader',
            held: 800,
            failed: 1_600,
            why: 'p99 was too long',
            confirmed: [{ p50Ns: 1, p99Ns: 2, throughput: 799.5 }],
          },
        ],
      },
    },
  }),
) as unknown;

test('runs of earlier versions have plans that can be read', () => {
  const folder = asset('results/testdata');
  const files = readdirSync(folder).filter((file) => file.startsWith('record-'));
  expect(files.length).toBeGreaterThan(3);
  for (const file of files)
    expect(recordOf(JSON.parse(readFileSync(join(folder, file), 'utf8')), recordedPlan)).toHaveProperty('id');
});

test('a plan with all that may be there can be read, and so can one with nothing', () => {
  expect(recordedPlan(plan, 'plan')).toBeUndefined();
  expect(recordedPlan({}, 'plan')).toBeUndefined();
  expect(recordedPlan([], 'plan')).toEqual({ path: 'plan', due: 'a map' });
});

test.each([
  [{ nodes: 2.5 }, 'nodes'],
  [{ nodes: 2 ** 31 }, 'nodes'],
  [{ nodes: '3' }, 'nodes'],
  [{ nodes: null }, 'nodes'],
  [{ durationNs: -1 }, 'durationNs'],
  [{ rate: Number.POSITIVE_INFINITY }, 'rate'],
  [{ load: 5 }, 'load'],
])('what the view of plans has as a column: %j', (wrong, name) => {
  expect(recordedPlan(wrong, 'plan')?.path).toBe(`plan.${name}`);
});

describe('what a plan holds is looked at:', () => {
  const unread = ['later', 'later.version', 'positions.unit'];
  const places = [...placesIn(plan)].filter((path) => !unread.includes(path));

  test('there are many places', () => expect(places.length).toBeGreaterThan(150));

  test.each(places)('%s', (path) => {
    const wrong = recordedPlan(spoiled(plan, path), 'plan');
    expect(wrong?.due).toMatch(/^[^.]+$/);
    const named = wrong?.path.replace(/^plan\./, '') ?? '';
    // What is wrong in a map of figures or texts is said of the whole.
    expect(path.startsWith(named)).toBe(true);
    expect(path.slice(named.length)).toMatch(/^(\.[^.[]+)?$/);
  });
});
