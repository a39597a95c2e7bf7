import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SECOND } from '../../history/clock.ts';
import run from '../commands/run.ts';
import { defaultPlan } from '../plan.ts';
import { type Overrides, planFields, type PlanFile, readPlanFile } from './read.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-plans-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string, over: Overrides = {}): Promise<PlanFile> {
  writeFileSync(join(folder, 'plan.yaml'), text);
  const { system, environment: env, nodes, durationNs } = defaultPlan;
  return readPlanFile('plan.yaml', folder, over, { system, env, nodes, durationNs });
}

/** The lines of what is said about a plan; names of what there is are cut off. */
async function mistakes(text: string, over: Overrides = {}): Promise<readonly string[]> {
  const said = await read(text, over).then(
    () => '',
    (error: Error) => error.message,
  );
  return said
    .split('\n')
    .map((line) => line.replace(/(Valid: (?:\S+, ){2}).*/, '$1…').replace(/(aimed: \S+, ).*/, '$1…'));
}

describe('a plan file', () => {
  test('of aliases that stand for more than there is memory is refused in one sentence', async () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefghi'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`),
    ];
    const [said, ...more] = await mistakes(bomb.join('\n'));
    expect(said).toMatch(/^plan\.yaml:1: Excessive alias count/);
    expect(more).toEqual([]);
  });

  test('may name a driver, and paths that only the driver knows', async () => {
    const file = `driver: python3 mine.py\nendpoint: ['n1=a:1', 'n2=b:2']\nread-path: of-its-own\nwrite-path: fast\n`;
    expect((await read(file)).flags).toEqual({
      driver: 'python3 mine.py',
      endpoint: ['n1=a:1', 'n2=b:2'],
      readPath: ['of-its-own'],
      writePath: ['fast'],
    });
    expect(await mistakes('read-path: of-its-own\n', { driver: true })).toEqual(['']);
  });

  test('with five mistakes gets five sentences, each with file, line, field and what would be right', async () => {
    expect(
      await mistakes(`# a run for the evening
seed: evening
env: dokcer
phases:
  - calm: 5 seconds
  - faults: 20s
    streams:
      - random: [isolate-leader, slow-dsk]
      - at: 19s
        fault: pause
        target: leader
        for: 2s
`),
    ).toEqual([
      '5 mistakes in plan.yaml:',
      "plan.yaml:2: seed: a whole number from 0 to 9007199254740991 is needed, not 'evening'.",
      "plan.yaml:3: env: There is no environment 'dokcer'. Did you mean 'docker'? Valid: compose, docker, …",
      "plan.yaml:5: phases[1].calm: a time such as 30s, or 'rest', is needed, not '5 seconds'.",
      "plan.yaml:8: phases[2].streams[1].random[2]: There is no fault 'slow-dsk'. Did you mean 'slow-disk'? Valid: mix, bridge, …",
      'plan.yaml:9: phases[2].streams[2].at: 19s and 2s end after the phase, which lasts 20s: it may begin at 18s at the latest.',
    ]);
  });

  test('with one mistake gets one sentence', async () => {
    expect(await mistakes('nodes: 12\n')).toEqual([
      'plan.yaml:1: nodes: a whole number from 1 to 9 is needed, not 12.',
    ]);
  });

  test('is told of each option that will not do', async () => {
    const wrong: readonly (readonly [string, string])[] = [
      ['rate: 1.5', 'rate: a whole number from 1 to 10000000 is needed, not 1.5.'],
      ['duration: 60', 'duration: a time from 100ms to 1440m, such as 1500ms, 60s or 5m, is needed, not 60.'],
      ['load: both', "load: There is no kind of load 'both'. Valid: open, closed."],
      ['quiet: perhaps', "quiet: true or false is needed, not 'perhaps'."],
      ['label: [a, b]', 'label: a map from names to values is needed, not ["a","b"].'],
      [
        'read-path: leader, folower',
        "read-path[2]: There is no read path 'folower'. Did you mean 'follower'? Valid: all, leader, …",
      ],
      ['write-path: [quorum]', "write-path[1]: There is no write path 'quorum'. Valid: all, leader-ack, …"],
      [
        'guarantee: lineariseable',
        "guarantee[1]: There is no guarantee 'lineariseable'. Did you mean 'linearizable'? Valid: linearizable, sequential, …",
      ],
      ['shard: 3', "shard: a text such as '2/8' is needed, not 3."],
      ['fault: [none, pause]', "fault: 'none' stands alone: it goes with no other."],
      ['workload: ledgr', "workload[1]: There is no workload 'ledgr'. Did you mean 'ledger'? Valid: ledger, log, …"],
      ['phase: []', "phase: There is no field 'phase'. Did you mean 'phases'? Valid: system, env, …"],
      ['set: { kies: 8 }', "set.kies: There is no setting 'kies'. Did you mean 'keys'? Valid: keys, sessions, …"],
    ];
    expect((await mistakes(wrong.map(([line]) => `${line}\n`).join(''))).slice(1)).toEqual(
      wrong.map(([, says], i) => `plan.yaml:${i + 1}: ${says}`),
    );
  });

  test('is told of each stream that will not do', async () => {
    const wrong: readonly (readonly [string, string])[] = [
      ['fault: pause, for: 1s', ': a stream has one of random, at, every, when.'],
      ['at: 1s, fault: pause', '.for: a time from 100ms to 1440m, such as 1500ms, 60s or 5m, is needed.'],
      ['at: 1s, fault: mix, for: 1s', ".fault: There is no fault 'mix'. Valid: bridge, change-members, …"],
      [
        'every: 9s, fault: pause, for: 2s',
        ".every: the first strike would last beyond the phase's end, which is after 10s.",
      ],
      [
        'at: 1s, fault: kill-leader, target: n2, for: 1s',
        ".target: 'kill-leader' chooses by itself whom it strikes; these can be aimed: clients-cut-off, …",
      ],
      [
        'at: 1s, fault: kill, target: n4, for: 1s',
        ".target: There is no target 'n4'. Did you mean 'n1'? Valid: leader, followers, …",
      ],
      [
        'at: 1s, fault: kill, target: it, for: 1s',
        ".target: 'it' is whom a trigger is about: only a stream with 'when' has one.",
      ],
      [
        'at: 1s, fault: slow-disk, with: { delay: 3 }, for: 1s',
        ".with.delay: There is no figure of 'slow-disk' 'delay'. Valid: delay-ms.",
      ],
      [
        'at: 1s, fault: slow-disk, with: { delay-ms: 0 }, for: 1s',
        '.with.delay-ms: a whole number from 1 to 60000 is needed, not 0.',
      ],
      ['random: mix, lasts: [3s, 1s]', '.lasts: the shortest time comes first, then the longest.'],
      [
        'when: new-leder, fault: pause, for: 1s',
        ".when: There is no occasion 'new-leder'. Did you mean 'new-leader'? Valid: new-leader, leader-lost, …",
      ],
      ['when: lag, fault: pause, for: 1s', '.above: a number of entries is needed, such as 1000.'],
      ['when: node-down, above: 3, fault: pause, for: 1s', ".above: only 'when: lag' is above something."],
      [
        'when: node-down, of: n8, fault: pause, for: 1s',
        ".of: There is no node 'n8'. Did you mean 'n1'? Valid: n1, n2, …",
      ],
      [
        'when: node-up, times: twice, fault: pause, for: 1s',
        ".times: 'once', 'every', or a number is needed, not 'twice'.",
      ],
    ];
    const streams = wrong.map(([stream]) => `      - { ${stream} }\n`).join('');
    const said = await mistakes(`phases:\n  - faults: 10s\n    streams:\n${streams}`);
    expect(said.slice(1)).toEqual(wrong.map(([, says], i) => `plan.yaml:${i + 4}: phases[1].streams[${i + 1}]${says}`));
  });

  test.each([
    ['set: { keys: 0 }', '1: set.keys: --set keys=0: a whole number from 1 to 100000 is needed.'],
    [
      'env: processes\nfault: [pause, isolate]',
      "2: fault[2]: the fault 'isolate' cannot be done: it needs cut, which the environment 'processes' does not offer; --skip-unsupported leaves it out.",
    ],
    ['phases: 3', '1: phases: a list of phases is needed, such as [{ calm: 5s }, { faults: 30s, streams: […] }].'],
    [
      'phases:\n  - { calm: 1s, streams: [] }',
      "2: phases[1].streams: a calm phase has no streams: say 'faults', not 'calm'.",
    ],
    ['phases:\n  - faults: 5s', '2: phases[1].streams: a list of streams is needed in a phase with faults.'],
    [
      'phases:\n  - { name: x }',
      "2: phases[1]: a phase is either calm or has faults: one of 'calm: 10s' and 'faults: 30s' is needed.",
    ],
    [
      'phases:\n  - calm: 5s\nduration: 6s',
      "3: duration: the phases last 5s together, not 6s: leave it out, or let one phase last the 'rest'.",
    ],
    ['phases:\n  - calm: rest\n  - calm: rest', "3: phases[2].calm: only one phase can last the 'rest'."],
    [
      'phases:\n  - calm: rest\n  - calm: 2m',
      "1: phases: nothing is left for the 'rest': the others last 2m, and the run 1m.",
    ],
    ['', '1: a map of options, as of `tidemark run --help`, and phases is needed.'],
    ['seed: 1\nseed: 2', '2: Map keys must be unique.'],
    ['seed: [1', '1: Flow sequence in block collection must be sufficiently indented and end with a ].'],
  ])('%j is refused', async (text, says) => {
    expect(await mistakes(text)).toEqual([`plan.yaml:${says}`]);
  });

  test('that is not there is named', async () => {
    const defaults = { system: 'reference', env: 'simulation', nodes: 3, durationNs: 1 };
    await expect(readPlanFile('absent.yaml', folder, {}, defaults)).rejects.toThrow(
      'The plan absent.yaml cannot be read: there is no such file.',
    );
  });

  test('can say everything that the command line of run can', async () => {
    const program = new Command();
    run.register(program, {} as never); // nothing is asked of it before a command is called
    const options = program.commands[0].options.map(({ long = '' }) => long.slice(2));
    const besides = ['plan', 'replay'];
    const everywhere = ['plugin']; // cli.ts gives it to every command
    const said = [...options.filter((option) => !besides.includes(option)), ...everywhere];
    expect(said.filter((option) => option.length > 0).sort()).toEqual(
      (await planFields()).filter((field) => field !== 'phases').sort(),
    );
  });

  test('becomes flags as commander makes them, and a schedule', async () => {
    const { flags, schedule, durationNs } = await read(`
seed: 7
read-path: leader, follower
set: { keys: 16, fsync: off }
env: processes
last-failed: true
quiet: false
no-database: true
duration: 20s
phases:
  - calm: 2s
  - faults: rest
    name: storm
    streams:
      - random: [pause-leader, { fault: kill, target: most-lagging }]
        slot: 2s
        lasts: [500ms, 1s]
      - every: 4s
        fault: pause
        target: n2
        for: 1s
        wait: 0s
      - { when: node-down, of: n1, fault: kill, target: leader, for: 1s, after: 10ms, times: once, cooldown: 3s }
`);
    expect(flags).toEqual({
      seed: '7',
      readPath: ['leader', 'follower'],
      set: ['keys=16', 'fsync=off'],
      env: 'processes',
      lastFailed: true,
      database: false,
      duration: '20000ms',
    });
    expect(durationNs).toBe(20 * SECOND);
    expect(schedule?.phases).toEqual([
      { durationNs: 2 * SECOND, streams: [] },
      {
        name: 'storm',
        durationNs: 18 * SECOND,
        streams: [
          {
            type: 'random',
            deeds: [{ fault: 'pause-leader' }, { fault: 'kill', target: 'most-lagging' }],
            slotNs: 2 * SECOND,
            lastsNs: [SECOND / 2, SECOND],
          },
          {
            type: 'at',
            at: [4 * SECOND, 8 * SECOND, 12 * SECOND, 16 * SECOND],
            deed: { fault: 'pause', target: 'n2' },
            durationNs: SECOND,
            patienceNs: 0,
          },
          {
            type: 'when',
            when: { type: 'node-down', of: 'n1' },
            deed: { fault: 'kill', target: 'leader' },
            durationNs: SECOND,
            afterNs: SECOND / 100,
            cooldownNs: 3 * SECOND,
            timesMax: 1,
          },
        ],
      },
    ]);
  });

  test('is read as the command line changes it', async () => {
    const plan = `env: processes\nnodes: 5\nphases:\n  - calm: 1s\n  - faults: rest\n    streams: [{ at: 1s, fault: isolate, target: n5, for: 1s }]\n`;
    expect(await mistakes(plan)).toHaveLength(1);
    const { schedule } = await read(plan, { env: 'simulation', duration: '9s' });
    expect(schedule?.phases.map(({ durationNs }) => durationNs / SECOND)).toEqual([1, 8]);
    expect((await read(plan, { skipUnsupported: true })).schedule?.phases).toHaveLength(2);
    expect(await mistakes(plan, { env: 'simulation', nodes: '3' })).toEqual([
      "plan.yaml:6: phases[2].streams[1].target: There is no target 'n5'. Did you mean 'n1'? Valid: leader, followers, …",
    ]);
  });
});
